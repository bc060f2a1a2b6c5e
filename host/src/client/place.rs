use super::Remote;
use std::fmt;
use std::path::PathBuf;

/// Where a coordinator is.
#[derive(Debug, Clone)]
pub enum Place {
    /// On this machine, behind this socket.
    Socket(PathBuf),
    /// Elsewhere.
    Remote(Box<Remote>),
}

/// The socket's path, or the URL.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Socket(path) => path.display().fmt(f),
            Place::Remote(remote) => remote.fmt(f),
        }
    }
}
