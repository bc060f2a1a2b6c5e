//! Retention while the coordinator runs: a bounded piece of it every minute, and at the start until nothing is left to do.

use crate::artifacts::Artifacts;
use crate::clock;
use crate::depots::Depots;
use crate::store::{Keep, KeptRuns, Store, Stores, Upkeep};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wharf_core::plan::Plan;

/// Between two pieces where there is more to do: the loop's own commits come first.
const SOON: Duration = Duration::from_millis(20);
const LATER: Duration = Duration::from_secs(60);
/// Rows of one piece.
const PIECE: u32 = 200;
/// How long a file stays that nothing refers to any more: somebody may just read it.
const GRACE: Duration = Duration::from_secs(600);
/// What is kept of a flow that the config does not have any more.
const OTHERS: KeptRuns = KeptRuns { successful: 3, failed: 1 };

/// What the work is done on.
pub(super) struct Keeper {
    pub(super) store: Arc<dyn Store>,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    /// See [`crate::api::Shared::upkeep`].
    pub(super) alone: Arc<Mutex<()>>,
    pub(super) stop: CancellationToken,
}

impl Keeper {
    pub(super) fn start(self, state_dir: &Path, artifacts: Artifacts, depots: Depots) -> JoinHandle<()> {
        let stores = Stores::new(depots, Handle::current(), self.stop.clone());
        let upkeep = Upkeep::new(state_dir, artifacts, stores);
        tokio::spawn(self.run(upkeep))
    }

    /// Works until it is stopped; a piece that is under way is done to its end, since it holds the store.
    async fn run(self, mut upkeep: Upkeep) {
        loop {
            let alone = tokio::select! {
                alone = Arc::clone(&self.alone).lock_owned() => alone,
                () = self.stop.cancelled() => return,
            };
            let (store, keep) = (Arc::clone(&self.store), keep(&self.plan.borrow()));
            let done = tokio::task::spawn_blocking(move || {
                let result = upkeep.turn(&*store, &keep, clock::now(), alone);
                (result, upkeep)
            });
            let Ok((result, back)) = done.await else { return };
            upkeep = back;
            let pause = match result {
                Ok(true) => SOON,
                Ok(false) => LATER,
                Err(e) => {
                    tracing::warn!(error = %e, "retention has to wait");
                    LATER
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }
}

fn keep(plan: &Plan) -> Keep {
    let kept = |flow: &wharf_core::plan::Flow| KeptRuns {
        successful: flow.successful_runs_history_limit,
        failed: flow.failed_runs_history_limit,
    };
    Keep {
        flows: plan.flows.iter().map(|(name, flow)| (name.clone(), kept(flow))).collect(),
        others: OTHERS,
        retention_us: plan.coordinator.retention_us,
        artifact_grace_us: u64::try_from(GRACE.as_micros()).unwrap_or(u64::MAX),
        at_most: PIECE,
    }
}
