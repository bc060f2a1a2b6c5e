use std::io::ErrorKind;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Longest path of a unix socket in bytes: the system's, without the closing zero.
const MAX_PATH: usize = 107;

/// Opens the socket for this user alone. One that a dead coordinator left behind is replaced; the caller holds the lock
/// of the state folder, so nobody else is about to open it.
///
/// # Errors
/// In words: the path is too long, something else lies there, or another process listens.
pub(super) fn bind(path: &Path) -> Result<tokio::net::UnixListener, String> {
    let shown = path.display();
    let length = path.as_os_str().len();
    if length > MAX_PATH {
        return Err(format!(
            "the socket's path {shown} has {length} bytes, and the system takes {MAX_PATH} at the most: \
             use a state folder with a shorter path (--state-dir)"
        ));
    }
    match std::fs::symlink_metadata(path) {
        Ok(m) if !m.file_type().is_socket() => {
            return Err(format!("{shown} is in the way of the socket: remove it"));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(format!("another process listens on {shown}: stop it first"));
        }
        Ok(_) => std::fs::remove_file(path).map_err(|e| format!("cannot remove the old socket {shown}: {e}"))?,
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(format!("cannot use the socket {shown}: {e}")),
    }
    let failed = |e: std::io::Error| format!("cannot open the socket {shown}: {e}");
    // Nobody may connect before the mode is set: the process's mask is not ours to change, so the socket is made in a
    // folder that only this user can enter, and then moved to its place.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let private = tempfile::Builder::new().prefix(".s").rand_bytes(4).tempdir_in(folder).map_err(failed)?;
    // The short name in /proc stands for a folder whose own path may be too long for a socket.
    let held = std::fs::File::open(private.path()).map_err(failed)?;
    let listener = UnixListener::bind(format!("/proc/self/fd/{}/s", held.as_raw_fd())).map_err(failed)?;
    let made = private.path().join("s");
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&made, path).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    tokio::net::UnixListener::from_std(listener).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_replaces_one_that_nobody_listens_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wharf.sock");
        let first = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(bind(&path).unwrap_err().contains("another process listens"));
        drop(first);
        let _second = bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[tokio::test]
    async fn what_cannot_be_a_socket_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (path, expect) in [
            (dir.path().join("x".repeat(108)), "107 at the most"),
            (file, "is in the way"),
            (dir.path().join("none/wharf.sock"), "No such file"),
        ] {
            let message = bind(&path).unwrap_err();
            assert!(message.contains(expect), "{message}");
        }
    }
}
