use super::request::Input;
use crate::artifacts::{Artifacts, Pinned};
use crate::executor::{Ended, staging};
use crate::store::Reads;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use wharf_contract::{Cause, Outcome};
use wharf_core::action::{ReadUpstream, Upstream};
use wharf_core::plan::Flow;

/// What would hold up the loop: done on other threads, and handed back as an input.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) reads: Arc<dyn Reads>,
    pub(super) artifacts: Artifacts,
    pub(super) state_dir: PathBuf,
}

impl Work {
    /// Whether an attempt may have left files in its staging folder.
    pub(super) fn has_files(ended: &Ended) -> bool {
        let Outcome { cause, artifacts, usage, .. } = &*ended.outcome;
        !artifacts.is_empty() || usage.written_bytes > 0 || *cause == Cause::WorkerLost
    }

    /// Puts what a succeeded attempt wrote where it belongs, removes what is left, and hands the end back.
    pub(super) fn promote(&self, flow: &Arc<Flow>, ended: Ended) {
        let (work, flow) = (self.clone(), Arc::clone(flow));
        tokio::task::spawn_blocking(move || {
            let (ended, pinned) = work.promoted(&flow, ended);
            work.hand_back(Input::Promoted(ended, pinned));
        });
    }

    fn promoted(&self, flow: &Flow, mut ended: Ended) -> (Ended, Option<Pinned>) {
        let task = flow.tasks.get(usize::from(ended.attempt.task)).map_or("", |t| t.name.as_str());
        let dir = self.state_dir.join(staging(ended.attempt, task));
        if ended.outcome.cause == Cause::Succeeded {
            match self.artifacts.promote(&flow.name.tenant, &dir, &ended.outcome) {
                Ok(pinned) => return (ended, Some(pinned)),
                Err(e) => {
                    let failed = Outcome::failed(Cause::Internal, e.to_string());
                    *ended.outcome = Outcome { usage: ended.outcome.usage, ..failed };
                }
            }
        }
        // Nothing of it was kept, so nothing of it may be named.
        ended.outcome.artifacts.clear();
        if let Err(e) = self.artifacts.discard(&dir) {
            tracing::warn!(error = %e, "{} cannot be removed now; the next start removes it", dir.display());
        }
        (ended, None)
    }

    /// Asks the store what a run wants to know of other partitions.
    pub(super) fn read_upstream(&self, question: ReadUpstream) {
        let work = self.clone();
        tokio::task::spawn_blocking(move || {
            let ReadUpstream { run, task, flow, need, partitions } = question;
            let name = flow.tasks.get(usize::from(need)).map_or("", |t| t.name.as_str());
            let mut pause = std::time::Duration::from_millis(50);
            let outputs = loop {
                match work.reads.outputs(&flow.name, name, &partitions) {
                    Ok(outputs) => break outputs,
                    Err(e) => {
                        tracing::error!(error = %e, %run, "outputs of other partitions cannot be read; trying again");
                        std::thread::sleep(pause);
                        pause = (pause * 2).min(std::time::Duration::from_secs(5));
                        if work.inputs.is_closed() {
                            return;
                        }
                    }
                }
            };
            work.hand_back(Input::Upstream(Upstream { run, task, need, outputs }));
        });
    }

    fn hand_back(&self, input: Input) {
        // Without a loop nobody waits for it.
        let _ = self.inputs.blocking_send(input);
    }
}
