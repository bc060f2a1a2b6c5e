use super::StoreError;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The right to write to a state folder. Goes with the process, however that ends.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
}

impl StoreLock {
    /// Takes the right, and leaves this process's number in `<dir>/lock` for whoever is refused.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it; [`StoreError::File`] where the file cannot be used.
    pub fn take(dir: &Path) -> Result<StoreLock, StoreError> {
        let path = dir.join("lock");
        let fail = |what| {
            let path = path.clone();
            move |source| StoreError::File { what, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fail("open"))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let _ = file.take(32).read_to_string(&mut text);
                return Err(StoreError::Locked { dir: dir.to_owned(), pid: text.trim().parse().ok() });
            }
            Err(e) => return Err(fail("lock")(e.into())),
        }
        // On a full disk the number cannot be written. The lock holds all the same; a refusal then names no process.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(StoreLock { file })
    }
}

impl Drop for StoreLock {
    /// Closing the file would not be enough: a process that was forked and has not come to its own program yet shares the
    /// lock, and would hold it on for a moment.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}
