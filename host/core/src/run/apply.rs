use super::{Changes, Illegal, Phase, Run, TaskState, Why};
use crate::event::{Event, RunState, SkipReason};
use crate::time::Timestamp;
use wharf_contract::{Cause, Outcome};

impl Run {
    /// Takes an event in.
    ///
    /// # Errors
    /// The event does not fit the state; nothing is changed then.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        self.apply_noting(at, event, &mut Changes::default())
    }

    /// As [`Run::apply`], and notes which tasks became ready or final.
    pub(crate) fn apply_noting(&mut self, at: Timestamp, event: &Event, changes: &mut Changes) -> Result<(), Illegal> {
        let done = match event {
            Event::Created(_) => Err(Why::AlreadyCreated),
            Event::Expanded { task, items } => self.expanded(at, *task, *items, changes),
            Event::Skipped { task, reason } => self.skipped(at, *task, *reason, changes),
            Event::Refused { task, item, outcome } => self.refused(at, *task, *item, outcome, changes),
            Event::Started { task, item, attempt } => self.started(at, *task, *item, *attempt),
            Event::Finished { task, item, attempt, outcome } => {
                self.finished(at, (*task, *item, *attempt), outcome, changes)
            }
            Event::CancelRequested => self.cancel_requested(at, changes),
            Event::Retried { tasks, resumed, flow_digest } => self.retried(at, tasks, resumed, flow_digest, changes),
            Event::Ended { state } => self.has_ended(at, *state),
        };
        done.map_err(|why| self.illegal(why))
    }

    /// Checks that the run goes on and has the task.
    pub(super) fn check_task(&self, task: u16) -> Result<TaskState, Why> {
        if self.state != RunState::Running {
            return Err(Why::Final);
        }
        match self.tasks.get(usize::from(task)) {
            Some(t) if t.part => Ok(t.state),
            _ => Err(Why::NoSuchTask(task)),
        }
    }

    fn is_fan_out(&self, task: u16) -> bool {
        self.flow.tasks[usize::from(task)].for_each.is_some()
    }

    fn expanded(&mut self, at: Timestamp, task: u16, items: u32, changes: &mut Changes) -> Result<(), Why> {
        let state = self.check_task(task)?;
        if !self.is_fan_out(task) {
            return Err(Why::NoSuchItem { task, item: Some(0) });
        }
        if state != TaskState::Ready {
            return Err(Why::TaskIs { task, state });
        }
        let t = &mut self.tasks[usize::from(task)];
        t.items = Some(items);
        t.state = TaskState::Active;
        self.settle(at, task, changes);
        Ok(())
    }

    fn skipped(&mut self, at: Timestamp, task: u16, reason: SkipReason, changes: &mut Changes) -> Result<(), Why> {
        let state = self.check_task(task)?;
        if state != TaskState::Ready {
            return Err(Why::TaskIs { task, state });
        }
        if reason != SkipReason::When {
            return Err(Why::Reason);
        }
        self.end_task(at, task, TaskState::Skipped(reason), changes);
        Ok(())
    }

    fn refused(
        &mut self,
        at: Timestamp,
        task: u16,
        item: Option<u32>,
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> Result<(), Why> {
        let state = self.check_task(task)?;
        if matches!(outcome.cause, Cause::Succeeded | Cause::Cancelled) {
            return Err(Why::Cause);
        }
        let Some(item) = item else { return self.refused_whole(at, task, state, changes) };
        self.check_due(task, Some(item))?;
        let t = &mut self.tasks[usize::from(task)];
        match t.unit_mut(item).phase {
            Phase::Retrying => t.retrying -= 1,
            _ => t.cursor += 1,
        }
        let unit = t.unit_mut(item);
        unit.phase = Phase::Failed;
        unit.at = at;
        t.failed += 1;
        self.settle(at, task, changes);
        Ok(())
    }

    /// All of a task that is neither open nor final fails.
    fn refused_whole(&mut self, at: Timestamp, task: u16, state: TaskState, changes: &mut Changes) -> Result<(), Why> {
        let t = &mut self.tasks[usize::from(task)];
        let left = t.retrying + (t.total() - t.cursor);
        match state {
            TaskState::Ready => self.end_task(at, task, TaskState::Failed, changes),
            TaskState::Active if left > 0 => {
                let total = t.total();
                let begun = t.cursor;
                t.unit_mut(total - 1);
                let due = |(i, u): &(usize, &mut super::Unit)| u.phase == Phase::Retrying || *i >= begun as usize;
                for (_, unit) in t.units.iter_mut().take(total as usize).enumerate().filter(due) {
                    unit.phase = Phase::Failed;
                    unit.at = at;
                }
                t.failed += left;
                t.retrying = 0;
                t.cursor = total;
                self.settle(at, task, changes);
            }
            _ => return Err(Why::TaskIs { task, state }),
        }
        Ok(())
    }

    /// Whether an attempt of the item may be started: it is the next of its list, or is to be tried again. When its time for
    /// that has come is not looked at: clocks are set back between the one record and the other.
    pub(super) fn check_due(&self, task: u16, item: Option<u32>) -> Result<(), Why> {
        let state = self.check_task(task)?;
        if self.cancelling {
            return Err(Why::Cancelling);
        }
        let fan_out = self.is_fan_out(task);
        if state != TaskState::Active && (fan_out || state != TaskState::Ready) {
            return Err(Why::TaskIs { task, state });
        }
        let t = &self.tasks[usize::from(task)];
        let index = match (fan_out, item) {
            (true, Some(item)) if item < t.total() => item,
            (false, None) => 0,
            _ => return Err(Why::NoSuchItem { task, item }),
        };
        let retry = t.units.get(index as usize).is_some_and(|u| u.phase == Phase::Retrying);
        if retry || index == t.cursor { Ok(()) } else { Err(Why::NotDue { task, item: index }) }
    }

    fn started(&mut self, at: Timestamp, task: u16, item: Option<u32>, attempt: u32) -> Result<(), Why> {
        self.check_due(task, item)?;
        let index = item.unwrap_or(0);
        let t = &mut self.tasks[usize::from(task)];
        let last = t.units.get(index as usize).map_or(0, |u| u.attempt);
        if last.checked_add(1) != Some(attempt) {
            return Err(Why::Attempt { task, attempt, last });
        }
        if t.state == TaskState::Ready {
            t.state = TaskState::Active;
            t.since = at;
        }
        if t.unit_mut(index).phase == Phase::Retrying {
            t.retrying -= 1;
        } else {
            t.cursor += 1;
        }
        let unit = t.unit_mut(index);
        unit.phase = Phase::Open;
        unit.attempt = attempt;
        unit.at = at;
        t.open += 1;
        self.open += 1;
        Ok(())
    }

    fn has_ended(&mut self, at: Timestamp, state: RunState) -> Result<(), Why> {
        if self.state != RunState::Running {
            return Err(Why::Final);
        }
        if self.end_state() != Some(state) {
            return Err(Why::NotFinal);
        }
        self.state = state;
        self.ended = Some(at);
        Ok(())
    }
}
