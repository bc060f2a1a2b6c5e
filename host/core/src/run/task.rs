use super::TaskState;
use crate::time::Timestamp;
use std::sync::Arc;
use wharf_contract::Payload;

/// State of one task. What was not begun costs nothing: `units` grows with the cursor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskRun {
    /// Whether it is part of the run's layer.
    pub(crate) part: bool,
    pub(crate) state: TaskState,
    /// Needs that are not final.
    pub(crate) needs_left: u16,
    /// Needs that failed, are upstream-failed or cancelled.
    pub(crate) needs_failed: u16,
    pub(crate) needs_skipped: u16,
    /// Since when it is in its state.
    pub(crate) since: Timestamp,
    /// Length of the fan-out, once it was worked out.
    pub(crate) items: Option<u32>,
    /// The first item of which nothing was begun.
    pub(crate) cursor: u32,
    /// Items of which an attempt is open.
    pub(crate) open: u32,
    /// Items that wait for another attempt.
    pub(crate) retrying: u32,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) cancelled: u32,
    /// By item; a plain task has one at most. May reach beyond the cursor after a reset, to remember attempt numbers.
    pub(crate) units: Vec<Unit>,
}

/// State of one item of a fan-out, or of a plain task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) phase: Phase,
    /// Number of the last attempt that was started; 0 for none.
    pub(crate) attempt: u32,
    /// Failed attempts that were the task's own.
    pub(crate) own: u16,
    /// Failed attempts that were the platform's.
    pub(crate) lost: u16,
    /// Open: since when. Retrying: from when on. Final: when it became so.
    pub(crate) at: Timestamp,
    /// Memory limit of the next attempt where it is not the task's own; else 0.
    pub(crate) memory: u64,
    pub(crate) output: Option<Arc<Payload>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Fresh,
    Open,
    Retrying,
    Succeeded,
    Failed,
    Cancelled,
}

impl TaskRun {
    pub(super) fn new(part: bool) -> TaskRun {
        TaskRun {
            part,
            state: TaskState::Waiting,
            needs_left: 0,
            needs_failed: 0,
            needs_skipped: 0,
            since: Timestamp::default(),
            items: None,
            cursor: 0,
            open: 0,
            retrying: 0,
            succeeded: 0,
            failed: 0,
            cancelled: 0,
            units: Vec::new(),
        }
    }

    /// How many items there are: of a plain task one.
    pub(crate) fn total(&self) -> u32 {
        self.items.unwrap_or(1)
    }

    /// Back to the beginning; only the numbers of attempts are remembered.
    pub(super) fn reset(&mut self) {
        let mut units = std::mem::take(&mut self.units);
        for unit in &mut units {
            *unit = Unit { attempt: unit.attempt, ..Unit::fresh() };
        }
        *self = TaskRun { units, ..TaskRun::new(self.part) };
    }

    /// The unit of an item, made if it is not there.
    pub(super) fn unit_mut(&mut self, item: u32) -> &mut Unit {
        let at = item as usize;
        if self.units.len() <= at {
            self.units.resize_with(at + 1, Unit::fresh);
        }
        &mut self.units[at]
    }
}

impl Unit {
    pub(super) fn fresh() -> Unit {
        Unit { phase: Phase::Fresh, attempt: 0, own: 0, lost: 0, at: Timestamp::default(), memory: 0, output: None }
    }
}
