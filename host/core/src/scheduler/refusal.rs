use crate::event::{BackfillId, RunId, RunState};
use crate::partition::PartitionError;
use crate::plan::FlowName;

/// A request that cannot be met. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such flow in the config.
    #[error("there is no flow `{0}`")]
    NoSuchFlow(FlowName),
    /// There is no such run, or it is final and was not loaded.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// There is no such backfill, or it is over.
    #[error("there is no open backfill {0}")]
    NoSuchBackfill(BackfillId),
    /// The flow of the run has no such task.
    #[error("flow `{flow}` has no task `{task}`{}", near.as_ref().map(|n| format!(": did you mean `{n}`?")).unwrap_or_default())]
    NoSuchTask {
        /// The flow.
        flow: FlowName,
        /// As given.
        task: String,
        /// The nearest name.
        near: Option<String>,
    },
    /// The flow has no tasks, or more than can be counted.
    #[error("flow `{0}` has no tasks, or more than 65,535")]
    NoTasks(FlowName),
    /// The parameters do not fit the flow's schema.
    #[error("params: {0}")]
    Params(String),
    /// A partition's key cannot be used.
    #[error("{0}")]
    Partition(#[from] PartitionError),
    /// The flow has no partitions.
    #[error("flow `{0}` has no partitions")]
    NoPartitions(FlowName),
    /// A partition must be named, as none has ended or they are no time.
    #[error("flow `{0}` needs a partition to be named: none has ended by now, or they are no time")]
    PartitionNeeded(FlowName),
    /// Every partition of the range was left out.
    #[error("nothing is left to be done: each of these partitions has succeeded already")]
    NothingToDo,
    /// The run is final already.
    #[error("run {run} is {} already", .state.as_str())]
    Final {
        /// The run.
        run: RunId,
        /// How it ended.
        state: RunState,
    },
    /// The run is not final.
    #[error("run {0} is not final: cancel it first")]
    NotFinal(RunId),
    /// It was asked to stop already.
    #[error("run {0} is being cancelled already")]
    Cancelling(RunId),
    /// The backfill was asked to stop already.
    #[error("backfill {0} is being cancelled already")]
    BackfillCancelling(BackfillId),
    /// No task of the run failed, or was cancelled.
    #[error("run {0} has nothing to retry: no task of it failed; name the task to start from")]
    NothingToRetry(RunId),
    /// The run cannot go on with the flow as it is now.
    #[error("run {run} cannot go on with the flow of the present config: {why}; start a new run instead")]
    Latest {
        /// The run.
        run: RunId,
        /// What differs.
        why: String,
    },
}

/// Which sort of refusal it is: what an exit code or an HTTP status follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// What was named is not there.
    NotFound,
    /// What was given cannot be used.
    Invalid,
    /// The state of things does not allow it.
    Conflict,
}

impl Refusal {
    /// Which sort it is.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Refusal::NoSuchFlow(_)
            | Refusal::NoSuchRun(_)
            | Refusal::NoSuchBackfill(_)
            | Refusal::NoSuchTask { .. } => RefusalKind::NotFound,
            Refusal::NoTasks(_)
            | Refusal::Params(_)
            | Refusal::Partition(_)
            | Refusal::NoPartitions(_)
            | Refusal::PartitionNeeded(_) => RefusalKind::Invalid,
            Refusal::NothingToDo
            | Refusal::Final { .. }
            | Refusal::NotFinal(_)
            | Refusal::Cancelling(_)
            | Refusal::BackfillCancelling(_)
            | Refusal::NothingToRetry(_)
            | Refusal::Latest { .. } => RefusalKind::Conflict,
        }
    }
}
