//! What is to be done next, as values. The shell performs an action only once every entry that was decided with it is
//! durable: intent before act.

use crate::event::{Entry, RunId};
use crate::plan::Flow;
use crate::run::TaskState;
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use wharf_contract::{AttemptContext, Payload};

/// What one turn of the loop decided.
#[derive(Debug, Default)]
pub struct Batch {
    /// To be appended, all or none, in this order.
    pub entries: Vec<Entry>,
    /// To be performed once the entries are durable, in this order.
    pub actions: Vec<Action>,
    /// When to decide again if nothing happens before.
    pub wake_at: Option<Timestamp>,
    /// Tasks that became final by these entries, in order: what a reader of entries could learn only by folding them.
    pub ended: Vec<TaskEnded>,
}

/// A task of a run became final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskEnded {
    /// The run.
    pub run: RunId,
    /// Position of the task in the run's flow.
    pub task: u16,
    /// How; always final.
    pub state: TaskState,
}

/// Names an attempt inside the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The run.
    pub run: RunId,
    /// Position of the task in the run's flow.
    pub task: u16,
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Action {
    /// Start an attempt. Its intent is among the entries.
    Start(Box<Start>),
    /// End an attempt: ask it first, end it after the grace. Its `Finished` follows from the executor in any case.
    Stop {
        /// Which.
        attempt: AttemptKey,
        /// Milliseconds.
        grace: u64,
    },
    /// Read the latest recorded outputs of tasks in other partitions, and hand them back as `upstream`.
    ReadUpstream(Box<ReadUpstream>),
}

/// An attempt to start.
#[derive(Debug)]
pub struct Start {
    /// Which.
    pub attempt: AttemptKey,
    /// The flow that the run is pinned to; `flow.tasks[attempt.task]` says what to run, with what and under which walls.
    pub flow: Arc<Flow>,
    /// Input with all templates worked out.
    pub input: Payload,
    /// What the task may learn of its attempt.
    pub context: AttemptContext,
    /// Memory limit in bytes, where it is not the task's own because earlier attempts ran into it.
    pub memory: Option<u64>,
    /// How long there was nothing to wait for but room, by the clock of [`crate::scheduler::Scheduler::measure`].
    pub waited: Duration,
}

/// A question to the store.
#[derive(Debug)]
pub struct ReadUpstream {
    /// The run that asks.
    pub run: RunId,
    /// Position of the task that asks.
    pub task: u16,
    /// The flow.
    pub flow: Arc<Flow>,
    /// Position of the need whose outputs are read.
    pub need: u16,
    /// Keys of the partitions, in order.
    pub partitions: Vec<String>,
}

/// An answer to [`ReadUpstream`]: for each partition asked for, in the same order, the latest successful output.
#[derive(Debug)]
pub struct Upstream {
    /// As asked.
    pub run: RunId,
    /// As asked.
    pub task: u16,
    /// As asked.
    pub need: u16,
    /// One for each partition asked for.
    pub outputs: Vec<Option<Payload>>,
}
