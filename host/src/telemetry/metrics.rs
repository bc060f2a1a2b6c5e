use super::word::Word;
use super::{ClusterMetrics, Format, PhaseTimes};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use wharf_contract::Cause;
use wharf_core::event::RunState;
use wharf_core::plan::{FlowName, Plan};

/// All metrics of a coordinator. Labels are bounded: tenants, flows and pools are those of the config, all else is closed.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Names that may be label values; others count as `other`.
    tenants: HashSet<String>,
    flows: HashSet<FlowName>,
    attempts: Family<AttemptLabels, Counter>,
    /// The counters that most attempts go to, without the label set's hashing.
    attempt_counters: HashMap<(String, Cause), Counter>,
    runs: Family<RunLabels, Counter>,
    lag: Histogram,
    start: Histogram,
    setup: Histogram,
    run: Histogram,
    commit: Histogram,
    /// How long attempts are in which phase.
    pub phases: PhaseTimes,
    /// 1 while this coordinator decides, or is about to: 0 in one that waits for its turn.
    pub leader: Gauge,
    /// Attempts between intent and recorded outcome.
    pub attempts_open: Gauge,
    /// Runs that are not final.
    pub runs_active: Gauge,
    /// Attempts that are ready and wait for a slot or for their backoff.
    pub queue_depth: Gauge,
    /// Worker processes.
    pub workers: Gauge,
    /// 1 while the store takes nothing.
    pub store_failing: Gauge,
    /// 1 while the newest config is refused and the one before is used.
    pub config_refused: Gauge,
    slots: Family<PoolLabels, Gauge>,
    slots_used: Family<PoolLabels, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    /// What is done to a cluster.
    pub cluster: ClusterMetrics,
}

/// The end of an attempt, as metrics see it.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEnd<'a> {
    /// Whose.
    pub tenant: &'a str,
    /// How.
    pub cause: Cause,
    /// The runtime's preparation.
    pub setup: Duration,
    /// The guest's time.
    pub run: Duration,
}

/// Slots of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUse {
    /// Its name.
    pub pool: String,
    /// Taken.
    pub used: u32,
    /// In all.
    pub total: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    tenant: String,
    outcome: Word,
    cause: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    flow: String,
    state: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: Word,
}

const OTHER: &str = "other";

fn seconds() -> Histogram {
    // 0.1 ms to about 7 minutes.
    Histogram::new(exponential_buckets(0.0001, 4.0, 12))
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut r = Registry::with_prefix("wharf");
        let (attempts, runs) = (Family::default(), Family::default());
        let (lag, start, setup, run, commit) = (seconds(), seconds(), seconds(), seconds(), seconds());
        let (leader, store_failing, config_refused) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (attempts_open, runs_active, queue_depth) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (workers, slots, slots_used) = (Gauge::default(), Family::default(), Family::default());
        let (phases, reloads, cluster) = (PhaseTimes::default(), Family::default(), ClusterMetrics::default());
        r.register("build", "Version of wharf", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        r.register("attempts", "Attempts that ended, by tenant, outcome and cause", attempts.clone());
        phases.register(&mut r);
        r.register("runs", "Runs that became final, by flow and state", runs.clone());
        r.register("schedule_lag_seconds", "From a tick's time to its run", lag.clone());
        r.register("attempt_start_seconds", "From the decision to run an attempt to its durable intent", start.clone());
        r.register("attempt_setup_seconds", "From the runtime's taking an attempt to its guest's start", setup.clone());
        r.register("attempt_run_seconds", "From the start of an attempt's guest to its end", run.clone());
        r.register("store_commit_seconds", "From handing over a batch to its being durable", commit.clone());
        r.register("leader", "1 while this coordinator leads, or is alone", leader.clone());
        r.register("attempts_open", "Attempts between intent and recorded outcome", attempts_open.clone());
        r.register("runs_active", "Runs that are not final", runs_active.clone());
        r.register("queue_depth", "Attempts that are ready and wait", queue_depth.clone());
        r.register("workers", "Worker processes", workers.clone());
        r.register("store_failing", "1 while the store takes nothing", store_failing.clone());
        r.register("config_refused", "1 while the newest config is refused", config_refused.clone());
        r.register("pool_slots", "Slots of a pool", slots.clone());
        r.register("pool_slots_used", "Slots of a pool that are taken", slots_used.clone());
        r.register("config_reloads", "Configs that were looked at anew, by result", reloads.clone());
        cluster.register(&mut r);
        Metrics {
            registry: r,
            tenants: HashSet::new(),
            flows: HashSet::new(),
            attempts,
            attempt_counters: HashMap::new(),
            runs,
            lag,
            start,
            setup,
            run,
            commit,
            phases,
            leader,
            attempts_open,
            runs_active,
            queue_depth,
            workers,
            store_failing,
            config_refused,
            slots,
            slots_used,
            reloads,
            cluster,
        }
    }
}

impl Metrics {
    /// Tenants and flows of this plan may be label values; the counters of those that are gone go.
    pub fn set_plan(&mut self, plan: &Plan) {
        self.set_names(plan.tenants.keys().cloned().collect(), plan.flows.keys().cloned().collect());
    }

    fn set_names(&mut self, tenants: HashSet<String>, flows: HashSet<FlowName>) {
        for tenant in self.tenants.difference(&tenants) {
            for cause in Cause::ALL {
                self.attempts.remove(&AttemptLabels::new(tenant, cause));
            }
        }
        for flow in self.flows.difference(&flows) {
            for state in [RunState::Succeeded, RunState::Failed, RunState::Cancelled] {
                self.runs.remove(&RunLabels { flow: flow.to_string(), state: Word(state.as_str()) });
            }
        }
        self.attempt_counters.retain(|(tenant, _), _| tenant == OTHER || tenants.contains(tenant));
        (self.tenants, self.flows) = (tenants, flows);
    }

    /// Counts the end of an attempt.
    pub fn attempt_ended(&mut self, end: &AttemptEnd<'_>) {
        let tenant = if self.tenants.contains(end.tenant) { end.tenant } else { OTHER };
        // Two maps of one level each would look up without a copy of the name; this is one short copy.
        let key = (tenant.to_owned(), end.cause);
        let counter = self
            .attempt_counters
            .entry(key)
            .or_insert_with(|| self.attempts.get_or_create_owned(&AttemptLabels::new(tenant, end.cause)));
        counter.inc();
        self.setup.observe(end.setup.as_secs_f64());
        self.run.observe(end.run.as_secs_f64());
    }

    /// Counts a run that became final.
    pub fn run_ended(&self, flow: &FlowName, state: RunState) {
        let flow = if self.flows.contains(flow) { flow.to_string() } else { OTHER.to_owned() };
        self.runs.get_or_create(&RunLabels { flow, state: Word(state.as_str()) }).inc();
    }

    /// A tick became a run this long after its time.
    pub fn scheduled(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    /// A start was let out this long after it was decided: its intent is durable.
    pub fn started(&self, wait: Duration) {
        self.start.observe(wait.as_secs_f64());
    }

    /// A batch became durable this long after it was handed over.
    pub fn committed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    /// A config was looked at anew.
    pub fn reloaded(&self, taken: bool) {
        let result = Word(if taken { "taken" } else { "refused" });
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
        self.config_refused.set(i64::from(!taken));
    }

    /// How full the pools are. Those that are gone from the config go.
    pub fn set_pools(&self, pools: &[PoolUse]) {
        self.slots.clear();
        self.slots_used.clear();
        for p in pools {
            let labels = PoolLabels { pool: p.pool.clone() };
            self.slots.get_or_create(&labels).set(p.total.into());
            self.slots_used.get_or_create(&labels).set(p.used.into());
        }
    }

    /// All of it as text.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        format.write(&self.registry)
    }
}

impl AttemptLabels {
    fn new(tenant: &str, cause: Cause) -> AttemptLabels {
        let outcome = match cause {
            Cause::Succeeded => "succeeded",
            Cause::Cancelled => "cancelled",
            _ => "failed",
        };
        AttemptLabels { tenant: tenant.to_owned(), outcome: Word(outcome), cause: Word(cause.as_str()) }
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
