//! The store in a folder as a server of it sees it: nothing outside of the folder can be named, whatever lies in it.

use crate::{Digest, keys};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt as _};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wharf_contract::claim::{Failure, MAX_BODY, MAX_KEYS, Over, Stat};

/// Where pieces of objects lie until they are one; no key leads there.
const UPLOADS: &str = ".uploads";
/// Age at which pieces are nobody's any more.
const STALE: Duration = Duration::from_secs(86_400);
/// Times that a folder is made again for an object, should others remove it as empty meanwhile.
const TRIES: u32 = 5;

/// Why something was not done, and in words.
pub(super) type Refused = (Failure, String);

/// A folder of objects. Every call blocks.
#[derive(Debug)]
pub(super) struct Folder(Dir);

impl Folder {
    /// The folder at this path. Removes pieces that nobody came back for.
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        let folder = Folder(Dir::open_ambient_dir(path, ambient_authority())?);
        folder.0.create_dir_all(UPLOADS)?;
        let now = SystemTime::now();
        for entry in folder.0.read_dir(UPLOADS)?.flatten() {
            let age = entry.metadata().and_then(|m| m.modified()).map(|at| now.duration_since(at.into_std()));
            if matches!(age, Ok(Ok(age)) if age > STALE) {
                drop(entry.remove_file());
            }
        }
        Ok(folder)
    }

    pub(super) fn head(&self, key: &str) -> Result<Stat, Refused> {
        stat(&self.file(key)?.metadata().map_err(failed)?)
    }

    /// A piece, and what the whole object is.
    pub(super) fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        of: Option<Stat>,
    ) -> Result<(Stat, Option<String>, Vec<u8>), Refused> {
        let most = usize::try_from(length).ok().filter(|n| *n <= MAX_BODY);
        let most = most.ok_or_else(|| invalid("a piece of that many bytes"))?;
        let file = self.file(key)?.into_std();
        let there = stat(&Metadata::from_file(&file).map_err(failed)?)?;
        if of.is_some_and(|of| of != there) {
            return Err((Failure::Changed, format!("{key} was replaced while it was read")));
        }
        let left = usize::try_from(there.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(left)];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        bytes.truncate(read);
        let whole = offset == 0 && bytes.len() as u64 == there.size;
        let tag = whole.then(|| Digest::of(&bytes).to_string());
        Ok((there, tag, bytes))
    }

    pub(super) fn put(&self, key: &str, over: &Over, bytes: &[u8]) -> Result<(), Refused> {
        checked(key)?;
        let expected = match over {
            Over::Anything => {
                let (upload, file) = self.new_upload()?;
                file.write_all_at(bytes, 0).and_then(|()| file.sync_all()).map_err(failed)?;
                return self.publish(&upload, key);
            }
            Over::Nothing => None,
            Over::Content { tag } => Some(Digest::parse(tag).ok_or_else(|| invalid("a tag that is none"))?),
        };
        self.make_parents(key)?;
        match put_if(&self.0, key, bytes, expected.as_ref()) {
            Ok(true) => Ok(()),
            Ok(false) => Err((Failure::Changed, format!("{key} is another one by now"))),
            Err(e) => Err(failed(e)),
        }
    }

    /// Writes a piece. Done twice it is the same.
    pub(super) fn part(&self, upload: &str, offset: u64, bytes: &[u8]) -> Result<(), Refused> {
        let file = self.0.open_with(uploaded(upload)?, OpenOptions::new().create(true).write(true));
        file.and_then(|file| file.into_std().write_all_at(bytes, offset)).map_err(failed)
    }

    pub(super) fn finish(&self, upload: &str, key: &str, size: u64) -> Result<(), Refused> {
        checked(key)?;
        let path = uploaded(upload)?;
        let file = self.0.open_with(&path, OpenOptions::new().write(true)).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len();
        if there != size {
            return Err((Failure::Failed, format!("{there} bytes of {key} have come, not {size}")));
        }
        file.sync_all().map_err(failed)?;
        self.publish(&path, key)
    }

    pub(super) fn abort(&self, upload: &str) -> Result<(), Refused> {
        absent_is_fine(self.0.remove_file(uploaded(upload)?)).map_err(failed)
    }

    /// Copies without the bytes being copied, where the file system can.
    pub(super) fn copy(&self, from: &str, to: &str) -> Result<(), Refused> {
        checked(to)?;
        let source = self.file(from)?;
        let linked = format!("{UPLOADS}/{}", random().map_err(failed)?);
        if self.0.hard_link(from, &self.0, &linked).is_ok() {
            return self.publish(&linked, to);
        }
        let (upload, mut file) = self.new_upload()?;
        io::copy(&mut source.into_std(), &mut file).and_then(|_| file.sync_all()).map_err(failed)?;
        self.publish(&upload, to)
    }

    /// What is not there counts as deleted, and so do folders that are empty then.
    pub(super) fn delete(&self, keys: &[String]) -> Result<(), Refused> {
        if keys.len() > MAX_KEYS {
            return Err(invalid("so many keys at a time"));
        }
        for key in keys {
            checked(key)?;
            absent_is_fine(self.0.remove_file(key)).map_err(failed)?;
            let mut folder = key.as_str();
            while let Some((parent, _)) = folder.rsplit_once('/') {
                if self.0.remove_dir(parent).is_err() {
                    break;
                }
                folder = parent;
            }
        }
        Ok(())
    }

    pub(super) fn dir(&self) -> &Dir {
        &self.0
    }

    /// An object's file, whatever stands at its place: one that is no file counts as not there.
    fn file(&self, key: &str) -> Result<File, Refused> {
        checked(key)?;
        // What never has a writer must not hold the reader up.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0));
        let file = self.0.open_with(key, &options).map_err(failed)?;
        match file.metadata().map_err(failed)?.is_file() {
            true => Ok(file),
            false => Err((Failure::NotFound, format!("{key} is no object"))),
        }
    }

    fn new_upload(&self) -> Result<(String, std::fs::File), Refused> {
        let name = format!("{UPLOADS}/{}", random().map_err(failed)?);
        let file = self.0.open_with(&name, OpenOptions::new().create_new(true).write(true)).map_err(failed)?;
        Ok((name, file.into_std()))
    }

    /// Puts what was uploaded in the place of an object.
    fn publish(&self, upload: &str, key: &str) -> Result<(), Refused> {
        let mut tries = 0;
        loop {
            self.make_parents(key)?;
            match self.0.rename(upload, &self.0, key) {
                Err(e) if e.kind() == ErrorKind::NotFound && tries < TRIES => tries += 1,
                done => {
                    done.map_err(failed)?;
                    // Two names of one file: then a rename leaves both.
                    drop(self.0.remove_file(upload));
                    return Ok(());
                }
            }
        }
    }

    fn make_parents(&self, key: &str) -> Result<(), Refused> {
        key.rsplit_once('/').map_or(Ok(()), |(parent, _)| self.0.create_dir_all(parent)).map_err(failed)
    }
}

/// Replaces the object if its content is still this; under a lock against others, of this and of other machines, that do it
/// likewise. False: it is not.
pub(crate) fn put_if(dir: &Dir, key: &str, bytes: &[u8], seen: Option<&Digest>) -> io::Result<bool> {
    let mut create = OpenOptions::new();
    create.create(true).truncate(false).write(true);
    let lock = dir.open_with(format!("{key}.lock"), &create)?.into_std();
    lock.lock()?;
    let there = match dir.read(key) {
        Ok(bytes) => Some(Digest::of(&bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    if there.as_ref() != seen {
        return Ok(false);
    }
    let temp = format!("{key}.next");
    dir.write(&temp, bytes)?;
    dir.open(&temp)?.sync_all()?;
    dir.rename(&temp, dir, key)?;
    Ok(true)
}

fn checked(key: &str) -> Result<(), Refused> {
    // The lock and the next state of an object lie beside it.
    let bare = key.strip_suffix(".lock").or_else(|| key.strip_suffix(".next")).unwrap_or(key);
    if keys::is_key(key) || keys::is_key(bare) { Ok(()) } else { Err(invalid("a key that is none")) }
}

fn uploaded(upload: &str) -> Result<String, Refused> {
    let good = upload.len() == 32 && upload.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    good.then(|| format!("{UPLOADS}/{upload}")).ok_or_else(|| invalid("an upload of that name"))
}

/// 32 hex digits that nobody else draws.
pub(super) fn random() -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

pub(super) fn stat(meta: &Metadata) -> Result<Stat, Refused> {
    let modified = meta.modified().map_err(failed)?.into_std();
    let modified = modified.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
    Ok(Stat { size: meta.len(), modified })
}

pub(super) fn failed(e: io::Error) -> Refused {
    let why = match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Failure::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Failure::Denied,
        _ => Failure::Failed,
    };
    (why, format!("the volume: {e}"))
}

pub(super) fn invalid(what: &str) -> Refused {
    (Failure::Invalid, format!("{what} is not served"))
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        other => other,
    }
}
