//! `wharf:task/artifacts`: writing needs `grants.staging`, reading `grants.artifacts` and an entry of
//! `grants.readable`.

use crate::Digest;
use crate::bindings::wharf::task::artifacts::{Artifact, ArtifactError, Host, HostReader, HostWriter};
use crate::sandbox::Guest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use wasmtime::component::Resource;
use wharf_contract::Grants;
use wharf_depot::Hasher;

/// Most bytes that one read gives.
const MAX_READ: u32 = 1 << 20;
/// Longest name in bytes.
const MAX_NAME: usize = 255;
/// Artifacts that one attempt may finish.
const MAX_ARTIFACTS: usize = 10_000;

type Answer<T> = wasmtime::Result<Result<T, ArtifactError>>;

/// What an attempt has staged.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub finished: Vec<wharf_contract::Artifact>,
    started: u64,
}

/// An artifact that is being read.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Reader(File);

/// An artifact that is being written; dropped, it leaves nothing.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Writer {
    name: String,
    media_type: Option<String>,
    file: File,
    temp: PathBuf,
    hasher: Hasher,
    size: u64,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Gone where it was finished.
        drop(fs::remove_file(&self.temp));
    }
}

impl Writer {
    fn create(grants: &Grants, number: u64, name: String, media_type: Option<String>) -> Result<Writer, ArtifactError> {
        if !name_is_valid(&name) || media_type.as_ref().is_some_and(|m| !name_is_valid(&m.replace('/', "."))) {
            return Err(ArtifactError::InvalidName);
        }
        let Some(staging) = &grants.staging else {
            return Err(ArtifactError::Io("this attempt was granted no folder to write artifacts to".into()));
        };
        fs::create_dir_all(staging).map_err(io)?;
        let temp = staging.join(format!(".tmp-{number}"));
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&temp).map_err(io)?;
        Ok(Writer { name, media_type, file, temp, hasher: Hasher::new(), size: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        self.file.write_all(bytes).map_err(io)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<wharf_contract::Artifact, ArtifactError> {
        let digest = std::mem::take(&mut self.hasher).finish();
        fs::rename(&self.temp, self.temp.with_file_name(digest.hex())).map_err(io)?;
        Ok(wharf_contract::Artifact {
            digest: digest.to_string(),
            size: self.size,
            name: std::mem::take(&mut self.name),
            media_type: self.media_type.take(),
        })
    }
}

impl Guest {
    /// Stages a whole artifact.
    pub(crate) fn stage(
        &mut self,
        name: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<wharf_contract::Artifact, ArtifactError> {
        let mut writer = self.create_writer(name.to_owned(), Some(media_type.to_owned()))?;
        self.take_disk(bytes.len())?;
        writer.write(bytes)?;
        writer.finish()
    }

    fn create_writer(&mut self, name: String, media_type: Option<String>) -> Result<Writer, ArtifactError> {
        if self.staged.finished.len() >= MAX_ARTIFACTS {
            return Err(ArtifactError::Limit(format!("an attempt may write {MAX_ARTIFACTS} artifacts")));
        }
        self.staged.started += 1;
        Writer::create(&self.attempt.invocation.grants, self.staged.started, name, media_type)
    }

    fn take_disk(&self, bytes: usize) -> Result<(), ArtifactError> {
        if self.attempt.take_disk(bytes) {
            return Ok(());
        }
        let limit = self.attempt.invocation.limits.disk;
        Err(ArtifactError::Limit(format!("the attempt may write {limit} bytes to disk")))
    }
}

impl Host for Guest {
    fn open(&mut self, artifact: Artifact) -> Answer<Resource<Reader>> {
        match open(&self.attempt.invocation.grants, &artifact.digest) {
            Ok(file) => Ok(Ok(self.table.push(Reader(file))?)),
            Err(e) => Ok(Err(e)),
        }
    }

    fn create(&mut self, name: String, media_type: Option<String>) -> Answer<Resource<Writer>> {
        match self.create_writer(name, media_type) {
            Ok(writer) => Ok(Ok(self.table.push(writer)?)),
            Err(e) => Ok(Err(e)),
        }
    }

    fn finish(&mut self, writer: Resource<Writer>) -> Answer<Artifact> {
        let writer = self.table.delete(writer)?;
        Ok(writer.finish().map(|artifact| {
            self.staged.finished.push(artifact.clone());
            Artifact {
                digest: artifact.digest,
                size: artifact.size,
                name: artifact.name,
                media_type: artifact.media_type,
            }
        }))
    }
}

impl HostReader for Guest {
    fn read(&mut self, reader: Resource<Reader>, max: u32) -> Answer<Vec<u8>> {
        let file = &mut self.table.get_mut(&reader)?.0;
        let mut bytes = Vec::new();
        Ok(file.take(u64::from(max.min(MAX_READ))).read_to_end(&mut bytes).map(|_| bytes).map_err(io))
    }

    fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

impl HostWriter for Guest {
    fn write(&mut self, writer: Resource<Writer>, bytes: Vec<u8>) -> Answer<()> {
        if let Err(e) = self.take_disk(bytes.len()) {
            return Ok(Err(e));
        }
        Ok(self.table.get_mut(&writer)?.write(&bytes))
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

fn io(e: io::Error) -> ArtifactError {
    ArtifactError::Io(e.to_string())
}

/// An error, for a person.
pub(crate) fn words(error: &ArtifactError) -> &str {
    match error {
        ArtifactError::NotFound => "there is no such artifact",
        ArtifactError::InvalidName => "the name is not valid",
        ArtifactError::Limit(why) | ArtifactError::Io(why) => why,
    }
}

fn name_is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(|c| c == '/' || c.is_control())
}

fn open(grants: &Grants, digest: &str) -> Result<File, ArtifactError> {
    let granted = grants.readable.iter().any(|a| a.digest == digest);
    let (Some(root), Some(digest), true) = (&grants.artifacts, Digest::parse(digest), granted) else {
        return Err(ArtifactError::NotFound);
    };
    File::open(path(root, &digest)).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => ArtifactError::NotFound,
        _ => io(e),
    })
}

/// Where the artifact store keeps an artifact.
fn path(root: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    root.join(&hex[..2]).join(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["chart.svg", "übersicht", "a b", ".hidden"] {
            assert!(name_is_valid(good), "{good}");
        }
        for bad in ["", "a/b", "a\nb", "\0", &"x".repeat(256)] {
            assert!(!name_is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_what_is_granted_opens() {
        let dir = tempfile::tempdir().unwrap();
        let put = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            let path = path(dir.path(), &digest);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
            wharf_contract::Artifact { digest: digest.to_string(), size: 0, name: "x".into(), media_type: None }
        };
        let (granted, other) = (put(b"granted"), put(b"other"));
        let gone = wharf_contract::Artifact { digest: Digest::of(b"gone").to_string(), ..granted.clone() };
        let grants = Grants {
            artifacts: Some(dir.path().to_owned()),
            readable: vec![granted.clone(), gone.clone()],
            ..Grants::default()
        };
        assert!(open(&grants, &granted.digest).is_ok());
        for refused in [&other.digest, &gone.digest, "sha256:..", "../../etc/passwd"] {
            assert!(matches!(open(&grants, refused), Err(ArtifactError::NotFound)), "{refused}");
        }
    }

    #[test]
    fn a_finished_writer_leaves_one_file_and_a_dropped_one_none() {
        let dir = tempfile::tempdir().unwrap();
        let staging = dir.path().join("made/when/needed");
        let grants = Grants { staging: Some(staging.clone()), ..Grants::default() };
        let mut kept = Writer::create(&grants, 1, "a".into(), None).unwrap();
        let mut dropped = Writer::create(&grants, 2, "b".into(), None).unwrap();
        kept.write(b"hello").unwrap();
        dropped.write(b"never").unwrap();
        drop(dropped);
        let artifact = kept.finish().unwrap();
        assert_eq!((artifact.size, artifact.digest.as_str()), (5, Digest::of(b"hello").to_string().as_str()));
        let files: Vec<_> = fs::read_dir(&staging).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(files, [Digest::of(b"hello").hex().as_str()]);
    }
}
