//! The side that the loop sees: what it is told it does at once, or has a task do.

use super::attempt::{Attempt, Input};
use super::make::Order;
use super::manifest::{self, GRACE};
use super::message::{Changes, FromCluster, Making};
use super::names;
use super::office::Office;
use super::quota::Ask;
use super::seen::{Change, Space};
use super::status::{Node, Observation};
use super::stopwatch::Stopwatch;
use super::watch::Watches;
use crate::coordinator::{Point, pass};
use crate::executor::{Ended, Reports, Staged};
use crate::logs::Following;
use crate::telemetry::AttemptPhase;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use wharf_contract::{AttemptId, Cause, Outcome};
use wharf_core::action::{AttemptKey, Start};
use wharf_core::plan::{Flow, Plan, Tenant};

/// How long what belongs to no attempt may stay: a watch may lag behind what was removed.
pub(super) const STRAY: Duration = Duration::from_secs(10);
/// How often an attempt that a quota refused is tried again where no watch tells that the quota has room.
pub(super) const LINE_AGAIN: Duration = Duration::from_secs(15);

/// Runs attempts as Jobs.
pub struct Kubernetes {
    pub(super) office: Arc<Office>,
    pub(super) watches: Watches,
    pub(super) attempts: HashMap<AttemptKey, Entry>,
    pub(super) spaces: BTreeMap<Arc<str>, Tenancy>,
    /// Nodes that are known, and whether they are silent.
    pub(super) nodes: HashMap<String, bool>,
    pub(super) timers: BTreeSet<(Instant, AttemptKey)>,
    pub(super) closed: bool,
    _stop: DropGuard,
}

/// An attempt, and where it is.
pub(super) struct Entry {
    pub(super) attempt: Attempt,
    /// How long it has been in its phase.
    pub(super) watch: Stopwatch,
    pub(super) id: AttemptId,
    pub(super) namespace: Arc<str>,
    pub(super) job: Arc<str>,
    /// UID of its Job.
    pub(super) uid: Option<String>,
    /// What to make, until it is made; none for one that an earlier coordinator started.
    pub(super) order: Option<Order>,
    /// What it asks of quotas, once somebody wanted to know.
    pub(super) ask: Option<Ask>,
    pub(super) due: Option<Instant>,
    /// Whether its pod can be followed.
    pub(super) is_followed: bool,
    /// What a person was told last.
    pub(super) shown: String,
}

/// A tenant's namespace.
#[derive(Default)]
pub(super) struct Tenancy {
    pub(super) space: Space,
    pub(super) attempts: HashMap<AttemptId, AttemptKey>,
    /// Attempts that wait for room in a quota, in the order of their starts.
    pub(super) line: VecDeque<AttemptKey>,
    pub(super) line_again: Option<Instant>,
    /// Attempts whose Jobs were let through, and that quotas may not count yet; what they count is taken out when it is
    /// looked at.
    pub(super) uncounted: HashSet<AttemptKey>,
    /// What belongs to no attempt, and when it is removed.
    pub(super) strays: HashMap<AttemptId, Instant>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("attempts", &self.attempts.len()).finish_non_exhaustive()
    }
}

impl Kubernetes {
    pub(super) fn new(office: Arc<Office>, plan: &Plan) -> Kubernetes {
        let stop = CancellationToken::new();
        let watches = Watches {
            cluster: office.cluster.clone(),
            instance: office.instance.clone(),
            to_loop: office.to_loop.clone(),
            stop: stop.clone(),
        };
        watches.start_nodes();
        let mut this = Kubernetes {
            office,
            watches,
            attempts: HashMap::new(),
            spaces: BTreeMap::new(),
            nodes: HashMap::new(),
            timers: BTreeSet::new(),
            closed: false,
            _stop: stop.drop_guard(),
        };
        this.set_plan(plan);
        this
    }

    /// Who follows what its pods say.
    pub(in crate::executor) fn following(&self) -> &Following {
        &self.office.following
    }

    /// Watches the namespaces of this plan's tenants as well from now on.
    pub(in crate::executor) fn set_plan(&mut self, plan: &Plan) {
        for tenant in plan.tenants.keys() {
            self.tenancy(tenant);
        }
    }

    /// Takes over attempts that an earlier coordinator started: those that are in the cluster go on.
    pub(in crate::executor) fn adopt(&mut self, open: &[(AttemptKey, Arc<Flow>)]) {
        for (key, flow) in open {
            let Some(task) = flow.tasks.get(usize::from(key.task)) else { continue };
            let id = AttemptId { run: key.run.0, task: task.name.clone(), item: key.item, attempt: key.attempt };
            let attempt = (Attempt::inherited(GRACE), Stopwatch::default());
            self.enter(*key, id, &flow.name.tenant, &flow.name.flow, attempt);
        }
    }

    pub(in crate::executor) fn start(
        &mut self,
        start: Box<Start>,
        ready: Instant,
        tenant: &Arc<Tenant>,
        now: Instant,
        reports: &mut Reports,
    ) {
        let key = start.attempt;
        let ended = |cause, why: &str| {
            let outcome = Box::new(Outcome::failed(cause, why));
            Ended { attempt: key, outcome, staged: Staged::Nowhere, seen: now }
        };
        if self.closed {
            return reports.ended.push(ended(Cause::WorkerLost, "its Job was not made: the coordinator stops"));
        }
        let id = match manifest::id(&start) {
            Ok(id) => id,
            Err(failure) => return reports.ended.push(ended(failure.cause, &failure.message)),
        };
        let flow = start.flow.name.flow.clone();
        let withdraw = CancellationToken::new();
        let watch = Stopwatch::started(AttemptPhase::Queued, ready);
        self.enter(key, id.clone(), &tenant.name, &flow, (Attempt::new(GRACE), watch));
        let Some(entry) = self.attempts.get_mut(&key) else { return };
        let job = Arc::clone(&entry.job);
        entry.order = Some(Order { id, job, start: Arc::from(start), tenant: Arc::clone(tenant), withdraw });
        let namespace = Arc::clone(&entry.namespace);
        self.tenancy(&namespace).line.push_back(key);
        self.serve_line(&namespace, now, reports);
        self.explain_line(key, now, reports);
    }

    pub(in crate::executor) fn stop(&mut self, attempt: AttemptKey, now: Instant, reports: &mut Reports) {
        self.feed(attempt, Input::Stop, now, reports);
    }

    pub(in crate::executor) fn recorded(&mut self, attempt: AttemptKey, now: Instant, reports: &mut Reports) {
        self.feed(attempt, Input::Recorded, now, reports);
    }

    pub(in crate::executor) fn take(&mut self, from: FromCluster, now: Instant, reports: &mut Reports) {
        match from {
            FromCluster::Changed(namespace, Changes(changes)) => self.changed(&namespace, changes, now, reports),
            FromCluster::Nodes(nodes) => self.nodes_changed(nodes, now, reports),
            FromCluster::Made(key, making) => self.made(key, making, now, reports),
            FromCluster::Verified(key, job, pods) => {
                let Some(entry) = self.attempts.get(&key) else { return };
                let (id, namespace) = (entry.id.clone(), Arc::clone(&entry.namespace));
                self.tenancy(&namespace).space.correct(&id, job, pods);
                if let Some(observation) = self.observation(key) {
                    self.feed(key, Input::Verified(observation), now, reports);
                }
            }
            FromCluster::Read(key, lines) => {
                if !lines.is_empty() {
                    reports.logs.push((key, lines));
                }
                self.feed(key, Input::Read, now, reports);
            }
            FromCluster::Cleared(namespace, id) => {
                let key = self.tenancy(&namespace).attempts.get(&id).copied();
                if let Some(key) = key {
                    self.feed(key, Input::Cleared, now, reports);
                }
            }
        }
    }

    /// Does what is due.
    pub(in crate::executor) fn tick(&mut self, now: Instant, reports: &mut Reports) {
        while let Some(&(at, key)) = self.timers.first()
            && at <= now
        {
            self.timers.remove(&(at, key));
            if let Some(entry) = self.attempts.get_mut(&key) {
                entry.due = None;
            }
            self.feed(key, Input::Tick, now, reports);
        }
        let due = |t: &Tenancy| t.line_again.is_some_and(|at| at <= now) || t.strays.values().any(|at| *at <= now);
        let due: Vec<_> = self.spaces.iter().filter(|(_, t)| due(t)).map(|(name, _)| Arc::clone(name)).collect();
        for namespace in due {
            self.sweep(&namespace, now);
            self.serve_line(&namespace, now, reports);
        }
    }

    /// When [`Kubernetes::tick`] has to be called next.
    pub(in crate::executor) fn wake_at(&self) -> Option<Instant> {
        let lines = self.spaces.values().filter_map(|t| t.line_again);
        let strays = self.spaces.values().filter_map(|t| t.strays.values().min().copied());
        lines.chain(strays).chain(self.timers.first().map(|(at, _)| *at)).min()
    }

    /// Makes no more Jobs. What is in the cluster stays there, and the next coordinator takes it over.
    pub(in crate::executor) fn close(&mut self, now: Instant, reports: &mut Reports) {
        self.closed = true;
        for key in self.attempts.keys().copied().collect::<Vec<_>>() {
            self.feed(key, Input::Close, now, reports);
        }
    }

    /// Whether no task is at work that a coordinator that ends should wait for.
    pub(in crate::executor) fn is_idle(&self) -> bool {
        !self.attempts.values().any(|entry| entry.attempt.is_busy())
    }

    fn enter(&mut self, key: AttemptKey, id: AttemptId, tenant: &str, flow: &str, attempt: (Attempt, Stopwatch)) {
        let job: Arc<str> = names::attempt(&self.office.instance, flow, &id).into();
        let tenancy = self.tenancy(tenant);
        tenancy.strays.remove(&id);
        tenancy.attempts.insert(id.clone(), key);
        let namespace: Arc<str> = tenant.into();
        let (attempt, watch) = attempt;
        let (uid, order, ask, due, is_followed, shown) = (None, None, None, None, false, String::new());
        self.attempts
            .insert(key, Entry { attempt, watch, id, namespace, job, uid, order, ask, due, is_followed, shown });
    }

    /// The namespace of a tenant, watched from the first time on.
    pub(super) fn tenancy(&mut self, namespace: &str) -> &mut Tenancy {
        if !self.spaces.contains_key(namespace) {
            self.watches.start(namespace);
        }
        self.spaces.entry(namespace.into()).or_default()
    }

    fn changed(&mut self, namespace: &Arc<str>, changes: Vec<Change>, now: Instant, reports: &mut Reports) {
        let (instance, epoch) = (self.office.instance.clone(), self.office.epoch);
        let tenancy = self.tenancy(namespace);
        let was_complete = tenancy.space.is_complete();
        let (mut touched, mut room) = (HashSet::new(), false);
        for change in changes {
            room |= tenancy.space.apply(change, &instance, &mut touched);
        }
        let mut keys = Vec::with_capacity(touched.len());
        for id in touched {
            match tenancy.attempts.get(&id) {
                Some(key) => keys.push(*key),
                None if tenancy.space.remains(&id, epoch).is_some() => {
                    tenancy.strays.entry(id).or_insert(now + STRAY);
                }
                None => {
                    tenancy.strays.remove(&id);
                }
            }
        }
        let complete = !was_complete && tenancy.space.is_complete();
        let all = if complete { tenancy.attempts.values().copied().collect() } else { Vec::new() };
        // A pod that came or went changes what is in flight.
        room |= tenancy.space.has_quotas() && !keys.is_empty();
        for key in keys {
            self.look(key, now, reports);
        }
        for key in all {
            let inherited = self.attempts.get(&key).is_some_and(|entry| entry.attempt.is_inherited());
            if let Some(observation) = self.observation(key).filter(|_| inherited) {
                self.feed(key, Input::Verified(observation), now, reports);
            }
        }
        if room {
            self.serve_line(namespace, now, reports);
        }
    }

    fn nodes_changed(&mut self, nodes: Vec<(String, Option<bool>)>, now: Instant, reports: &mut Reports) {
        let mut changed = HashSet::new();
        for (name, silent) in nodes {
            let before = match silent {
                Some(silent) => self.nodes.insert(name.clone(), silent),
                // A node that is gone says nothing any more, and what was on it is lost.
                None => self.nodes.insert(name.clone(), true),
            };
            if before != Some(silent.unwrap_or(true)) {
                changed.insert(name);
            }
        }
        if changed.is_empty() {
            return;
        }
        let on = |entry: &Entry| {
            let space = &self.spaces.get(&entry.namespace)?.space;
            space.pod(&entry.id, entry.uid.as_deref())?.1
        };
        let keys = self.attempts.iter().filter(|(_, entry)| on(entry).is_some_and(|node| changed.contains(node)));
        for key in keys.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.look(key, now, reports);
        }
    }

    fn made(&mut self, key: AttemptKey, making: Making, now: Instant, reports: &mut Reports) {
        let input = match making {
            Making::Trying(why) => Input::Trying(why),
            Making::Short(why) => {
                let Some(entry) = self.attempts.get(&key) else { return };
                let namespace = Arc::clone(&entry.namespace);
                let tenancy = self.tenancy(&namespace);
                tenancy.line.push_front(key);
                tenancy.line_again = Some(now + LINE_AGAIN);
                self.office.cluster.metrics().quota_waits.inc();
                Input::Short(why)
            }
            Making::NotMade(outcome) => Input::NotMade(outcome),
            Making::Withdrawn => Input::Withdrawn,
            Making::Made(uid) => {
                pass(Point::AfterCreate);
                if let Some(entry) = self.attempts.get_mut(&key) {
                    entry.uid = Some(uid);
                    entry.order = None;
                }
                self.feed(key, Input::Made, now, reports);
                // A watch may have been faster than the answer.
                return self.look(key, now, reports);
            }
        };
        self.feed(key, input, now, reports);
    }

    /// Takes in what the watches show of an attempt; of one that an earlier coordinator started only once everything is
    /// listed: that a pod is listed before its Job does not say that the Job is gone.
    pub(super) fn look(&mut self, key: AttemptKey, now: Instant, reports: &mut Reports) {
        let Some(entry) = self.attempts.get(&key) else { return };
        let complete = self.spaces.get(&entry.namespace).is_some_and(|tenancy| tenancy.space.is_complete());
        if entry.attempt.is_inherited() && !complete {
            return;
        }
        if let Some(observation) = self.observation(key) {
            self.feed(key, Input::Saw(observation), now, reports);
        }
    }

    pub(super) fn observation(&mut self, key: AttemptKey) -> Option<Observation> {
        let entry = self.attempts.get_mut(&key)?;
        let space = &self.spaces.get(&entry.namespace)?.space;
        if entry.uid.is_none() && entry.attempt.is_inherited() {
            entry.uid = space.job_uid(&entry.id).map(str::to_owned);
        }
        let nodes = &self.nodes;
        let silent = |name: &str| if nodes.get(name).copied().unwrap_or(false) { Node::Silent } else { Node::Answers };
        Some(space.observe(&entry.id, entry.uid.as_deref(), entry.attempt.is_asked(), silent))
    }
}
