use tokio::sync::broadcast::{self, error::RecvError};
use wharf_core::event::RunId;

/// Hints that a reader may be behind by; one that is further behind takes it as a hint.
const MAX_BEHIND: usize = 1_024;

/// Says which runs have new lines. Clones tell the same listeners.
#[derive(Debug, Clone)]
pub struct LogHints(broadcast::Sender<RunId>);

/// Waits for new lines of one run.
#[derive(Debug)]
pub struct LogHint {
    run: RunId,
    receiver: broadcast::Receiver<RunId>,
}

impl LogHints {
    pub(super) fn new() -> LogHints {
        LogHints(broadcast::channel(MAX_BEHIND).0)
    }

    /// Hints about a run from now on. To be asked for before what there is is read, so that nothing falls in between.
    #[must_use]
    pub fn subscribe(&self, run: RunId) -> LogHint {
        LogHint { run, receiver: self.0.subscribe() }
    }

    /// There is more of a run.
    pub(crate) fn tell(&self, run: RunId) {
        // Most of the time nobody listens.
        let _ = self.0.send(run);
    }
}

impl LogHint {
    /// Waits until a [`super::Tail`] of the run may find more. May be dropped and called again. False: nothing will come
    /// any more, the writer is gone.
    pub async fn more(&mut self) -> bool {
        loop {
            match self.receiver.recv().await {
                Ok(run) if run != self.run => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
