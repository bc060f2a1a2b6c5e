//! Starts what is next, as long as there is room.

use super::queues::{LaneId, Place};
use super::timers::{Timer, What};
use super::{Open, Scheduler};
use crate::action::{Action, AttemptKey, Start};
use crate::event::{Event, RunId};
use crate::plan::{Executor, Task};
use crate::time::Timestamp;
use std::time::Duration;
use wharf_contract::Outcome;

/// How long after its timeout and the grace of a stop an executor may be silent about an attempt before it is told to end
/// it: time for fetching and compiling, and for the answer to come.
const OVERDUE_MARGIN: Duration = Duration::from_secs(300);

impl Scheduler {
    pub(super) fn start(&mut self, now: Timestamp) {
        while let Some((place, lane)) = self.queues.next() {
            self.start_next(place, lane, now);
        }
    }

    /// Starts an attempt of the task, or sets its lane aside, or takes the task out of line: each brings the end nearer.
    fn start_next(&mut self, place: Place, lane: LaneId, now: Timestamp) {
        let Place { run, task, .. } = place;
        let Some(live) = self.runs.get_mut(&run) else { return self.queues.remove(lane, place) };
        let flow = live.flow().clone();
        let spec = &flow.tasks[usize::from(task)];
        let (Some(index), Some(prepared)) = (live.next_item(task), live.prepared.get(&task)) else {
            return self.leave_line(run, task);
        };
        if !self.queues.take(lane, spec.slots) {
            return;
        }
        let input = match live.templates.of(task, spec) {
            Ok(compiled) => prepared.input(compiled, index),
            Err(e) => Err(crate::decide::prepare::refusal("template", e)),
        };
        let context = prepared.context.clone();
        let (attempt, memory) = live.run.unit(task, index).map_or((1, 0), |u| (u.attempt + 1, u.memory));
        let due = live.due.get_mut(&task).and_then(|due| due.remove(&index));
        let ready = due.or_else(|| live.ready.get(&task).copied()).unwrap_or(self.measured);
        let item = spec.for_each.is_some().then_some(index);
        let input = match input {
            Ok(input) => input,
            Err(outcome) => {
                self.queues.release(lane, spec.slots);
                return self.refuse_item(run, task, item, outcome, now);
            }
        };
        self.decided(run, now, Event::Started { task, item, attempt });
        let key = AttemptKey { run, task, item, attempt };
        self.opened(key, spec, lane, now);
        let cap = self.plan.tenants.get(&flow.name.tenant).and_then(|t| t.max_memory).unwrap_or(u64::MAX);
        let memory = (memory > 0).then_some(memory.min(cap));
        let waited = self.measured.saturating_sub(ready);
        let start = Start { attempt: key, flow, input, context, memory, waited };
        self.out.actions.push(Action::Start(Box::new(start)));
        self.line_up(run, task);
    }

    fn refuse_item(&mut self, run: RunId, task: u16, item: Option<u32>, outcome: Box<Outcome>, now: Timestamp) {
        self.refuse(run, task, item, outcome, now);
        self.line_up(run, task);
    }

    /// Keeps the books on an attempt whose room is taken.
    pub(super) fn opened(&mut self, key: AttemptKey, spec: &Task, lane: LaneId, started: Timestamp) {
        let AttemptKey { run, task, item, .. } = key;
        if spec.start_deadline_us.is_some() {
            self.timers.clear(Timer { run, task, item: 0, what: What::StartDeadline });
        }
        // In a cluster an attempt may wait for a node or a quota as long as it must: what bounds that is the executor.
        if let Some(timeout) = spec.timeout_us.filter(|_| self.plan.coordinator.executor == Executor::Local) {
            let patience = Duration::from_micros(timeout) + super::CANCEL_GRACE + OVERDUE_MARGIN;
            self.timers.set(overdue(key), started.plus(patience));
        }
        self.open.insert(key, Open { lane, slots: spec.slots, started, overdue: false });
        debug_assert!(item.is_some() == spec.for_each.is_some());
    }
}

pub(super) fn overdue(key: AttemptKey) -> Timer {
    Timer { run: key.run, task: key.task, item: key.item.unwrap_or(0), what: What::Overdue }
}
