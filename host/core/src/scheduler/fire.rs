//! What happens when a time has come.

use super::Scheduler;
use super::start::overdue;
use super::timers::{Timer, What};
use crate::action::{Action, AttemptKey};
use crate::run::{Phase, TaskState};
use crate::time::Timestamp;
use std::time::Duration;
use wharf_contract::{Cause, Outcome};

/// How often an executor that does not answer is told again.
const NAG: Duration = Duration::from_secs(60);

impl Scheduler {
    pub(super) fn fire(&mut self, now: Timestamp) {
        while let Some(timer) = self.timers.pop(now) {
            match timer.what {
                What::StartDeadline => self.start_deadline(timer, now),
                What::Retry => self.retry_due(timer),
                What::Overdue => self.is_overdue(timer, now),
            }
        }
    }

    fn start_deadline(&mut self, Timer { run, task, .. }: Timer, now: Timestamp) {
        let Some(live) = self.runs.get(&run) else { return };
        let t = live.run.task_run(task);
        if t.cursor > 0 || !matches!(t.state, TaskState::Ready | TaskState::Active) {
            return;
        }
        let waited = now.since(t.since).as_secs();
        let message =
            format!("it was ready for {waited} s and not started: no slot was free, or the coordinator was away");
        self.refuse(run, task, None, Box::new(Outcome::failed(Cause::StartDeadline, message)), now);
    }

    fn retry_due(&mut self, Timer { run, task, item, .. }: Timer) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        if live.run.unit(task, item).is_none_or(|u| u.phase != Phase::Retrying) {
            return;
        }
        live.due.entry(task).or_default().insert(item, self.measured);
        self.line_up(run, task);
    }

    /// The executor owns the attempt and should have ended it: it is told to, again and again.
    fn is_overdue(&mut self, Timer { run, task, item, .. }: Timer, now: Timestamp) {
        let Some(live) = self.runs.get(&run) else { return };
        let Some(unit) = live.run.unit(task, item).filter(|u| u.phase == Phase::Open) else { return };
        let fan_out = live.flow().tasks[usize::from(task)].for_each.is_some();
        let attempt = AttemptKey { run, task, item: fan_out.then_some(item), attempt: unit.attempt };
        if let Some(open) = self.open.get_mut(&attempt) {
            open.overdue = true;
        }
        self.out.actions.push(Action::Stop { attempt, grace: 0 });
        self.timers.set(overdue(attempt), now.plus(NAG));
    }
}
