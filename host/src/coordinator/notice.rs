//! What the loop remembers of the entries that it hands to the store.

use super::core_loop::{Loop, Open};
use super::feed::Known;
use super::inflight::InFlight;
use std::sync::Arc;
use wharf_core::action::AttemptKey;
use wharf_core::event::{Entry, Event, RunId, Tick, TickEnd};
use wharf_core::plan::Flow;
use wharf_core::run::Run;
use wharf_core::time::Timestamp;

impl Loop {
    /// Takes notice of what begins with these entries, and gathers the versions of flows that they pin.
    pub(super) fn begin(&mut self, entries: &[Entry]) -> Vec<Arc<Flow>> {
        let mut pinned = Vec::new();
        for entry in entries {
            let (run, digest) = match entry {
                Entry::Run { run, event: Event::Created(spec), .. } => (Some(*run), &spec.flow_digest),
                Entry::Run { run, event: Event::Retried { flow_digest, .. }, .. } => (Some(*run), flow_digest),
                Entry::BackfillCreated { spec, .. } => (None, &spec.flow_digest),
                Entry::Run { run, at, event: Event::Started { task, item, attempt } } => {
                    let key = AttemptKey { run: *run, task: *task, item: *item, attempt: *attempt };
                    self.state.open.insert(key, Open { started: *at, ..Open::default() });
                    continue;
                }
                _ => continue,
            };
            let flow = run.and_then(|r| self.scheduler.run(r)).map(Run::flow);
            let flow = flow.filter(|f| f.digest == *digest).or_else(|| self.flows.get(digest));
            if let Some(flow) = flow {
                pinned.push(Arc::clone(flow));
                if let Some(run) = run {
                    self.state.live.insert(run, Arc::clone(flow));
                }
            }
        }
        pinned
    }

    /// Takes notice of what ends with these entries.
    pub(super) fn end(&mut self, entries: &[Entry], flight: &mut InFlight) {
        for entry in entries {
            match entry {
                Entry::Run { run, event: Event::Finished { task, item, attempt, .. }, .. } => {
                    let key = AttemptKey { run: *run, task: *task, item: *item, attempt: *attempt };
                    flight.ends.extend(self.state.open.remove(&key).and_then(|open| open.ended));
                    flight.outcomes += 1;
                    if self.executor.outlives() {
                        flight.recorded.push(key);
                    }
                }
                Entry::Run { run, event: Event::Ended { state }, .. } => {
                    flight.finals.push((*run, *state));
                    flight.listed = true;
                    if let Some(flow) = self.state.live.remove(run) {
                        self.metrics.run_ended(&flow.name, *state);
                    }
                }
                Entry::Tick(Tick { scheduled_time, at, end: TickEnd::Ran(_) | TickEnd::Late(_), .. }) => {
                    self.metrics.scheduled(at.since(*scheduled_time));
                }
                Entry::Run { event: Event::Created(_) | Event::Retried { .. }, .. }
                | Entry::BackfillCreated { .. }
                | Entry::BackfillEnded { .. } => flight.listed = true,
                Entry::Run { .. } | Entry::Tick(_) | Entry::Cursor { .. } | Entry::BackfillCancelled { .. } => {}
            }
        }
    }
}

impl Known for Loop {
    fn flow(&self, run: RunId) -> Option<&Flow> {
        self.state.live.get(&run).map(Arc::as_ref)
    }

    fn run(&self, run: RunId) -> Option<&Run> {
        self.scheduler.run(run)
    }

    fn started(&self, attempt: AttemptKey) -> Option<Timestamp> {
        self.state.open.get(&attempt).map(|o| o.started)
    }
}
