//! One turn after another: take in what is there, decide once, append once; perform what became durable.

use super::ending::Ending;
use super::failpoint::{Point, pass};
use super::feed::{Feed, events, touched};
use super::handle::Control;
use super::inflight::{InFlight, Kept, Queue};
use super::phase::Phase;
use super::reload::Reload;
use super::request::{Answer, Input};
use super::status::Status;
use super::vitals::Vitals;
use super::work::Work;
use crate::api::types::{Progress, ReloadAnswer, RunAnswer};
use crate::clock;
use crate::executor::{Ended, Executor, Reports, Staged, Told};
use crate::logs::{Followed, LogKey, Logs};
use crate::store::{Append, Store, StoreState};
use crate::telemetry::{AttemptEnd, AttemptPhase, Metrics, PoolUse};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use wharf_contract::{Cause, Outcome};
use wharf_core::action::{Action, AttemptKey, Batch, Start};
use wharf_core::event::RunId;
use wharf_core::plan::{Flow, Plan};
use wharf_core::scheduler::{Scheduler, Usage};
use wharf_core::time::Timestamp;

/// Batches at the store at one time; with more, the executor is not listened to until some are durable.
const MAX_IN_FLIGHT: usize = 64;
/// Inputs taken in by one turn.
const MAX_INPUTS: usize = 1024;

/// The loop's own state. All of it is used by one task only.
pub(super) struct Loop {
    pub(super) scheduler: Scheduler,
    pub(super) plan: Arc<Plan>,
    /// The same plan, for others to look at.
    pub(super) plans: watch::Sender<Arc<Plan>>,
    /// Versions of flows that entries may pin, by digest.
    pub(super) flows: HashMap<String, Arc<Flow>>,
    pub(super) store: Arc<dyn Store>,
    pub(super) durable: watch::Receiver<u64>,
    pub(super) store_state: watch::Receiver<StoreState>,
    pub(super) executor: Executor,
    pub(super) logs: Logs,
    pub(super) work: Work,
    pub(super) reload: Reload,
    pub(super) inputs: mpsc::Receiver<Input>,
    /// From what the executor started.
    pub(super) told: mpsc::Receiver<Told>,
    pub(super) feed: Feed,
    pub(super) metrics: Metrics,
    pub(super) status: watch::Sender<Status>,
    pub(super) vitals: Vitals,
    /// When it began, from which the scheduler's waits are measured.
    pub(super) began: Instant,
    pub(super) state: State,
}

/// What the loop remembers between turns.
#[derive(Default)]
pub(super) struct State {
    pub(super) in_flight: Queue,
    /// The store's number of the last batch.
    last: u64,
    /// Answers that go with the next batch.
    pub(super) answers: Vec<Box<dyn FnOnce() + Send>>,
    /// What the next batch holds on to.
    pub(super) kept: Kept,
    /// Those who wait for a run to be final.
    pub(super) waiters: HashMap<RunId, Vec<Answer<RunAnswer>>>,
    /// Those who wait for the config to be read.
    pub(super) reloaders: Vec<Answer<ReloadAnswer>>,
    /// Whether a config is being read, and whether another one is to be read after it.
    pub(super) reading: bool,
    pub(super) read_again: bool,
    /// Flows of the runs that are not final.
    pub(super) live: HashMap<RunId, Arc<Flow>>,
    /// Attempts between intent and recorded outcome.
    pub(super) open: HashMap<AttemptKey, Open>,
    pub(super) reports: Reports,
    /// Ended attempts whose files are being seen to.
    pub(super) promoting: usize,
    wake_at: Option<Timestamp>,
    pub(super) ending: Ending,
}

#[derive(Default)]
pub(super) struct Open {
    pub(super) started: Timestamp,
    pub(super) progress: Option<Progress>,
    /// What it waits for, or where it runs.
    pub(super) phase: Option<String>,
    /// When its end was seen.
    pub(super) ended: Option<Instant>,
}

impl Loop {
    /// Runs until it is told to end.
    ///
    /// # Errors
    /// The store's thread is gone: nothing can be recorded any more.
    pub(super) async fn run(mut self) -> Result<(), String> {
        let gone = || Err("the store's thread is gone".to_owned());
        let (mut inputs, mut told) = (Vec::new(), Vec::new());
        let sleep = tokio::time::sleep_until(clock::monotonic());
        tokio::pin!(sleep);
        loop {
            let open = self.state.in_flight.len() < MAX_IN_FLIGHT;
            tokio::select! {
                biased;
                changed = self.durable.changed() => if changed.is_err() { return gone() },
                changed = self.store_state.changed() => if changed.is_err() { return gone() },
                _ = self.inputs.recv_many(&mut inputs, MAX_INPUTS) => {}
                _ = self.told.recv_many(&mut told, MAX_INPUTS), if open => {}
                () = &mut sleep => {}
            }
            // Whatever else is there takes part in the same turn, and so in the same commit.
            while inputs.len() < MAX_INPUTS
                && let Ok(input) = self.inputs.try_recv()
            {
                inputs.push(input);
            }
            while open
                && told.len() < MAX_INPUTS
                && let Ok(input) = self.told.try_recv()
            {
                told.push(input);
            }
            self.turn(&mut inputs, &mut told);
            if self.is_over() {
                return Ok(());
            }
            sleep.as_mut().reset(self.wake_at());
        }
    }

    fn turn(&mut self, inputs: &mut Vec<Input>, told: &mut Vec<Told>) {
        let (now, at) = (clock::now(), clock::monotonic());
        self.scheduler.measure(at.saturating_duration_since(self.began));
        self.look_at_store();
        self.acknowledge(at);
        let mut reports = std::mem::take(&mut self.state.reports);
        for told in told.drain(..) {
            self.executor.take(told, at, &mut reports);
        }
        self.executor.tick(at, &mut reports);
        for input in inputs.drain(..) {
            self.input(input, now, at);
        }
        self.report(&mut reports, now);
        self.state.reports = reports;
        self.ending(at);
        let batch = self.scheduler.decide(now);
        self.append(batch, at);
        // A batch without entries, and what a fast disk has written by now, is performed in the same turn.
        self.acknowledge(at);
        self.executor.flush();
        self.logs.flush();
    }

    /// Goes by another plan from now on.
    pub(super) fn set_plan(&mut self, plan: Arc<Plan>) {
        self.flows.retain(|_, flow| Arc::strong_count(flow) > 1);
        self.flows.extend(plan.flows.values().map(|f| (f.digest.clone(), Arc::clone(f))));
        self.metrics.set_plan(&plan);
        self.scheduler.set_plan(Arc::clone(&plan));
        self.executor.set_plan(&plan);
        self.plans.send_replace(Arc::clone(&plan));
        self.plan = plan;
    }

    /// While the store takes nothing, or when the loop is about to end, nothing new is started.
    fn look_at_store(&mut self) {
        let error = match &*self.store_state.borrow_and_update() {
            StoreState::Ok => None,
            StoreState::Failing(why) => Some(why.clone()),
        };
        self.scheduler.hold(error.is_some() || self.state.ending != Ending::No);
        self.metrics.store_failing.set(i64::from(error.is_some()));
        self.status.send_if_modified(|s| std::mem::replace(&mut s.store_error, error.clone()) != error);
    }

    /// Performs what waited for batches that are durable now.
    fn acknowledge(&mut self, at: Instant) {
        let durable = *self.durable.borrow_and_update();
        while let Some(batch) = self.state.in_flight.pop(durable) {
            pass(Point::AfterAppend);
            self.metrics.committed(at.saturating_duration_since(batch.since));
            for seen in &batch.ends {
                self.metrics.phases.took(AttemptPhase::Recorded, at.saturating_duration_since(*seen));
            }
            let half = batch.actions.len().div_ceil(2);
            for (n, action) in batch.actions.into_iter().enumerate() {
                self.perform(action, batch.since, at);
                if cfg!(feature = "failpoints") && n + 1 == half && !self.executor.outlives() {
                    self.executor.flush();
                    pass(Point::AfterAct);
                }
            }
            for leftover in batch.kept.leftovers {
                self.work.settle(leftover);
            }
            drop((batch.kept.artifacts, batch.kept.runs));
            for answer in batch.answers {
                answer();
            }
            for (run, state) in batch.finals {
                for waiter in self.state.waiters.remove(&run).unwrap_or_default() {
                    let _ = waiter.send(Ok(RunAnswer { run, state }));
                }
            }
            self.feed.publish_all(batch.changes);
            if batch.listed {
                self.feed.list_changed();
            }
            if batch.outcomes > 0 {
                pass(Point::AfterRecord);
            }
            for attempt in batch.recorded {
                self.executor.recorded(attempt, at, &mut self.state.reports);
            }
        }
    }

    fn perform(&mut self, action: Action, decided: Instant, at: Instant) {
        match action {
            Action::Start(start) => {
                self.metrics.started(at.saturating_duration_since(decided));
                let ready = decided.checked_sub(start.waited).unwrap_or(decided);
                self.start(start, ready, at);
            }
            Action::Stop { attempt, grace } => self.executor.stop(attempt, grace, at, &mut self.state.reports),
            Action::ReadUpstream(question) => self.work.read_upstream(*question),
        }
    }

    fn start(&mut self, start: Box<Start>, ready: Instant, at: Instant) {
        let reports = &mut self.state.reports;
        match self.plan.tenants.get(&start.flow.name.tenant) {
            Some(tenant) => self.executor.start(start, ready, tenant, at, reports),
            None => {
                let tenant = &start.flow.name.tenant;
                let text = format!("tenant `{tenant}` is not in the config any more");
                let outcome = Box::new(Outcome::failed(Cause::NotGranted, text));
                reports.ended.push(Ended { attempt: start.attempt, outcome, staged: Staged::Nowhere, seen: at });
            }
        }
    }

    fn input(&mut self, input: Input, now: Timestamp, at: Instant) {
        match input {
            Input::Request(request) => self.request(request, now),
            Input::Promoted(ended, pinned) => {
                pass(Point::AfterPromote);
                self.state.promoting -= 1;
                self.state.kept.artifacts.extend(pinned);
                self.finished(ended, now);
            }
            Input::Followed(followed) => self.followed(followed),
            // A loop that is about to end waits for it.
            Input::Settled => {}
            Input::Upstream(upstream) => {
                // Nobody waits for it any more where the run was cancelled meanwhile.
                let _ = self.scheduler.upstream(upstream);
            }
            Input::Loaded(result) => self.loaded(result, now),
            Input::ConfigTouched => self.read_config(),
            Input::Control(Control::Reload) => self.read_config(),
            Input::Control(Control::Drain) if self.state.ending == Ending::No => {
                let timeout = Duration::from_micros(self.plan.coordinator.drain_timeout_us);
                tracing::info!(attempts = self.state.open.len(), ?timeout, "draining");
                self.state.ending = Ending::Draining(at + timeout);
                self.scheduler.hold(true);
                self.status.send_modify(|s| s.draining = true);
                self.vitals.enter(Phase::Draining);
            }
            Input::Control(Control::Drain | Control::Stop) => {
                self.state.ending = Ending::Now;
                self.vitals.enter(Phase::Draining);
            }
        }
    }

    /// Takes in what a pod said that somebody follows. What it left when it ended is what counts, once it has.
    fn followed(&mut self, followed: Followed) {
        if !self.state.open.contains_key(&followed.attempt) {
            return;
        }
        if followed.first {
            self.logs.begin(&followed.key);
        }
        self.logs.append(&followed.key, followed.lines);
    }

    /// Takes in what the executor reported.
    fn report(&mut self, reports: &mut Reports, now: Timestamp) {
        for (key, lines) in reports.logs.drain(..) {
            if let Some(flow) = self.state.live.get(&key.run) {
                let log = log_key(flow, key);
                if self.executor.outlives() {
                    // All that a container wrote, in the place of what was followed of it.
                    self.logs.begin(&log);
                }
                self.logs.append(&log, lines);
            }
        }
        for (key, progress) in reports.progress.drain(..) {
            if self.feed.is_watched() {
                self.feed.progress(key, self.state.live.get(&key.run), progress.clone());
            }
            if let Some(open) = self.state.open.get_mut(&key) {
                open.progress = Some(progress);
            }
        }
        for (key, phase) in reports.phases.drain(..) {
            if self.feed.is_watched() {
                self.feed.phase(key, self.state.live.get(&key.run), phase.clone());
            }
            if let Some(open) = self.state.open.get_mut(&key) {
                open.phase = Some(phase).filter(|phase| !phase.is_empty());
            }
        }
        for ended in reports.ended.drain(..) {
            pass(Point::OutcomeReceived);
            if let Some(open) = self.state.open.get_mut(&ended.attempt) {
                open.ended = Some(ended.seen);
            }
            match self.state.live.get(&ended.attempt.run) {
                Some(flow) if Work::has_files(&ended) => {
                    self.state.promoting += 1;
                    self.work.promote(flow, ended);
                }
                _ => self.finished(ended, now),
            }
        }
    }

    fn finished(&mut self, ended: Ended, now: Timestamp) {
        let attempt = ended.attempt;
        if let Some(flow) = self.state.live.get(&attempt.run) {
            self.state.kept.leftovers.extend(self.work.leftover(flow, &ended));
            let outcome = &ended.outcome;
            if outcome.usage.log_lines > 0 || outcome.cause == Cause::WorkerLost {
                self.logs.close(&log_key(flow, attempt));
            }
            self.metrics.attempt_ended(&AttemptEnd {
                tenant: &flow.name.tenant,
                cause: outcome.cause,
                setup: Duration::from_micros(outcome.usage.setup_us),
                run: Duration::from_micros(outcome.usage.run_us),
            });
        }
        if let Err(e) = self.scheduler.attempt_finished(attempt, *ended.outcome, now) {
            tracing::error!(error = %e, "an attempt's end does not fit");
        }
    }

    /// Hands a batch to the store. What depends on it waits until it is durable.
    fn append(&mut self, batch: Batch, at: Instant) {
        self.state.wake_at = batch.wake_at;
        let answers = std::mem::take(&mut self.state.answers);
        if batch.entries.is_empty() && batch.actions.is_empty() && answers.is_empty() {
            return;
        }
        let mut flight = InFlight {
            number: self.state.last,
            since: at,
            outcomes: 0,
            ends: Vec::new(),
            recorded: Vec::new(),
            actions: batch.actions,
            answers,
            finals: Vec::new(),
            kept: std::mem::take(&mut self.state.kept),
            changes: Vec::new(),
            listed: false,
        };
        if !batch.entries.is_empty() {
            let flows = self.begin(&batch.entries);
            flight.changes = match self.feed.is_watched() {
                true => events(&batch.entries, &batch.ended, self),
                // Somebody may begin to look before this is durable.
                false => touched(&batch.entries),
            };
            self.end(&batch.entries, &mut flight);
            pass(Point::BeforeAppend);
            self.state.last = self.store.append(Append { entries: batch.entries, flows });
            flight.number = self.state.last;
        }
        self.state.in_flight.push(flight);
    }

    fn wake_at(&self) -> Instant {
        let now = clock::monotonic();
        if !self.state.reports.is_empty() {
            // What a start led to at once is looked at without waiting.
            return now;
        }
        let at = clock::timer(self.state.wake_at);
        let at = self.executor.wake_at(now).map_or(at, |t| t.min(at));
        match self.state.ending {
            Ending::Draining(until) | Ending::Closing(until) => at.min(until),
            Ending::No | Ending::Now => at,
        }
    }

    /// Brings those metrics up to date that are looked up rather than counted.
    pub(super) fn measure(&self) {
        let (m, load) = (&self.metrics, self.scheduler.load());
        // Who has no turn has no loop.
        m.leader.set(1);
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        m.attempts_open.set(number(self.state.open.len()));
        m.workers.set(number(self.executor.workers()));
        m.runs_active.set(number(load.runs));
        m.queue_depth.set(i64::try_from(load.queued).unwrap_or(i64::MAX));
        let total = |u: &Usage| u.size.unwrap_or(load.parallelism);
        let pools = load.pools.iter().map(|u| PoolUse { pool: u.name.clone(), used: u.used, total: total(u) });
        m.set_pools(&pools.collect::<Vec<_>>());
    }
}

fn log_key(flow: &Flow, key: AttemptKey) -> LogKey {
    let task = flow.tasks.get(usize::from(key.task)).map_or("", |t| t.name.as_str());
    LogKey { run: key.run, task: task.into(), item: key.item, attempt: key.attempt }
}
