//! What comes in from outside.

use super::start::overdue;
use super::timers::{Timer, What};
use super::{Refusal, RunRequest, Scheduler, request};
use crate::action::{Action, AttemptKey, Upstream};
use crate::event::{Event, RunId, RunSpec, Trigger};
use crate::run::{Illegal, Phase, Why};
use crate::time::Timestamp;
use std::time::Duration;
use wharf_contract::{Cause, Outcome};

/// What an attempt has to end by itself after it was asked to.
pub const CANCEL_GRACE: Duration = Duration::from_secs(2);

impl Scheduler {
    /// Makes a run.
    ///
    /// # Errors
    /// There is no such flow, or its parameters or partition cannot be used.
    pub fn create_run(&mut self, request: RunRequest, now: Timestamp) -> Result<RunId, Refusal> {
        let Some(flow) = self.plan.flows.get(&request.flow).cloned() else {
            return Err(Refusal::NoSuchFlow(request.flow));
        };
        let params = request::params(&flow, request.params)?;
        let partition = request::partition(&flow, request.partition.as_deref(), now)?;
        let spec = RunSpec {
            flow: flow.name.clone(),
            flow_digest: flow.digest.clone(),
            trigger: Trigger::Manual,
            scheduled_time: None,
            partition,
            layer: None,
            params,
        };
        self.new_run(&flow, spec, now).map_err(|_| Refusal::NoTasks(request.flow))
    }

    /// Asks a run to stop: what was not started is cancelled, what runs is told to end.
    ///
    /// # Errors
    /// There is no such run that is not final, or it is being cancelled already.
    pub fn cancel_run(&mut self, run: RunId, now: Timestamp) -> Result<(), Refusal> {
        let Some(live) = self.runs.get(&run) else { return Err(Refusal::NoSuchRun(run)) };
        if live.run.is_cancelling() {
            return Err(Refusal::Cancelling(run));
        }
        if live.run.state().is_final() {
            return Err(Refusal::Final { run, state: live.run.state() });
        }
        self.timers.at(now);
        self.decided(run, now, Event::CancelRequested);
        if let Some(live) = self.runs.get_mut(&run) {
            live.due.clear();
            let queued: Vec<_> = live.queued.keys().copied().collect();
            queued.into_iter().for_each(|task| self.leave_line(run, task));
        }
        let grace = u64::try_from(CANCEL_GRACE.as_millis()).unwrap_or(u64::MAX);
        for attempt in self.open_of(run) {
            self.out.actions.push(Action::Stop { attempt, grace });
            self.timers.set(overdue(attempt), now.plus(CANCEL_GRACE + Duration::from_secs(60)));
        }
        Ok(())
    }

    fn open_of(&self, run: RunId) -> Vec<AttemptKey> {
        let first = AttemptKey { run, task: 0, item: None, attempt: 0 };
        self.open.range(first..).map(|(key, _)| *key).take_while(|key| key.run == run).collect()
    }

    /// Takes the end of an attempt in.
    ///
    /// # Errors
    /// The attempt is not open: it never was, or its end is recorded already. Nothing is changed, and there is nothing to
    /// be done about it.
    pub fn attempt_finished(&mut self, attempt: AttemptKey, outcome: Outcome, now: Timestamp) -> Result<(), Illegal> {
        self.timers.at(now);
        let AttemptKey { run, task, item, attempt: number } = attempt;
        let Some(open) = self.open.remove(&attempt) else {
            return Err(Illegal { run, why: Why::NotOpen { task, item, attempt: number } });
        };
        let cancelling = self.runs.get(&run).is_some_and(|live| live.run.is_cancelling());
        let outcome = if open.overdue && outcome.cause == Cause::Cancelled && !cancelling {
            let message = "its timeout had passed long ago without an answer, and it was told to stop";
            Outcome { cause: Cause::Timeout, message: message.into(), ..outcome }
        } else {
            outcome
        };
        let event = Event::Finished { task, item, attempt: number, outcome: Box::new(outcome) };
        if let Err(illegal) = self.record(run, now, event) {
            self.open.insert(attempt, open);
            return Err(illegal);
        }
        self.queues.release(open.lane, open.slots);
        self.timers.clear(overdue(attempt));
        let index = item.unwrap_or(0);
        let Some(live) = self.runs.get(&run) else { return Ok(()) };
        if let Some(unit) = live.run.unit(task, index).filter(|u| u.phase == Phase::Retrying) {
            self.timers.set(Timer { run, task, item: index, what: What::Retry }, unit.at);
        }
        self.line_up(run, task);
        Ok(())
    }

    /// Takes an answer to [`crate::action::Action::ReadUpstream`] in.
    ///
    /// # Errors
    /// Nobody waits for it (any more), or it has not one output for each partition. Nothing is changed.
    pub fn upstream(&mut self, answer: Upstream) -> Result<(), Illegal> {
        let Upstream { run, task, need, outputs } = answer;
        let Some(live) = self.runs.get_mut(&run) else { return Err(Illegal { run, why: Why::NoSuchRun }) };
        match live.asked.get_mut(&(task, need)) {
            Some(asked) if asked.answer.is_none() && asked.count == outputs.len() => asked.answer = Some(outputs),
            _ => return Err(Illegal { run, why: Why::NotAsked { task, need } }),
        }
        self.fresh.insert((run, task));
        Ok(())
    }
}
