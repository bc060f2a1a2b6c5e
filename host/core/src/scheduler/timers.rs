//! What is to be looked at again at some time. Each timer has at most one time, and is taken out when it is not needed.

use crate::event::RunId;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a time is for. Ordered by run, so that those of one run lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) run: RunId,
    pub(crate) task: u16,
    pub(crate) item: u32,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The task's deadline for starting.
    StartDeadline,
    /// The item is tried again.
    Retry,
    /// The executor should have answered long ago.
    Overdue,
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Timestamp, Timer)>,
    by_timer: BTreeMap<Timer, Timestamp>,
    /// The last time that is known of.
    last: Timestamp,
}

impl Timers {
    /// Takes note of the time. Where the clock was set back, all timers come earlier by that much: a pause of a second is
    /// one whatever the clock does.
    pub(crate) fn at(&mut self, now: Timestamp) {
        let lost = self.last.since(now);
        self.last = now;
        if !lost.is_zero() {
            let lost = i64::try_from(lost.as_micros()).unwrap_or(i64::MAX);
            let earlier = |at: Timestamp| Timestamp::from_micros(at.as_micros().saturating_sub(lost));
            self.by_timer.values_mut().for_each(|at| *at = earlier(*at));
            self.by_time = self.by_timer.iter().map(|(timer, at)| (*at, *timer)).collect();
        }
    }

    /// Takes note of when something of a run was recorded last: the clock may have been set back since.
    pub(crate) fn recorded(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        if let Some(before) = self.by_timer.insert(timer, at) {
            self.by_time.remove(&(before, timer));
        }
        self.by_time.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.by_timer.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// Takes out every timer of a task.
    pub(crate) fn clear_task(&mut self, run: RunId, task: u16) {
        let first = Timer { run, task, item: 0, what: What::StartDeadline };
        let last = Timer { run, task, item: u32::MAX, what: What::Overdue };
        while let Some((&timer, _)) = self.by_timer.range(first..=last).next() {
            self.clear(timer);
        }
    }

    /// Takes out the first timer whose time has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Timer> {
        let &(at, timer) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}
