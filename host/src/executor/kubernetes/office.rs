//! What all tasks that wait for the API server work with, and what they have in common: each tries until it has an answer,
//! and ends with one word to the loop.

use super::Compiled;
use super::answer::Trouble;
use super::client::Cluster;
use super::message::FromCluster;
use crate::depots::Depots;
use crate::executor::Told;
use crate::logs::Following;
use crate::telemetry::PhaseTimes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wharf_core::plan::Kubernetes;

/// Pause after a call that went wrong: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What the tasks work with.
pub(super) struct Office {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<Kubernetes>,
    pub(super) compiled: Arc<dyn Compiled>,
    pub(super) depots: Depots,
    /// Id of the coordinator's store.
    pub(super) instance: String,
    /// The leader's epoch.
    pub(super) epoch: u64,
    /// Who follows what pods say.
    pub(super) following: Following,
    pub(super) phases: PhaseTimes,
    pub(super) to_loop: mpsc::Sender<Told>,
}

impl Office {
    /// Without a loop nobody listens any more.
    pub(super) async fn tell(&self, message: FromCluster) {
        let _ = self.to_loop.send(Told::Cluster(message)).await;
    }
}

/// Pauses between tries.
#[derive(Debug)]
pub(super) struct Tries(Duration);

impl Tries {
    pub(super) fn new() -> Tries {
        Tries(PAUSES.0)
    }

    /// Waits before the next try.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}

/// What a person is told of a call that is tried again.
pub(super) fn trying(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Busy(_) => "the API server has too many requests: waiting".to_owned(),
        other => format!("the API server cannot be used, trying again: {other}"),
    }
}
