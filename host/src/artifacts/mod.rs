//! Named byte streams, kept by their content: `<state>/artifacts/<tenant>/<2 hex>/<64 hex>`.
//!
//! An attempt writes into a staging folder of its own. What its outcome names is moved here **before** the outcome is
//! recorded: what is recorded must exist. A file that was moved and never recorded is found and removed by
//! [`crate::store::Upkeep`]. An attempt that writes the same content again changes nothing.
//!
//! What a pod wrote lies in its tenant's store instead, and is taken over there in the same way: see [`pod`].

mod content;
mod pins;
pub mod pod;

pub use content::{Content, ContentError};
pub use pins::{Pinned, Removable, Removal};

use pins::Pins;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_contract::{Artifact, Outcome, Payload};

/// The artifacts of a state folder. Clones share what is pinned, so a process makes one and clones it.
#[derive(Debug, Clone)]
pub struct Artifacts {
    state_dir: PathBuf,
    pins: Arc<Pins>,
}

/// Why what an outcome names cannot be taken over. The outcome must not be recorded as it is then.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// `sha256:` and 64 lower-case hex digits are needed.
    #[error("`{0}` is no digest of an artifact")]
    BadDigest(String),
    /// The staging folder does not hold it.
    #[error("the artifact `{name}` ({digest}) was announced and not written")]
    Missing {
        /// As the task named it.
        name: String,
        /// As announced.
        digest: String,
    },
    /// The file is not what the outcome says.
    #[error("the artifact `{name}` is not what was announced: {size} bytes of {digest}")]
    Different {
        /// As the task named it.
        name: String,
        /// As found.
        digest: String,
        /// As found.
        size: u64,
    },
    /// The tenant's store does not have the artifact, or not as announced.
    #[error("the artifact `{name}` cannot be kept in the tenant's store: {source}")]
    Store {
        /// As the task named it.
        name: String,
        /// What the store says.
        source: wharf_depot::Error,
    },
    /// A file cannot be used.
    #[error("cannot keep an artifact at {}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Artifacts {
    /// The artifacts of a state folder. Touches nothing.
    #[must_use]
    pub fn new(state_dir: &Path) -> Artifacts {
        Artifacts { state_dir: state_dir.to_owned(), pins: Arc::default() }
    }

    /// Where an artifact lies, if the digest is one.
    #[must_use]
    pub fn path(&self, tenant: &str, digest: &str) -> Option<PathBuf> {
        let hex = hex_of(digest)?;
        Some(self.state_dir.join("artifacts").join(tenant).join(&hex[..2]).join(hex))
    }

    /// Bytes of an artifact that is there.
    #[must_use]
    pub fn size(&self, tenant: &str, digest: &str) -> Option<u64> {
        Some(fs::metadata(self.path(tenant, digest)?).ok()?.len())
    }

    /// Takes over what an outcome names from the staging folder of its attempt, and removes that folder. When this
    /// returns, the files are there for good. Blocks for a file sync each; nothing named, nothing done.
    ///
    /// May be repeated: what is there already is not asked for again.
    ///
    /// # Errors
    /// [`PromoteError`]; some files may have been taken over, the folder stays.
    pub fn promote(&self, tenant: &str, staging: &Path, outcome: &Outcome) -> Result<Pinned, PromoteError> {
        let mut pinned = Pinned::new(&self.pins);
        for artifact in named(outcome) {
            pinned.hold((tenant.to_owned(), artifact.digest.clone()));
            self.take_over(tenant, staging, artifact)?;
        }
        self.discard(staging).map_err(|source| PromoteError::File { path: staging.to_owned(), source })?;
        Ok(pinned)
    }

    /// Removes the staging folder of an attempt that ended, if there is one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn discard(&self, staging: &Path) -> io::Result<()> {
        gone(fs::remove_dir_all(staging))
    }

    /// Removes every staging folder. Only at the start, when no attempt runs.
    ///
    /// # Errors
    /// What the file system says.
    pub fn clear_staging(&self) -> io::Result<()> {
        gone(fs::remove_dir_all(self.state_dir.join("staging")))
    }

    /// Removes an artifact, unless it is pinned or `referenced` says that it is needed. False: it was not removed, and
    /// should be asked for again. `referenced` is asked while nothing can be promoted.
    ///
    /// # Errors
    /// What the file system says, or `referenced`.
    pub fn remove<E: From<io::Error>>(
        &self,
        tenant: &str,
        digest: &str,
        referenced: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Some(path) = self.path(tenant, digest) else { return Ok(true) };
        let pins = self.pins.lock();
        if pins.is_held(&(tenant.to_owned(), digest.to_owned())) {
            return Ok(false);
        }
        if !referenced()? {
            gone(fs::remove_file(path))?;
        }
        Ok(true)
    }

    /// Says whether an artifact may be removed from its tenant's store, which takes longer than anybody can be held up.
    /// `referenced` is asked while nothing can be promoted; what is in the state folder under that name goes at once.
    ///
    /// # Errors
    /// What the file system says, or `referenced`.
    pub fn begin_removal<E: From<io::Error>>(
        &self,
        tenant: &str,
        digest: &str,
        referenced: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Removable, E> {
        let removable = self.pins.begin_removal((tenant.to_owned(), digest.to_owned()), referenced)?;
        if let (Removable::Yes(_), Some(path)) = (&removable, self.path(tenant, digest)) {
            gone(fs::remove_file(path))?;
        }
        Ok(removable)
    }

    /// Tenants that have artifacts.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tenants(&self) -> io::Result<Vec<String>> {
        names(&self.state_dir.join("artifacts"))
    }

    /// Digests of a tenant's artifacts that begin with this byte.
    ///
    /// # Errors
    /// What the file system says.
    pub fn list(&self, tenant: &str, first: u8) -> io::Result<Vec<String>> {
        let found = names(&self.state_dir.join("artifacts").join(tenant).join(format!("{first:02x}")))?;
        Ok(found.into_iter().map(|hex| format!("sha256:{hex}")).filter(|d| hex_of(d).is_some()).collect())
    }

    fn take_over(&self, tenant: &str, staging: &Path, artifact: &Artifact) -> Result<(), PromoteError> {
        let (Some(hex), Some(target)) = (hex_of(&artifact.digest), self.path(tenant, &artifact.digest)) else {
            return Err(PromoteError::BadDigest(artifact.digest.clone()));
        };
        let folder = target.parent().unwrap_or(&self.state_dir).to_owned();
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| PromoteError::File { path, source }
        };
        if fs::metadata(&target).is_ok_and(|m| m.is_file() && m.len() == artifact.size) {
            // Perhaps of an attempt that was cut off before its folder was synced.
            return sync(&folder).map_err(fail(&folder));
        }
        let staged = staging.join(hex);
        // The folder is written to by whoever runs guests: no link is followed out of it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = match rustix::fs::open(&staged, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => {
                return Err(PromoteError::Missing { name: artifact.name.clone(), digest: artifact.digest.clone() });
            }
            Err(e) => return Err(fail(&staged)(e.into())),
        };
        if !file.metadata().map_err(fail(&staged))?.is_file() {
            return Err(PromoteError::Missing { name: artifact.name.clone(), digest: artifact.digest.clone() });
        }
        let (digest, size) = digest_of(&mut file).map_err(fail(&staged))?;
        if digest != artifact.digest || size != artifact.size {
            return Err(PromoteError::Different { name: artifact.name.clone(), digest, size });
        }
        file.set_permissions(Permissions::from_mode(0o444)).map_err(fail(&staged))?;
        file.sync_all().map_err(fail(&staged))?;
        make_folder(&folder).map_err(fail(&folder))?;
        fs::rename(&staged, &target).map_err(fail(&target))?;
        sync(&folder).map_err(fail(&folder))
    }
}

/// What an outcome names: artifacts, and an output that is one.
pub(crate) fn named(outcome: &Outcome) -> impl Iterator<Item = &Artifact> {
    let output = match &outcome.output {
        Some(Payload::Artifact(artifact)) => Some(artifact),
        _ => None,
    };
    outcome.artifacts.iter().chain(output)
}

fn hex_of(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    let fits = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    fits.then_some(hex)
}

fn digest_of(file: &mut File) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => {
                hasher.update(&chunk[..n]);
                size += n as u64;
            }
        }
    }
    let hex: String = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok((format!("sha256:{hex}"), size))
}

/// Makes a folder and those above it, each of them there for good.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    folder.parent().map_or(Ok(()), sync)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::Cause;

    const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn artifact(digest: &str, size: u64) -> Artifact {
        Artifact { digest: digest.into(), size, name: "greeting".into(), media_type: None }
    }

    fn outcome(artifact: Artifact) -> Outcome {
        Outcome { artifacts: vec![artifact], ..Outcome::failed(Cause::Succeeded, "") }
    }

    fn stage(dir: &Path, name: &str, text: &str) -> PathBuf {
        let staging = dir.join("staging/1-a-x-1");
        fs::create_dir_all(&staging).unwrap();
        fs::write(staging.join(name), text).unwrap();
        staging
    }

    #[test]
    fn what_an_outcome_names_is_taken_over_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::new(dir.path());
        let staging = stage(dir.path(), &HELLO[7..], "hello");
        fs::write(staging.join(".tmp-2"), "half a file").unwrap();
        for _ in 0..2 {
            let pinned = artifacts.promote("acme", &staging, &outcome(artifact(HELLO, 5))).unwrap();
            assert!(!pinned.is_empty());
            assert_eq!(artifacts.size("acme", HELLO), Some(5));
            assert!(!staging.exists(), "the staging folder goes");
        }
        assert_eq!(artifacts.size("other", HELLO), None, "tenants do not share");
        assert_eq!(fs::read(artifacts.path("acme", HELLO).unwrap()).unwrap(), b"hello");
        assert_eq!(artifacts.list("acme", 0x2c).unwrap(), [HELLO]);
        assert_eq!(artifacts.tenants().unwrap(), ["acme"]);
    }

    #[test]
    fn what_is_not_as_announced_is_refused() {
        let bad = format!("sha256:{}", "0".repeat(64));
        for (name, digest, size, expect) in [
            (&HELLO[7..], HELLO, 4, "5 bytes of sha256:2cf2"),
            (&bad[7..], bad.as_str(), 5, "5 bytes of sha256:2cf2"),
            ("other", HELLO, 5, "announced and not written"),
            ("other", "sha256:../../../../etc/passwd", 5, "is no digest"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let staging = stage(dir.path(), name, "hello");
            let error = Artifacts::new(dir.path()).promote("acme", &staging, &outcome(artifact(digest, size)));
            let message = error.unwrap_err().to_string();
            assert!(message.contains(expect), "{message}");
            assert!(staging.exists());
        }
    }

    #[test]
    fn a_link_out_of_the_staging_folder_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let staging = stage(dir.path(), "other", "hello");
        std::os::unix::fs::symlink(staging.join("other"), staging.join(&HELLO[7..])).unwrap();
        let artifacts = Artifacts::new(dir.path());
        assert!(artifacts.promote("acme", &staging, &outcome(artifact(HELLO, 5))).is_err());
        assert_eq!(artifacts.size("acme", HELLO), None);
    }

    #[test]
    fn what_is_pinned_or_referred_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::new(dir.path());
        let staging = stage(dir.path(), &HELLO[7..], "hello");
        let pinned = artifacts.promote("acme", &staging, &outcome(artifact(HELLO, 5))).unwrap();
        let remove = |referenced: bool| artifacts.remove::<io::Error>("acme", HELLO, || Ok(referenced)).unwrap();
        assert!(!remove(false), "pinned");
        drop(pinned);
        assert!(remove(true));
        assert_eq!(artifacts.size("acme", HELLO), Some(5), "referred to");
        assert!(remove(false));
        assert_eq!(artifacts.size("acme", HELLO), None);
    }
}
