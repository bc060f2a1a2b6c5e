use super::{ItemState, Phase, Run, TaskState, Unit};
use crate::action::AttemptKey;
use crate::event::{RunId, RunSpec, RunState};
use crate::plan::Flow;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wharf_contract::Payload;

/// A task of a run, for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskView {
    /// Position in the flow.
    pub task: u16,
    /// Where it stands.
    pub state: TaskState,
    /// Since when.
    pub since: Timestamp,
    /// Length of its fan-out, once that was worked out; none for a plain task.
    pub items: Option<u32>,
    /// Items by where they stand; a plain task counts as one.
    pub counts: Counts,
}

/// Items by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Nothing of them was started.
    pub waiting: u32,
    /// An attempt is open.
    pub open: u32,
    /// Tried again from some time on.
    pub retrying: u32,
    /// Final.
    pub succeeded: u32,
    /// Final.
    pub failed: u32,
    /// Final.
    pub cancelled: u32,
}

/// An open attempt, for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptView {
    /// Which.
    pub attempt: AttemptKey,
    /// Since when.
    pub started: Timestamp,
}

impl Run {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// What it is of.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// The flow that it is pinned to.
    #[must_use]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.state
    }

    /// When it was created.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it became final, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.cancelling
    }

    /// Attempts that are started and not finished.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open
    }

    /// Its tasks in the order of the flow, without those that are not part of its layer.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView> + '_ {
        (0..self.tasks.len()).filter_map(|task| self.task(super::position(task)))
    }

    /// One task, if it is part of the run.
    #[must_use]
    pub fn task(&self, task: u16) -> Option<TaskView> {
        let t = self.tasks.get(usize::from(task)).filter(|t| t.part)?;
        let begun = t.open + t.retrying + t.succeeded + t.failed + t.cancelled;
        let counts = Counts {
            waiting: t.total() - begun,
            open: t.open,
            retrying: t.retrying,
            succeeded: t.succeeded,
            failed: t.failed,
            cancelled: t.cancelled,
        };
        Some(TaskView { task, state: t.state, since: t.since, items: t.items, counts })
    }

    /// Where an item of a fan-out stands, or a plain task with item 0, and the number of its last attempt (0 for none).
    #[must_use]
    pub fn item(&self, task: u16, item: u32) -> Option<(ItemState, u32)> {
        let t = self.tasks.get(usize::from(task)).filter(|t| t.part && item < t.total())?;
        let Some(unit) = t.units.get(item as usize) else { return Some((ItemState::Waiting, 0)) };
        let state = match unit.phase {
            Phase::Fresh => ItemState::Waiting,
            Phase::Open => ItemState::Open,
            Phase::Retrying => ItemState::Retrying,
            Phase::Succeeded => ItemState::Succeeded,
            Phase::Failed => ItemState::Failed,
            Phase::Cancelled => ItemState::Cancelled,
        };
        Some((state, unit.attempt))
    }

    /// From when on an item of a fan-out, or a plain task with item 0, is tried again.
    #[must_use]
    pub fn retry_at(&self, task: u16, item: u32) -> Option<Timestamp> {
        self.unit(task, item).filter(|unit| unit.phase == Phase::Retrying).map(|unit| unit.at)
    }

    /// Output of an item of a fan-out, or of a plain task with item 0, that succeeded.
    #[must_use]
    pub fn output(&self, task: u16, item: u32) -> Option<&Arc<Payload>> {
        self.unit(task, item)?.output.as_ref()
    }

    /// Its open attempts by task and item.
    pub fn open_attempts(&self) -> impl Iterator<Item = AttemptView> + '_ {
        let tasks = self.tasks.iter().enumerate().filter(|(_, t)| t.open > 0);
        tasks.flat_map(move |(task, t)| {
            let open = t.units.iter().enumerate().filter(|(_, u)| u.phase == Phase::Open);
            open.map(move |(item, unit)| AttemptView {
                attempt: AttemptKey {
                    run: self.id,
                    task: super::position(task),
                    item: t.items.map(|_| u32::try_from(item).unwrap_or(u32::MAX)),
                    attempt: unit.attempt,
                },
                started: unit.at,
            })
        })
    }

    pub(crate) fn unit(&self, task: u16, item: u32) -> Option<&Unit> {
        self.tasks.get(usize::from(task))?.units.get(item as usize)
    }

    pub(crate) fn task_run(&self, task: u16) -> &super::TaskRun {
        &self.tasks[usize::from(task)]
    }
}
