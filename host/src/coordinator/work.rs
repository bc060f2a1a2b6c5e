use super::request::Input;
use crate::artifacts::pod::{OutcomeError, outcome};
use crate::artifacts::{Artifacts, Pinned, PromoteError};
use crate::depots::{Depots, DepotsError};
use crate::executor::{Ended, Staged, staging};
use crate::logs::{Following, LogHints, LogKey, Settling, Unsettled, fetch_one, replace_followed, settle};
use crate::store::Reads;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use wharf_contract::pod::StoredObject;
use wharf_contract::{AttemptId, Cause, Outcome, Payload};
use wharf_core::action::{AttemptKey, ReadUpstream, Upstream};
use wharf_core::plan::Flow;

/// First and longest pause before what a store could not do is tried again. It has tried for a minute by itself then.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Ended attempts of pods that are seen to at a time.
const AT_ONCE: usize = 32;

/// What would hold up the loop: done on other threads, and handed back as an input.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) reads: Arc<dyn Reads>,
    pub(super) artifacts: Artifacts,
    pub(super) state_dir: PathBuf,
    pub(super) depots: Depots,
    pub(super) settling: Settling,
    /// Where attempts run in pods.
    pub(super) following: Option<Following>,
    pub(super) hints: LogHints,
    pub(super) turns: Turns,
}

/// Bounds what is under way in stores.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Turns {
        Turns(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// A recorded attempt whose pod left something in its tenant's store that is not where it belongs.
#[derive(Debug)]
pub(super) struct Leftover {
    tenant: String,
    key: LogKey,
    uid: String,
    unsettled: Unsettled,
}

/// Why a store did not do its part.
#[derive(Debug, thiserror::Error)]
enum StoreTrouble {
    #[error(transparent)]
    Depots(#[from] DepotsError),
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    #[error(transparent)]
    Promote(#[from] PromoteError),
}

impl StoreTrouble {
    fn is_transient(&self) -> bool {
        match self {
            StoreTrouble::Depots(e) => e.is_transient(),
            StoreTrouble::Outcome(e) => e.is_transient(),
            StoreTrouble::Promote(e) => e.is_transient(),
        }
    }
}

impl Work {
    /// Whether what an attempt wrote has to be seen to before its end can be recorded.
    pub(super) fn has_files(ended: &Ended) -> bool {
        let Outcome { cause, output, artifacts, usage, .. } = &*ended.outcome;
        match &ended.staged {
            Staged::Nowhere => false,
            Staged::Local => !artifacts.is_empty() || usage.written_bytes > 0 || *cause == Cause::WorkerLost,
            Staged::Pod { outcome, .. } => {
                outcome.is_some() || !artifacts.is_empty() || matches!(output, Some(Payload::Artifact(_)))
            }
        }
    }

    /// What a pod left that is to be seen to once the attempt's end is recorded.
    pub(super) fn leftover(&self, flow: &Flow, ended: &Ended) -> Option<Leftover> {
        let Staged::Pod { uid, .. } = &ended.staged else { return None };
        if !Self::has_files(ended) && ended.outcome.usage.log_lines == 0 {
            return None;
        }
        let AttemptKey { run, item, attempt, .. } = ended.attempt;
        let key = LogKey { run, task: task_name(flow, ended.attempt).to_owned(), item, attempt };
        let unsettled = self.settling.begin(run);
        Some(Leftover { tenant: flow.name.tenant.clone(), key, uid: uid.clone(), unsettled })
    }

    /// Puts what a succeeded attempt wrote where it belongs, removes what is left, and hands the end back.
    pub(super) fn promote(&self, flow: &Arc<Flow>, ended: Ended) {
        let (work, flow) = (self.clone(), Arc::clone(flow));
        if let Staged::Pod { uid, outcome } = &ended.staged {
            let (uid, outcome) = (uid.clone(), outcome.clone());
            tokio::spawn(async move { work.promote_pod(&flow, ended, &uid, outcome).await });
            return;
        }
        tokio::task::spawn_blocking(move || {
            let (ended, pinned) = work.promoted(&flow, ended);
            work.hand_back(Input::Promoted(ended, pinned));
        });
    }

    /// The same where it wrote into its tenant's store. As long as the store does not answer, the attempt stays open.
    async fn promote_pod(&self, flow: &Flow, mut ended: Ended, uid: &str, mut stored: Option<StoredObject>) {
        let Ok(_turn) = self.turns.0.acquire().await else { return };
        let id = attempt_id(flow, ended.attempt);
        let mut pause = PAUSE.0;
        let pinned = loop {
            let trouble = match self.promoted_pod(&flow.name.tenant, &id, uid, &mut ended, &mut stored).await {
                Ok(pinned) => break pinned,
                Err(trouble) => trouble,
            };
            if !trouble.is_transient() {
                let failed = Outcome::failed(Cause::Internal, trouble.to_string());
                *ended.outcome = Outcome { usage: ended.outcome.usage, ..failed };
                break None;
            }
            tracing::warn!(attempt = %id, error = %trouble, "the end of an attempt waits for its tenant's store");
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE.1),
                () = self.inputs.closed() => return,
            }
        };
        // Without a loop nobody waits for it.
        let _ = self.inputs.send(Input::Promoted(ended, pinned)).await;
    }

    async fn promoted_pod(
        &self,
        tenant: &str,
        id: &AttemptId,
        uid: &str,
        ended: &mut Ended,
        stored: &mut Option<StoredObject>,
    ) -> Result<Option<Pinned>, StoreTrouble> {
        if let Some(at) = stored {
            let depot = self.depots.tenant(tenant).await?;
            ended.outcome = outcome(&depot, id, uid, at).await?;
            *stored = None;
        }
        if ended.outcome.cause != Cause::Succeeded {
            // Nothing of it is kept, so nothing of it may be named.
            ended.outcome.artifacts.clear();
            return Ok(None);
        }
        let depot = self.depots.tenant(tenant).await?;
        let pinned = self.artifacts.promote_pod(&depot, tenant, id, uid, &ended.outcome).await?;
        Ok((!pinned.is_empty()).then_some(pinned))
    }

    /// Files the log of a recorded attempt and removes what else its pods staged. What fails is done by retention later.
    pub(super) fn settle(&self, leftover: Leftover) {
        let work = self.clone();
        tokio::spawn(async move {
            let Leftover { tenant, key, uid, unsettled } = leftover;
            let Ok(_turn) = work.turns.0.acquire().await else { return };
            if let Err(why) = work.settled(&tenant, &key, &uid).await {
                tracing::warn!(attempt = %AttemptId::from(&key), error = why, "what a pod left in its store stays for now");
            }
            drop(unsettled);
            work.hints.tell(key.run);
            let _ = work.inputs.send(Input::Settled).await;
        });
    }

    async fn settled(&self, tenant: &str, key: &LogKey, uid: &str) -> Result<(), String> {
        let depot = self.depots.tenant(tenant).await.map_err(|e| e.to_string())?;
        settle(&depot, &key.into(), Some(uid)).await.map_err(|e| e.to_string())?;
        let shown = match self.following.as_ref().is_some_and(|f| f.is_watched(key.run)) {
            true => fetch_one(&depot, &self.state_dir, key).await,
            false => replace_followed(&depot, &self.state_dir, key).await,
        };
        shown.map_err(|e| e.to_string())
    }

    fn promoted(&self, flow: &Flow, mut ended: Ended) -> (Ended, Option<Pinned>) {
        let dir = self.state_dir.join(staging(ended.attempt, task_name(flow, ended.attempt)));
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

fn task_name(flow: &Flow, attempt: AttemptKey) -> &str {
    flow.tasks.get(usize::from(attempt.task)).map_or("", |t| t.name.as_str())
}

fn attempt_id(flow: &Flow, attempt: AttemptKey) -> AttemptId {
    let AttemptKey { run, item, attempt: number, .. } = attempt;
    AttemptId { run: run.0, task: task_name(flow, attempt).to_owned(), item, attempt: number }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
