//! `wharf:task/state`: one checkpoint, kept in the file that `grants.state` names or in a pod's store: 8 bytes version,
//! then the value.

use crate::bindings::wharf::task::state::{Checkpoint as Saved, Host, StateError};
use crate::cache::{read_bounded, write_atomic};
use crate::sandbox::Guest;
use crate::store::Store;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_depot::{Error, Tag};

/// Largest value in bytes.
const MAX_VALUE: usize = 1 << 20;

/// Where an attempt's checkpoint is kept.
pub(crate) enum Checkpoint {
    /// Nowhere: none was granted.
    None,
    /// In a file of this machine.
    File(PathBuf),
    /// In a store.
    Store {
        store: Arc<Store>,
        /// Below its prefix.
        key: String,
    },
}

impl Host for Guest {
    async fn load(&mut self) -> wasmtime::Result<Result<Option<Saved>, StateError>> {
        Ok(self.attempt.checkpoint.load().await)
    }

    async fn save(&mut self, expected: u64, value: Vec<u8>) -> wasmtime::Result<Result<u64, StateError>> {
        Ok(self.attempt.checkpoint.save(expected, value).await)
    }
}

impl Checkpoint {
    async fn load(&self) -> Result<Option<Saved>, StateError> {
        match self {
            Checkpoint::None => Ok(None),
            Checkpoint::File(path) => load(path).map_err(|e| StateError::Io(e.to_string())),
            Checkpoint::Store { store, key } => {
                load_stored(store, key).await.map(|found| found.map(|(saved, _)| saved)).map_err(io_error)
            }
        }
    }

    async fn save(&self, expected: u64, value: Vec<u8>) -> Result<u64, StateError> {
        if value.len() > MAX_VALUE {
            return Err(StateError::TooLarge);
        }
        match self {
            Checkpoint::None => Err(StateError::Io("no checkpoint is granted to this attempt".into())),
            Checkpoint::File(path) => {
                let path = path.clone();
                // It waits for the disk, and for whoever holds the lock.
                let saved = tokio::task::spawn_blocking(move || save(&path, expected, &value));
                saved.await.map_err(|e| StateError::Io(e.to_string()))?
            }
            Checkpoint::Store { store, key } => save_stored(store, key, expected, &value).await,
        }
    }
}

fn io_error(error: Error) -> StateError {
    StateError::Io(error.to_string())
}

async fn load_stored(store: &Store, key: &str) -> Result<Option<(Saved, Tag)>, Error> {
    let Some((bytes, tag)) = store.depot()?.get_tagged(key, MAX_VALUE as u64 + 8).await? else { return Ok(None) };
    let saved = read(&bytes).ok_or_else(|| Error::Local(format!("the checkpoint {key} is cut short")))?;
    Ok(Some((saved, tag)))
}

async fn save_stored(store: &Store, key: &str, expected: u64, value: &[u8]) -> Result<u64, StateError> {
    let seen = load_stored(store, key).await.map_err(io_error)?;
    let there = seen.as_ref().map_or(0, |(saved, _)| saved.version);
    if there != expected {
        return Err(StateError::Conflict(there));
    }
    let version = there.wrapping_add(1);
    let bytes = [&version.to_le_bytes(), value].concat();
    let tag = seen.map(|(_, tag)| tag);
    match store.depot().map_err(io_error)?.put_if(key, bytes, tag.as_ref()).await {
        Ok(()) => Ok(version),
        // Another attempt was first; or this one was, and the store's answer was lost on its way.
        Err(Error::Changed { .. }) => match load_stored(store, key).await.map_err(io_error)? {
            Some((now, _)) if now.version == version && now.value == value => Ok(version),
            now => Err(StateError::Conflict(now.map_or(0, |(saved, _)| saved.version))),
        },
        Err(e) => Err(io_error(e)),
    }
}

/// Takes a kept checkpoint apart.
fn read(bytes: &[u8]) -> Option<Saved> {
    let (version, value) = bytes.split_first_chunk::<8>()?;
    Some(Saved { version: u64::from_le_bytes(*version), value: value.to_vec() })
}

fn load(path: &Path) -> io::Result<Option<Saved>> {
    let bytes = match read_bounded(path, MAX_VALUE as u64 + 8) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "the checkpoint's file is cut short");
    read(&bytes).ok_or_else(cut).map(Some)
}

fn save(path: &Path, expected: u64, value: &[u8]) -> Result<u64, StateError> {
    let io = |e: io::Error| StateError::Io(e.to_string());
    let _lock = lock(path).map_err(io)?;
    let there = load(path).map_err(io)?.map_or(0, |c| c.version);
    if there != expected {
        return Err(StateError::Conflict(there));
    }
    let version = there.wrapping_add(1);
    write_atomic(path, 0o600, &[&version.to_le_bytes(), value]).map_err(io)?;
    Ok(version)
}

/// Held while comparing and setting, against another attempt in another process.
fn lock(path: &Path) -> io::Result<fs::File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(PathBuf::from(name))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_who_save_over_the_same_version_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/7");
        assert!(load(&path).unwrap().is_none());
        let won: usize = std::thread::scope(|s| {
            let all: Vec<_> = (0..8u8)
                .map(|i| {
                    s.spawn({
                        let path = &path;
                        move || save(path, 0, &[i])
                    })
                })
                .collect();
            all.into_iter().filter(|_| true).map(|t| usize::from(matches!(t.join().unwrap(), Ok(1)))).sum()
        });
        assert_eq!(won, 1);
        assert!(matches!(save(&path, 0, b"late"), Err(StateError::Conflict(1))));
        assert!(matches!(save(&path, 1, b"next"), Ok(2)));
        let kept = load(&path).unwrap().unwrap();
        assert_eq!((kept.version, &kept.value[..]), (2, &b"next"[..]));
        fs::write(&path, b"cut").unwrap();
        assert!(load(&path).is_err());
    }

    #[tokio::test]
    async fn a_store_keeps_a_checkpoint_as_a_file_does() {
        let dir = tempfile::tempdir().unwrap();
        let location = wharf_contract::StoreLocation::Folder { path: dir.path().to_owned() };
        let store = Arc::new(Store::new(location, None));
        let stored = Checkpoint::Store { store, key: "state/7/stored".into() };
        for (kept, path) in [
            (Checkpoint::File(dir.path().join("state/7/file")), dir.path().join("state/7/file")),
            (stored, dir.path().join("state/7/stored")),
        ] {
            assert!(kept.load().await.unwrap().is_none());
            assert!(matches!(kept.save(1, b"x".to_vec()).await, Err(StateError::Conflict(0))));
            assert!(matches!(kept.save(0, b"one".to_vec()).await, Ok(1)));
            assert!(matches!(kept.save(0, b"late".to_vec()).await, Err(StateError::Conflict(1))));
            assert!(matches!(kept.save(1, b"two".to_vec()).await, Ok(2)));
            assert!(matches!(kept.save(2, vec![0; MAX_VALUE + 1]).await, Err(StateError::TooLarge)));
            let saved = kept.load().await.unwrap().unwrap();
            assert_eq!((saved.version, &saved.value[..]), (2, &b"two"[..]));
            assert_eq!(fs::read(&path).unwrap(), [&2u64.to_le_bytes(), &b"two"[..]].concat());
            fs::write(&path, b"cut").unwrap();
            assert!(matches!(kept.load().await, Err(StateError::Io(_))));
        }
    }
}
