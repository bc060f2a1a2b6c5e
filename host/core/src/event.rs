//! Facts with their time: what the store keeps, and all that a run is made of.

use crate::partition::{Granularity, Partition};
use crate::plan::FlowName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use wharf_contract::Outcome;

/// Number of a run, unique in its store, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

/// Number of a backfill, unique in its store, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackfillId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<RunId, Self::Err> {
        text.parse().map(RunId)
    }
}

impl fmt::Display for BackfillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One line of what is recorded. The store keeps entries in order; replaying them gives the same state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// Something happened to a run.
    Run {
        /// Which.
        run: RunId,
        /// When.
        at: Timestamp,
        /// What.
        event: Event,
    },
    /// A tick of a flow's schedule came to its end in the ledger.
    Tick(Tick),
    /// The flow's ticks up to and including this instant need no more looking at. First written when a flow is first
    /// seen, so that a new flow does not make up for ticks before its time.
    Cursor {
        /// Whose.
        flow: FlowName,
        /// Up to when.
        at: Timestamp,
    },
    /// A backfill was asked for.
    BackfillCreated {
        /// Which.
        id: BackfillId,
        /// When.
        at: Timestamp,
        /// What of.
        spec: Box<BackfillSpec>,
    },
    /// A backfill is over: every run of it is final.
    BackfillEnded {
        /// Which.
        id: BackfillId,
        /// When.
        at: Timestamp,
        /// How.
        state: RunState,
    },
    /// A backfill was asked to stop: no more runs are made for it, and those that run are cancelled.
    BackfillCancelled {
        /// Which.
        id: BackfillId,
        /// When.
        at: Timestamp,
    },
}

/// What can happen to a run. Tasks are named by their position in the run's flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// First event of every run.
    Created(Box<RunSpec>),
    /// The list of a fan-out was worked out. The list itself follows from what was recorded before.
    Expanded {
        /// Position of the task.
        task: u16,
        /// Length of the list.
        items: u32,
    },
    /// The task will not run because its `when` is not true. What follows from the ends of its needs alone (the other
    /// reasons, and upstream-failed) is no event: the fold works it out.
    Skipped {
        /// Position of the task.
        task: u16,
        /// Always [`SkipReason::When`].
        reason: SkipReason,
    },
    /// The task ended without an attempt: an expression could not be worked out, or its deadline for starting passed.
    Refused {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out, if it is one item that was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why: the cause and the words.
        outcome: Box<Outcome>,
    },
    /// The intent to run an attempt, recorded before the act.
    Started {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// From 1.
        attempt: u32,
    },
    /// An attempt ended. Recorded exactly once for each started one.
    Finished {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// How.
        outcome: Box<Outcome>,
    },
    /// Somebody asked the run to stop.
    CancelRequested,
    /// A final run goes on: these tasks start anew, with the outputs of all others kept.
    Retried {
        /// Positions of the tasks that are reset, ascending.
        tasks: Vec<u16>,
        /// Positions of fan-outs that go on: items that succeeded are kept, the others start anew. Ascending, none of
        /// them in `tasks`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resumed: Vec<u16>,
        /// Digest of the flow that the run is pinned to from now on.
        flow_digest: String,
    },
    /// Every task is final.
    Ended {
        /// How.
        state: RunState,
    },
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Not final yet.
    Running,
    /// No task failed.
    Succeeded,
    /// A task failed.
    Failed,
    /// It was asked to stop before it was over.
    Cancelled,
}

impl RunState {
    /// The name in output, config and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<RunState> {
        [RunState::Running, RunState::Succeeded, RunState::Failed, RunState::Cancelled]
            .into_iter()
            .find(|s| s.as_str() == name)
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != RunState::Running
    }
}

/// What a run is of. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSpec {
    /// The flow.
    pub flow: FlowName,
    /// [`crate::plan::Flow::digest`] of the flow as it was then.
    pub flow_digest: String,
    /// Who asked for it.
    pub trigger: Trigger,
    /// The tick that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<Timestamp>,
    /// The partition that it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// In a backfill of a flow with coarser tasks: the granularity whose tasks alone are part of this run; `partition`
    /// is then of that granularity. None: every task is part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Granularity>,
    /// Parameters with defaults applied.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A person or a program.
    Manual,
    /// The flow's schedule.
    Schedule,
    /// A backfill.
    Backfill(BackfillId),
}

/// What a backfill is of. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackfillSpec {
    /// The flow.
    pub flow: FlowName,
    /// [`crate::plan::Flow::digest`] of the flow as it was then.
    pub flow_digest: String,
    /// Key of the first partition.
    pub from: String,
    /// Key of the last partition.
    pub to: String,
    /// Partitions between that are left out because they had succeeded already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Runs at one time.
    pub max_active: u32,
    /// Parameters with defaults applied.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// The end of one tick of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tick {
    /// The flow.
    pub flow: FlowName,
    /// The tick.
    pub scheduled_time: Timestamp,
    /// When it was decided.
    pub at: Timestamp,
    /// How it ended.
    pub end: TickEnd,
}

/// How a tick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TickEnd {
    /// It became this run, in time.
    Ran(RunId),
    /// It became this run, later than a minute after its time.
    Late(RunId),
    /// It became none.
    Skipped(TickSkip),
}

/// Why a tick became no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TickSkip {
    /// The flow was suspended.
    Suspended,
    /// `missed` does not make up for it.
    Missed,
    /// Its starting deadline passed.
    StartingDeadline,
    /// A newer tick took its place while an active run forbade it.
    Forbidden,
    /// No partition had ended by then.
    NoPartition,
}

/// Why a task does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its `when` was not true.
    When,
    /// A need was skipped.
    NeedSkipped,
    /// `runIf: any-failed`, and none had failed.
    NoneFailed,
}
