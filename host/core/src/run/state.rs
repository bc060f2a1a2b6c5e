use crate::event::SkipReason;
use serde::{Deserialize, Serialize};

/// Where a task of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// A need is not final.
    Waiting,
    /// Its needs let it run; nothing of it was started.
    Ready,
    /// An attempt was started, or its fan-out was worked out.
    Active,
    /// Final: it succeeded, of a fan-out each item.
    Succeeded,
    /// Final: it failed, of a fan-out at least one item.
    Failed,
    /// Final: it was not to run.
    Skipped(SkipReason),
    /// Final: a need failed.
    UpstreamFailed,
    /// Final: the run was asked to stop before, or the task itself said that it was cancelled.
    Cancelled,
}

impl TaskState {
    /// The name in output: kebab-case, without the reason of a skip.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TaskState::Waiting => "waiting",
            TaskState::Ready => "ready",
            TaskState::Active => "active",
            TaskState::Succeeded => "succeeded",
            TaskState::Failed => "failed",
            TaskState::Skipped(_) => "skipped",
            TaskState::UpstreamFailed => "upstream-failed",
            TaskState::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to it by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, TaskState::Waiting | TaskState::Ready | TaskState::Active)
    }

    /// Whether a task that needs this one counts it as failed.
    pub(crate) fn counts_as_failed(self) -> bool {
        matches!(self, TaskState::Failed | TaskState::UpstreamFailed | TaskState::Cancelled)
    }
}

/// Where an item of a fan-out, or a plain task, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemState {
    /// Nothing of it was started.
    Waiting,
    /// An attempt is open.
    Open,
    /// It is tried again from some time on.
    Retrying,
    /// Final.
    Succeeded,
    /// Final.
    Failed,
    /// Final.
    Cancelled,
}
