use super::request::Input;
use crate::cluster::ClusterError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, watch};

/// A running coordinator. Dropping it does not stop the coordinator; [`Handle::drain`] and [`Handle::stop`] do.
#[derive(Debug)]
pub struct Handle {
    pub(super) socket: PathBuf,
    pub(super) address: Option<SocketAddr>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) ended: watch::Receiver<Option<Result<(), String>>>,
}

/// What a coordinator is told from within its own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
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

    /// Port of the API, where [`super::Options::listen`] asks for one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Starts nothing new, waits for what runs up to the config's `drainTimeout`, and ends. What runs then is ended and
    /// goes on with the next start.
    pub fn drain(&self) {
        self.tell(Control::Drain);
    }

    /// Ends at once. What runs goes on with the next start.
    pub fn stop(&self) {
        self.tell(Control::Stop);
    }

    /// Reads the config anew.
    pub fn reload(&self) {
        self.tell(Control::Reload);
    }

    /// Waits until the coordinator has ended and has let go of the state folder. May be dropped and called again.
    ///
    /// # Errors
    /// What made it end where nobody asked it to.
    pub async fn join(&mut self) -> Result<(), String> {
        match self.ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ok(())),
            Err(_) => Err("the coordinator's loop ended without a word".to_owned()),
        }
    }

    fn tell(&self, control: Control) {
        let inputs = self.inputs.clone();
        // One that has ended needs no telling.
        tokio::spawn(async move { inputs.send(Input::Control(control)).await });
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
    /// The cluster that attempts are to run in cannot be used.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// wharf itself failed.
    #[error("{0}")]
    Internal(String),
}
