//! The one way in which anything happens to a run.

use super::timers::{Timer, What};
use super::{Live, Scheduler};
use crate::action::TaskEnded;
use crate::event::{Entry, Event, RunId, RunSpec, Trigger};
use crate::plan::Flow;
use crate::run::{Changes, Illegal, Run, TaskState, Why};
use crate::time::Timestamp;
use std::sync::Arc;

impl Scheduler {
    /// Applies an event and takes it down; both or neither.
    pub(super) fn record(&mut self, run: RunId, at: Timestamp, event: Event) -> Result<(), Illegal> {
        let Some(live) = self.runs.get_mut(&run) else { return Err(Illegal { run, why: Why::NoSuchRun }) };
        let mut changes = Changes::default();
        live.run.apply_noting(at, &event, &mut changes)?;
        self.out.entries.push(Entry::Run { run, at, event });
        self.note(run, &changes);
        Ok(())
    }

    /// As [`Scheduler::record`], for what was decided here: that it does not fit is a fault of the program.
    pub(super) fn decided(&mut self, run: RunId, at: Timestamp, event: Event) {
        if let Err(illegal) = self.record(run, at, event) {
            panic!("the scheduler decided what cannot be: {illegal}");
        }
    }

    /// Makes a new run.
    pub(super) fn new_run(&mut self, flow: &Arc<Flow>, spec: RunSpec, at: Timestamp) -> Result<RunId, Illegal> {
        let id = RunId(self.next_run);
        let mut changes = Changes::default();
        let run = Run::create_noting(id, vec![flow.clone()], at, spec.clone(), &mut changes)?;
        self.next_run += 1;
        self.out.entries.push(Entry::Run { run: id, at, event: Event::Created(Box::new(spec)) });
        let templates = self.templates_of(flow);
        if run.spec().trigger == Trigger::Schedule {
            self.clocks.began(&flow.name, id);
        }
        self.runs.insert(id, Live::new(run, templates));
        self.note(id, &changes);
        Ok(id)
    }

    /// Brings everything that hangs on a run's tasks up to what has changed.
    pub(super) fn note(&mut self, run: RunId, changes: &Changes) {
        for &task in &changes.ended {
            self.forget_task(run, task);
            if let Some(state) = self.state_of(run, task) {
                self.out.ended.push(TaskEnded { run, task, state });
            }
        }
        for &task in &changes.ready {
            self.await_start(run, task);
        }
        if self.runs.get(&run).is_some_and(|live| live.run.end_state().is_some()) {
            self.over.insert(run);
        }
    }

    /// A task is ready: it is to be worked out, and may have a deadline for starting.
    pub(super) fn await_start(&mut self, run: RunId, task: u16) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        live.ready.insert(task, self.measured);
        let t = live.run.task_run(task);
        let begun = t.cursor > 0 || !matches!(t.state, TaskState::Ready | TaskState::Active);
        if let Some(deadline) = live.flow().tasks[usize::from(task)].start_deadline_us
            && !begun
        {
            let at = t.since.plus(std::time::Duration::from_micros(deadline));
            self.timers.set(Timer { run, task, item: 0, what: What::StartDeadline }, at);
        }
        self.fresh.insert((run, task));
    }

    fn state_of(&self, run: RunId, task: u16) -> Option<TaskState> {
        self.runs.get(&run)?.run.task(task).map(|view| view.state)
    }

    /// Drops what was kept for a task that is final.
    fn forget_task(&mut self, run: RunId, task: u16) {
        self.leave_line(run, task);
        self.timers.clear_task(run, task);
        self.fresh.remove(&(run, task));
        let Some(live) = self.runs.get_mut(&run) else { return };
        live.prepared.remove(&task);
        live.ready.remove(&task);
        live.due.remove(&task);
        while let Some((&key, _)) = live.asked.range((task, 0)..=(task, u16::MAX)).next() {
            live.asked.remove(&key);
        }
    }

    pub(super) fn leave_line(&mut self, run: RunId, task: u16) {
        if let Some(live) = self.runs.get_mut(&run)
            && let Some(lane) = live.queued.remove(&task)
        {
            self.queues.remove(lane, live.place(task));
        }
    }

    /// Puts a task in line that has something to start and was worked out, and takes one out that has not.
    pub(super) fn line_up(&mut self, run: RunId, task: u16) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        if live.next_item(task).is_none() {
            return self.leave_line(run, task);
        }
        if !live.prepared.contains_key(&task) {
            self.fresh.insert((run, task));
            return;
        }
        if live.queued.contains_key(&task) {
            return;
        }
        let flow = live.flow().clone();
        let pool = flow.tasks[usize::from(task)].pool.as_deref();
        let lane = self.queues.lane(&self.plan, &flow.name.tenant, pool);
        self.queues.push(lane, live.place(task));
        live.queued.insert(task, lane);
    }

    /// Ends the runs of which every task is final. Says whether there were any.
    pub(super) fn end_runs(&mut self, now: Timestamp) -> bool {
        let over = std::mem::take(&mut self.over);
        for &id in &over {
            let Some(state) = self.runs.get(&id).and_then(|live| live.run.end_state()) else { continue };
            self.decided(id, now, Event::Ended { state });
            let Some(live) = self.runs.remove(&id) else { continue };
            let spec = live.run.spec();
            match spec.trigger {
                Trigger::Manual => {}
                Trigger::Schedule => self.clocks.ended(&spec.flow, id, now),
                Trigger::Backfill(backfill) => self.backfill_run_ended(backfill, id, state),
            }
        }
        !over.is_empty()
    }
}
