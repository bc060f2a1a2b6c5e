//! `wharf:task/state`: one checkpoint, kept in the file that `grants.state` names: 8 bytes version, then the value.

use crate::bindings::wharf::task::state::{Checkpoint, Host, StateError};
use crate::cache::{read_bounded, write_atomic};
use crate::sandbox::Guest;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Largest value in bytes.
const MAX_VALUE: usize = 1 << 20;

impl Host for Guest {
    fn load(&mut self) -> wasmtime::Result<Result<Option<Checkpoint>, StateError>> {
        let Some(path) = &self.attempt.invocation.grants.state else { return Ok(Ok(None)) };
        Ok(load(path).map_err(|e| StateError::Io(e.to_string())))
    }

    async fn save(&mut self, expected: u64, value: Vec<u8>) -> wasmtime::Result<Result<u64, StateError>> {
        let Some(path) = self.attempt.invocation.grants.state.clone() else {
            return Ok(Err(StateError::Io("no checkpoint is granted to this attempt".into())));
        };
        // It waits for the disk, and for whoever holds the lock.
        Ok(tokio::task::spawn_blocking(move || save(&path, expected, &value)).await?)
    }
}

fn load(path: &Path) -> io::Result<Option<Checkpoint>> {
    let bytes = match read_bounded(path, MAX_VALUE as u64 + 8) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let Some((version, value)) = bytes.split_first_chunk::<8>() else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the checkpoint's file is cut short"));
    };
    Ok(Some(Checkpoint { version: u64::from_le_bytes(*version), value: value.to_vec() }))
}

fn save(path: &Path, expected: u64, value: &[u8]) -> Result<u64, StateError> {
    if value.len() > MAX_VALUE {
        return Err(StateError::TooLarge);
    }
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
        assert!(matches!(save(&path, 2, &vec![0; MAX_VALUE + 1]), Err(StateError::TooLarge)));
        fs::write(&path, b"cut").unwrap();
        assert!(load(&path).is_err());
    }
}
