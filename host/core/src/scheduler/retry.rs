//! A final run goes on.

use super::{RecoveredRun, Refusal, Scheduler};
use crate::decide::reset::{differs, find, reset};
use crate::event::{Event, RunId, RunState, Trigger};
use crate::plan::Flow;
use crate::run::{Illegal, Run};
use crate::schedule::nearest;
use crate::time::Timestamp;
use std::sync::Arc;

impl Scheduler {
    /// Brings a final run back, so that [`Scheduler::retry_run`] finds it. It is dropped again with the next decision if
    /// it does not go on. Does nothing where the run is here already.
    ///
    /// # Errors
    /// What was recorded does not fit together.
    pub fn load_run(&mut self, recovered: RecoveredRun) -> Result<(), Illegal> {
        if self.runs.contains_key(&recovered.id) {
            return Ok(());
        }
        let RecoveredRun { id, flows, events } = recovered;
        let run = Run::replay(id, flows, events.iter().map(|(at, event)| (*at, event)))?;
        self.loaded.insert(id);
        self.adopt(run);
        Ok(())
    }

    /// Lets a final run go on: from what failed, was cancelled or upstream-failed, or from one task; with all that depends
    /// on it. Outputs of all other tasks are kept, and so are the items of a fan-out that succeeded, unless it is the one
    /// named. `latest`: with the flow as it is now instead of the one that the run is pinned to.
    ///
    /// # Errors
    /// The run is not there (see [`Scheduler::load_run`]) or not final, has no such task or nothing to retry, or cannot go
    /// on with the flow as it is now.
    pub fn retry_run(&mut self, run: RunId, from: Option<&str>, latest: bool, now: Timestamp) -> Result<(), Refusal> {
        let Some(live) = self.runs.get(&run) else { return Err(Refusal::NoSuchRun(run)) };
        if !live.run.state().is_final() {
            return Err(Refusal::NotFinal(run));
        }
        let from = match from {
            None => None,
            Some(name) => Some(find(&live.run, name).ok_or_else(|| no_such_task(live.run.flow(), name))?),
        };
        let flow = if latest { self.latest(&live.run)? } else { live.run.flow().clone() };
        let reset = reset(&live.run, from);
        if reset.tasks.is_empty() && reset.resumed.is_empty() {
            return Err(Refusal::NothingToRetry(run));
        }
        let before = live.run.state();
        let templates = self.templates_of(&flow);
        if let Some(live) = self.runs.get_mut(&run) {
            live.run.know(flow.clone());
            live.templates = templates;
        }
        self.loaded.remove(&run);
        let flow_digest = flow.digest.clone();
        self.decided(run, now, Event::Retried { tasks: reset.tasks, resumed: reset.resumed, flow_digest });
        self.await_tasks(run);
        self.goes_on(run, before);
        Ok(())
    }

    fn latest(&self, run: &Run) -> Result<Arc<Flow>, Refusal> {
        let name = &run.spec().flow;
        let Some(flow) = self.plan.flows.get(name) else { return Err(Refusal::NoSuchFlow(name.clone())) };
        match differs(run.flow(), flow) {
            None => Ok(flow.clone()),
            Some(why) => Err(Refusal::Latest { run: run.id(), why }),
        }
    }

    /// Those who count runs learn that a final one is active again.
    fn goes_on(&mut self, run: RunId, before: RunState) {
        let Some(live) = self.runs.get(&run) else { return };
        let spec = live.run.spec().clone();
        match spec.trigger {
            Trigger::Manual => {}
            Trigger::Schedule => self.clocks.began(&spec.flow, run),
            Trigger::Backfill(id) => self.backfill_run_goes_on(id, &spec, run, before),
        }
    }
}

fn no_such_task(flow: &Flow, name: &str) -> Refusal {
    let near = nearest(name, flow.tasks.iter().map(|t| t.name.as_str())).map(str::to_owned);
    Refusal::NoSuchTask { flow: flow.name.clone(), task: name.to_owned(), near }
}
