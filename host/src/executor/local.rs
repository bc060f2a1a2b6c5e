use super::backoff::Backoff;
use super::invocation::{Invocations, Places, task_of};
use super::readable::readable;
use super::slots::{Held, STOP_MARGIN};
use super::worker::{FromWorker, Worker, WorkerId, cache};
use super::{Ended, Failure, Reports, Staged, Told, staging};
use crate::api::types::Progress;
use crate::artifacts::Artifacts;
use crate::telemetry::{AttemptPhase, PhaseTimes};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wharf_contract::{Cause, FromRuntime, Outcome, Payload, ToRuntime};
use wharf_core::action::{AttemptKey, Start};
use wharf_core::plan::Tenant;

/// Largest output in bytes that is taken from a worker inline. The runtime's own limit is far below it.
const MAX_INLINE: usize = 1 << 20;

/// How the local executor works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The binary `wharf-runtime`.
    pub runtime: PathBuf,
    /// The state folder, absolute.
    pub state_dir: PathBuf,
    /// How long a worker with nothing to do is kept.
    pub idle: Duration,
    /// Workers at one time.
    pub max_workers: usize,
}

/// Runs attempts in warm worker processes of this machine: one for each tenant that has something to run, never two
/// tenants in one.
#[derive(Debug)]
pub struct Local {
    settings: Settings,
    /// The state folder as text, since it goes into every invocation.
    state_dir: String,
    artifacts: Artifacts,
    reports: mpsc::Sender<Told>,
    workers: BTreeMap<WorkerId, Worker>,
    lanes: HashMap<String, Lane>,
    held: HashMap<AttemptKey, (WorkerId, u32)>,
    next_worker: u64,
    invocations: Invocations,
    phases: PhaseTimes,
    closed: bool,
}

/// What belongs to one tenant.
#[derive(Debug, Default)]
struct Lane {
    worker: Option<WorkerId>,
    backoff: Backoff,
    waiting: VecDeque<Waiting>,
}

/// An attempt that no worker has yet.
#[derive(Debug)]
struct Waiting {
    start: Box<Start>,
    ready: Instant,
    tenant: Arc<Tenant>,
}

impl Local {
    /// An executor without workers. What its workers say comes through `reports`, and goes back into
    /// [`Local::take`]; how long attempts are in which phase goes to `phases`.
    ///
    /// # Errors
    /// The state folder's path is not UTF-8.
    pub fn new(
        settings: Settings,
        artifacts: Artifacts,
        reports: mpsc::Sender<Told>,
        phases: PhaseTimes,
    ) -> Result<Local, String> {
        let shown = settings.state_dir.to_str();
        let state_dir =
            shown.ok_or_else(|| format!("the path {} is not UTF-8", settings.state_dir.display()))?.to_owned();
        Ok(Local {
            settings,
            state_dir,
            artifacts,
            reports,
            workers: BTreeMap::new(),
            lanes: HashMap::new(),
            held: HashMap::new(),
            next_worker: 0,
            invocations: Invocations::default(),
            phases,
            closed: false,
        })
    }

    /// Starts an attempt that has been `ready` since then. It goes out with the next [`Local::flush`].
    pub fn start(
        &mut self,
        start: Box<Start>,
        ready: Instant,
        tenant: &Arc<Tenant>,
        now: Instant,
        reports: &mut Reports,
    ) {
        if self.closed {
            return reports.ended.push(stopping().end(start.attempt, now));
        }
        let waiting = Waiting { start, ready, tenant: Arc::clone(tenant) };
        match self.worker_for(&tenant.name, now) {
            Ok(Some(worker)) => self.send(worker, &waiting, now, reports),
            Ok(None) => self.lanes.entry(tenant.name.clone()).or_default().waiting.push_back(waiting),
            Err(why) => reports.ended.push(why.end(waiting.start.attempt, now)),
        }
    }

    /// Asks an attempt to stop. Its end is reported like any other; a worker that does not report it in time is killed.
    pub fn stop(&mut self, attempt: AttemptKey, grace: u64, now: Instant, reports: &mut Reports) {
        if let Some((id, slot)) = self.held.get(&attempt)
            && let Some(worker) = self.workers.get_mut(id)
        {
            worker.send(&ToRuntime::Cancel { slot: *slot, grace });
            worker.slots.expect_end(*slot, now + Duration::from_millis(grace) + STOP_MARGIN);
            return;
        }
        for lane in self.lanes.values_mut() {
            if let Some(at) = lane.waiting.iter().position(|w| w.start.attempt == attempt) {
                lane.waiting.remove(at);
                let unstarted = Failure::new(Cause::Cancelled, "cancelled before a worker took it");
                reports.ended.push(unstarted.end(attempt, now));
                return;
            }
        }
    }

    /// Takes in what a worker said.
    pub fn take(&mut self, from: FromWorker, now: Instant, reports: &mut Reports) {
        match from {
            FromWorker::Frames(id, frames) => {
                for frame in frames {
                    self.frame(id, frame, now, reports);
                }
            }
            FromWorker::Gone(id, how) => self.gone(id, &how, now, reports),
        }
    }

    /// Writes all frames of this turn, as one write for each worker.
    pub fn flush(&mut self) {
        self.workers.values_mut().for_each(Worker::flush);
    }

    /// Does what is due: starts workers for what waits, ends idle ones, kills stuck ones.
    pub fn tick(&mut self, now: Instant, reports: &mut Reports) {
        for worker in self.workers.values_mut().filter(|w| !w.killed) {
            if worker.closing.is_some_and(|t| t <= now) {
                worker.kill("it did not end when it was told to");
            } else if worker.slots.is_overdue(now) {
                worker.kill("it did not end an attempt that was to stop");
            } else if worker.closing.is_none()
                && worker.idle_since.is_some_and(|since| since + self.settings.idle <= now)
            {
                worker.close(now);
            }
        }
        let waiting: Vec<_> =
            self.lanes.iter().filter(|(_, lane)| !lane.waiting.is_empty()).map(|(name, _)| name.clone()).collect();
        for name in waiting {
            self.serve_waiting(&name, now, reports);
        }
    }

    /// When [`Local::tick`] has to be called next.
    #[must_use]
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let workers = self.workers.values().filter(|w| !w.killed).flat_map(|w| {
            let idle = w.idle_since.filter(|_| w.closing.is_none()).map(|since| since + self.settings.idle);
            [w.closing, w.slots.next_deadline(), idle]
        });
        let lanes = self.lanes.values().filter(|l| !l.waiting.is_empty()).map(|l| l.backoff.until(now));
        workers.chain(lanes).flatten().min()
    }

    /// Worker processes.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Ends all workers with whatever they run, and starts nothing more.
    pub fn close(&mut self, now: Instant, reports: &mut Reports) {
        self.closed = true;
        self.workers.values_mut().for_each(|w| w.close(now));
        for lane in self.lanes.values_mut() {
            reports.ended.extend(lane.waiting.drain(..).map(|w| stopping().end(w.start.attempt, now)));
        }
    }

    /// The tenant's worker, started if need be; none where it has to wait.
    fn worker_for(&mut self, tenant: &str, now: Instant) -> Result<Option<WorkerId>, Failure> {
        if !self.lanes.contains_key(tenant) {
            self.lanes.insert(tenant.to_owned(), Lane::default());
        }
        let Some(lane) = self.lanes.get_mut(tenant) else { return Ok(None) };
        if let Some(id) = lane.worker
            && self.workers.get(&id).is_some_and(|w| w.closing.is_none() && !w.killed)
        {
            return Ok(Some(id));
        }
        // One process for a tenant: a new one only when the old one is gone.
        if lane.worker.is_some() || lane.backoff.until(now).is_some() {
            return Ok(None);
        }
        if self.workers.len() >= self.settings.max_workers {
            let idle = self.workers.values_mut().filter(|w| w.closing.is_none() && w.idle_since.is_some());
            if let Some(worker) = idle.min_by_key(|w| w.idle_since) {
                worker.close(now);
            }
            return Ok(None);
        }
        let id = WorkerId(self.next_worker);
        self.next_worker += 1;
        let Settings { runtime, state_dir, .. } = &self.settings;
        let reports = self.reports.clone();
        match Worker::spawn(id, tenant, runtime, &cache(state_dir), reports, now) {
            Ok(worker) => {
                tracing::debug!(worker = id.0, tenant, "worker started");
                lane.worker = Some(id);
                self.workers.insert(id, worker);
                Ok(Some(id))
            }
            Err(e) => {
                lane.backoff.lost(false, now);
                let text = format!("a worker process cannot be started from {}: {e}", runtime.display());
                tracing::error!("{text}");
                Err(Failure::new(Cause::WorkerLost, text))
            }
        }
    }

    fn serve_waiting(&mut self, tenant: &str, now: Instant, reports: &mut Reports) {
        if self.lanes.get(tenant).is_none_or(|lane| lane.waiting.is_empty()) {
            return;
        }
        let worker = match self.worker_for(tenant, now) {
            Ok(Some(worker)) => Ok(worker),
            Ok(None) => return,
            Err(why) => Err(why),
        };
        let waiting = self.lanes.get_mut(tenant).map(|l| std::mem::take(&mut l.waiting)).unwrap_or_default();
        for waiting in waiting {
            match &worker {
                Ok(worker) => self.send(*worker, &waiting, now, reports),
                Err(why) => reports.ended.push(why.clone().end(waiting.start.attempt, now)),
            }
        }
    }

    fn send(&mut self, id: WorkerId, waiting: &Waiting, now: Instant, reports: &mut Reports) {
        let Waiting { start, ready, tenant } = waiting;
        let key = start.attempt;
        let task = match task_of(&start.flow, key) {
            Ok(task) => task.name.as_str(),
            Err(why) => return reports.ended.push(why.end(key, now)),
        };
        let staging = format!("{}/{}", self.state_dir, staging(key, task));
        let state = match key.item {
            Some(item) => format!("{}/state/{}/{task}.{item}", self.state_dir, key.run),
            None => format!("{}/state/{}/{task}", self.state_dir, key.run),
        };
        let artifacts = format!("{}/artifacts/{}", self.state_dir, tenant.name);
        let readable = readable(&start.input, |digest| self.artifacts.size(&tenant.name, digest));
        let places = Places { staging: &staging, artifacts: &artifacts, state: &state, readable: &readable };
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let slot = worker.slots.take(key);
        match self.invocations.append(slot, start, tenant, &places, &mut worker.out) {
            Ok(()) => {
                worker.idle_since = None;
                self.held.insert(key, (id, slot));
                self.phases.took(AttemptPhase::Queued, now.saturating_duration_since(*ready));
            }
            Err(why) => {
                worker.slots.release(slot);
                reports.ended.push(why.end(key, now));
            }
        }
    }

    fn frame(&mut self, id: WorkerId, frame: FromRuntime, now: Instant, reports: &mut Reports) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        match frame {
            FromRuntime::Ready { .. } => {}
            FromRuntime::Log { slot, lines } => {
                if let Some(key) = worker.slots.get(slot) {
                    reports.logs.push((key, lines));
                }
            }
            FromRuntime::Progress { slot, done, total, message } => {
                if let Some(key) = worker.slots.get(slot) {
                    reports.progress.push((key, Progress { done, total, message }));
                }
            }
            FromRuntime::Finished { slot, outcome } => {
                let Some(key) = worker.slots.release(slot) else { return };
                worker.of_use = true;
                if worker.slots.len() == 0 {
                    worker.idle_since = Some(now);
                }
                self.held.remove(&key);
                let usage = &outcome.usage;
                // Of a guest that did not come to its turn there is neither.
                if usage.run_us > 0 {
                    self.phases.took(AttemptPhase::Started, Duration::from_micros(usage.setup_us));
                    self.phases.took(AttemptPhase::Guest, Duration::from_micros(usage.run_us));
                }
                reports.ended.push(Ended { attempt: key, outcome: checked(outcome), staged: Staged::Local, seen: now });
            }
        }
    }

    fn gone(&mut self, id: WorkerId, how: &str, now: Instant, reports: &mut Reports) {
        let Some(mut worker) = self.workers.remove(&id) else { return };
        let lost = worker.slots.drain();
        let asked = worker.closing.is_some() && !worker.killed;
        if asked {
            tracing::debug!(worker = id.0, tenant = worker.tenant, "worker {how}");
        } else {
            tracing::warn!(worker = id.0, tenant = worker.tenant, attempts = lost.len(), "worker {how}");
        }
        if let Some(lane) = self.lanes.get_mut(&worker.tenant) {
            lane.worker = None;
            lane.backoff.lost(worker.of_use || asked, now);
        }
        for held in lost {
            self.held.remove(&held.attempt);
            let how = if asked { "was told to end: the coordinator stops" } else { how };
            reports.ended.push(failure(&held, how, now).end(held.attempt, now));
        }
        let tenant = worker.tenant;
        self.serve_waiting(&tenant, now, reports);
    }
}

fn failure(held: &Held, how: &str, now: Instant) -> Failure {
    if held.is_overdue(now) {
        let message = "it did not stop in time and was ended with its worker process";
        return Failure::new(Cause::Cancelled, message);
    }
    Failure::new(Cause::WorkerLost, format!("the worker process that ran this attempt {how}"))
}

fn stopping() -> Failure {
    Failure::new(Cause::WorkerLost, "no worker took it: the coordinator stops")
}

/// A worker runs strangers' code: what it says is held to the contract's bounds.
pub(crate) fn checked(mut outcome: Box<Outcome>) -> Box<Outcome> {
    if outcome.message.len() > Outcome::MAX_MESSAGE {
        outcome.message = Outcome::failed(outcome.cause, std::mem::take(&mut outcome.message)).message;
    }
    match &outcome.output {
        Some(Payload::Json(json)) if json.get().len() > MAX_INLINE => Box::new(Outcome::failed(
            Cause::Internal,
            format!("the worker gave an inline output of {} bytes, over the bound of {MAX_INLINE}", json.get().len()),
        )),
        _ => outcome,
    }
}
