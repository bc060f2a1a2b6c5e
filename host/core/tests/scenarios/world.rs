//! A scheduler with all that is around it: a store that keeps entries, an executor that keeps attempts, a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::action::{Action, AttemptKey, Batch, ReadUpstream, Upstream};
use wharf_core::event::{BackfillId, BackfillSpec, Entry, Event, RunId, RunSpec, RunState};
use wharf_core::plan::{Flow, FlowName, Plan};
use wharf_core::run::{Run, TaskState};
use wharf_core::scheduler::{BackfillRun, Recovered, RecoveredBackfill, RecoveredRun, RunRequest, Scheduler};
use wharf_core::time::Timestamp;

pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) now: Timestamp,
    pub(crate) log: Vec<Entry>,
    pub(crate) flows: BTreeMap<String, Arc<Flow>>,
    /// Attempts that the executor has, with the memory that they were given.
    pub(crate) running: BTreeMap<AttemptKey, Option<u64>>,
    pub(crate) stopping: BTreeSet<AttemptKey>,
    pub(crate) questions: Vec<ReadUpstream>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) schedules: bool,
}

#[allow(dead_code, reason = "each test binary uses some")]
impl World {
    pub(crate) fn new(plan: Plan, now: &str) -> World {
        let plan = Arc::new(plan);
        World {
            scheduler: Scheduler::new(plan.clone()),
            now: Timestamp::parse_rfc3339(now).unwrap(),
            log: Vec::new(),
            flows: plan.flows.values().map(|f| (f.digest.clone(), f.clone())).collect(),
            running: BTreeMap::new(),
            stopping: BTreeSet::new(),
            questions: Vec::new(),
            plan,
            wake_at: None,
            schedules: true,
        }
    }

    pub(crate) fn set_plan(&mut self, plan: Plan) {
        self.plan = Arc::new(plan);
        self.flows.extend(self.plan.flows.values().map(|f| (f.digest.clone(), f.clone())));
        self.scheduler.set_plan(self.plan.clone());
    }

    pub(crate) fn run(&mut self, flow: &str) -> RunId {
        self.try_run(flow, serde_json::Map::new(), None).unwrap()
    }

    pub(crate) fn try_run(
        &mut self,
        flow: &str,
        params: serde_json::Map<String, serde_json::Value>,
        partition: Option<&str>,
    ) -> Result<RunId, String> {
        let flow = FlowName { tenant: "t".into(), flow: flow.into() };
        let request = RunRequest { flow, params, partition: partition.map(str::to_owned) };
        self.scheduler.create_run(request, self.now).map_err(|e| e.to_string())
    }

    /// One decision: its entries go to the log, its actions to the executor. Gives both.
    pub(crate) fn decide(&mut self) -> Batch {
        let mut batch = self.scheduler.decide(self.now);
        self.wake_at = batch.wake_at;
        self.log.extend(batch.entries.iter().cloned());
        for action in &mut batch.actions {
            match action {
                Action::Start(start) => {
                    let twice = self.running.insert(start.attempt, start.memory);
                    assert_eq!(twice, None, "{:?} was started twice", start.attempt);
                }
                Action::Stop { attempt, .. } => {
                    self.stopping.insert(*attempt);
                }
                Action::ReadUpstream(q) => self.questions.push(ReadUpstream {
                    run: q.run,
                    task: q.task,
                    flow: q.flow.clone(),
                    need: q.need,
                    partitions: q.partitions.clone(),
                }),
            }
        }
        batch
    }

    pub(crate) fn finish(&mut self, attempt: AttemptKey, outcome: Outcome) {
        self.running.remove(&attempt).unwrap();
        self.stopping.remove(&attempt);
        self.scheduler.attempt_finished(attempt, outcome, self.now).unwrap();
    }

    /// As a store does, from the latest successful output that is in the log.
    pub(crate) fn answer(&mut self) {
        for q in std::mem::take(&mut self.questions) {
            let outputs =
                q.partitions.iter().map(|key| self.latest(&q.flow.name, key, &q.flow.tasks[usize::from(q.need)].name));
            let upstream = Upstream { run: q.run, task: q.task, need: q.need, outputs: outputs.collect() };
            // The run may have been cancelled meanwhile.
            let _ = self.scheduler.upstream(upstream);
        }
    }

    fn latest(&self, flow: &FlowName, key: &str, task: &str) -> Option<Payload> {
        let mut specs: BTreeMap<RunId, &RunSpec> = BTreeMap::new();
        let mut found = None;
        for entry in &self.log {
            let Entry::Run { run, event, .. } = entry else { continue };
            match event {
                Event::Created(spec) => {
                    specs.insert(*run, spec);
                }
                Event::Finished { task: at, item: None, outcome, .. } if outcome.cause == Cause::Succeeded => {
                    let spec = specs[run];
                    let named = self.flows[&spec.flow_digest].tasks[usize::from(*at)].name == task;
                    if spec.flow == *flow && spec.partition.as_ref().is_some_and(|p| p.key == key) && named {
                        found = outcome.output.clone();
                    }
                }
                _ => {}
            }
        }
        found
    }

    pub(crate) fn recorded(&self, id: RunId) -> RecoveredRun {
        let (mut flows, mut events) = (Vec::new(), Vec::new());
        for entry in &self.log {
            let Entry::Run { run, at, event } = entry else { continue };
            if *run != id {
                continue;
            }
            match event {
                Event::Created(spec) => flows.push(self.flows[&spec.flow_digest].clone()),
                Event::Retried { flow_digest, .. } => flows.push(self.flows[flow_digest].clone()),
                _ => {}
            }
            events.push((*at, event.clone()));
        }
        RecoveredRun { id, flows, events }
    }

    pub(crate) fn replayed(&self, id: RunId) -> Run {
        let RecoveredRun { id, flows, events } = self.recorded(id);
        Run::replay(id, flows, events.iter().map(|(at, e)| (*at, e))).unwrap()
    }

    /// What a store gives back.
    pub(crate) fn recovered(&self) -> Recovered {
        let mut recovered = Recovered::default();
        let mut runs: BTreeMap<RunId, (RunSpec, RunState)> = BTreeMap::new();
        let mut backfills: BTreeMap<BackfillId, (Timestamp, BackfillSpec, bool)> = BTreeMap::new();
        for entry in &self.log {
            match entry {
                Entry::Run { run, event: Event::Created(spec), .. } => {
                    recovered.next_run = RunId(run.0 + 1);
                    runs.insert(*run, ((**spec).clone(), RunState::Running));
                }
                Entry::Run { run, event: Event::Ended { state }, .. } => runs.get_mut(run).unwrap().1 = *state,
                Entry::Run { run, event: Event::Retried { .. }, .. } => {
                    runs.get_mut(run).unwrap().1 = RunState::Running
                }
                Entry::Cursor { flow, at } => {
                    recovered.cursors.insert(flow.clone(), *at);
                }
                Entry::BackfillCreated { id, at, spec } => {
                    recovered.next_backfill = BackfillId(id.0 + 1);
                    backfills.insert(*id, (*at, (**spec).clone(), false));
                }
                Entry::BackfillCancelled { id, .. } => backfills.get_mut(id).unwrap().2 = true,
                Entry::BackfillEnded { id, .. } => {
                    backfills.remove(id);
                }
                Entry::Run { .. } | Entry::Tick(_) => {}
            }
        }
        recovered.backfills = backfills
            .into_iter()
            .map(|(id, (created, spec, cancelled))| {
                let own = runs.iter().filter(|(_, (s, _))| s.trigger == wharf_core::event::Trigger::Backfill(id));
                let runs = own.map(|(run, (s, state))| BackfillRun {
                    run: *run,
                    layer: s.layer,
                    partition: s.partition.clone().unwrap().key,
                    state: *state,
                });
                let runs = runs.collect();
                RecoveredBackfill { id, flow: self.flows[&spec.flow_digest].clone(), spec, created, cancelled, runs }
            })
            .collect();
        let live = runs.iter().filter(|(_, (_, state))| !state.is_final());
        recovered.runs = live.map(|(id, _)| self.recorded(*id)).collect();
        recovered
    }

    /// The process dies, and with it the attempts that it held; a new one comes up from the log.
    pub(crate) fn crash(&mut self) {
        self.scheduler = Scheduler::new(self.plan.clone());
        self.scheduler.run_schedules(self.schedules);
        self.scheduler.restore(self.recovered()).unwrap();
        self.running.clear();
        self.stopping.clear();
        self.questions.clear();
        let open: Vec<_> = self.scheduler.open_attempts().map(|v| v.attempt).collect();
        for attempt in open {
            let outcome = Outcome::failed(Cause::WorkerLost, "the coordinator was away");
            self.scheduler.attempt_finished(attempt, outcome, self.now).unwrap();
        }
    }

    /// The state of a task in a live or final run.
    pub(crate) fn state(&self, run: RunId, task: &str) -> TaskState {
        let run = self.replayed(run);
        let at = run.flow().tasks.iter().position(|t| t.name == task).unwrap();
        run.task(u16::try_from(at).unwrap()).unwrap().state
    }
}
