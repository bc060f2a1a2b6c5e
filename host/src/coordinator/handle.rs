use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};

/// A running coordinator. Dropping it does not stop the coordinator; [`Handle::stop`] and [`Handle::join`] do.
#[derive(Debug)]
pub struct Handle {
    pub(super) socket: PathBuf,
    pub(super) control: mpsc::UnboundedSender<Control>,
    pub(super) ended: oneshot::Receiver<Result<(), String>>,
}

/// What a coordinator is told from within its own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Drain,
    Stop,
    Reload,
}

impl Handle {
    /// Socket of the API.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Starts nothing new, waits for what runs up to the config's `drainTimeout`, and ends. What runs then is ended and
    /// goes on with the next start.
    pub fn drain(&self) {
        let _ = self.control.send(Control::Drain);
    }

    /// Ends at once. What runs goes on with the next start.
    pub fn stop(&self) {
        let _ = self.control.send(Control::Stop);
    }

    /// Reads the config anew.
    pub fn reload(&self) {
        let _ = self.control.send(Control::Reload);
    }

    /// Waits until the coordinator has ended. Can be polled in a `select!` and again after it.
    ///
    /// # Errors
    /// What made it end where nobody asked it to.
    pub async fn join(&mut self) -> Result<(), String> {
        (&mut self.ended).await.unwrap_or_else(|_| Err("the coordinator's loop ended without a word".into()))
    }
}

/// Why a coordinator does not start. The command line's exit code follows from the variant.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The config has faults; the text shows them.
    #[error("{0}")]
    Config(String),
    /// Another coordinator holds the state folder.
    #[error("{0}")]
    Locked(String),
    /// A file, the store, the socket or the runtime's binary cannot be used.
    #[error("{0}")]
    Io(String),
    /// wharf itself failed.
    #[error("{0}")]
    Internal(String),
}
