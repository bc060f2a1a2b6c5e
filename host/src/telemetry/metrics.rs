use super::ClusterMetrics;
use super::word::Word;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
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
    record: Histogram,
    commit: Histogram,
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
        let mut m = Metrics {
            registry: Registry::with_prefix("wharf"),
            tenants: HashSet::new(),
            flows: HashSet::new(),
            attempts: Family::default(),
            attempt_counters: HashMap::new(),
            runs: Family::default(),
            lag: seconds(),
            start: seconds(),
            setup: seconds(),
            run: seconds(),
            record: seconds(),
            commit: seconds(),
            leader: Gauge::default(),
            attempts_open: Gauge::default(),
            runs_active: Gauge::default(),
            queue_depth: Gauge::default(),
            workers: Gauge::default(),
            store_failing: Gauge::default(),
            config_refused: Gauge::default(),
            slots: Family::default(),
            slots_used: Family::default(),
            reloads: Family::default(),
            cluster: ClusterMetrics::default(),
        };
        let r = &mut m.registry;
        r.register("build", "Version of wharf", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        r.register("attempts", "Attempts that ended, by tenant, outcome and cause", m.attempts.clone());
        r.register("runs", "Runs that became final, by flow and state", m.runs.clone());
        r.register("schedule_lag_seconds", "From a tick's time to its run", m.lag.clone());
        r.register("attempt_start_seconds", "From an attempt's decision to its start by a worker", m.start.clone());
        r.register(
            "attempt_setup_seconds",
            "From the runtime's taking an attempt to its first instruction",
            m.setup.clone(),
        );
        r.register("attempt_run_seconds", "From an attempt's first instruction to its end", m.run.clone());
        r.register("attempt_record_seconds", "From an attempt's end to its durable record", m.record.clone());
        r.register("store_commit_seconds", "From handing over a batch to its being durable", m.commit.clone());
        r.register("leader", "1 while this coordinator leads, or is alone", m.leader.clone());
        r.register("attempts_open", "Attempts between intent and recorded outcome", m.attempts_open.clone());
        r.register("runs_active", "Runs that are not final", m.runs_active.clone());
        r.register("queue_depth", "Attempts that are ready and wait", m.queue_depth.clone());
        r.register("workers", "Worker processes", m.workers.clone());
        r.register("store_failing", "1 while the store takes nothing", m.store_failing.clone());
        r.register("config_refused", "1 while the newest config is refused", m.config_refused.clone());
        r.register("pool_slots", "Slots of a pool", m.slots.clone());
        r.register("pool_slots_used", "Slots of a pool that are taken", m.slots_used.clone());
        r.register("config_reloads", "Configs that were looked at anew, by result", m.reloads.clone());
        m.cluster.register(r);
        m
    }
}

impl Metrics {
    /// Tenants and flows of this plan may be label values; the counters of those that are gone go.
    pub fn set_plan(&mut self, plan: &Plan) {
        self.tenants = plan.tenants.keys().cloned().collect();
        self.flows = plan.flows.keys().cloned().collect();
    }

    /// Counts the end of an attempt.
    pub fn attempt_ended(&mut self, end: &AttemptEnd<'_>) {
        let tenant = if self.tenants.contains(end.tenant) { end.tenant } else { OTHER };
        // Two maps of one level each would look up without a copy of the name; this is one short copy.
        let key = (tenant.to_owned(), end.cause);
        let counter = self.attempt_counters.entry(key).or_insert_with(|| {
            let outcome = Word(match end.cause {
                Cause::Succeeded => "succeeded",
                Cause::Cancelled => "cancelled",
                _ => "failed",
            });
            let labels = AttemptLabels { tenant: tenant.to_owned(), outcome, cause: Word(end.cause.as_str()) };
            self.attempts.get_or_create(&labels).clone()
        });
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

    /// A start went to a worker this long after it was decided.
    pub fn started(&self, wait: Duration) {
        self.start.observe(wait.as_secs_f64());
    }

    /// A batch with this many outcomes became durable this long after it was handed over.
    pub fn committed(&self, took: Duration, outcomes: usize) {
        let took = took.as_secs_f64();
        self.commit.observe(took);
        for _ in 0..outcomes {
            self.record.observe(took);
        }
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

    /// All of it in the OpenMetrics text format, which Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            let _ = text.write_str("# EOF\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_in_the_table_and_the_other_way_round() {
        let table = include_str!("../../METRICS.md");
        let documented: Vec<_> = table
            .lines()
            .filter_map(|l| l.strip_prefix("| `"))
            .map(|l| {
                let mut cells = l.split('|').map(str::trim);
                (cells.next().unwrap().trim_end_matches('`').to_owned(), cells.next().unwrap().to_owned())
            })
            .collect();
        // A metric with labels shows only once it has a value.
        let mut metrics = Metrics::default();
        let flow = FlowName { tenant: "a".into(), flow: "b".into() };
        metrics.run_ended(&flow, RunState::Failed);
        metrics.attempt_ended(&AttemptEnd {
            tenant: "a",
            cause: Cause::Trap,
            setup: Duration::ZERO,
            run: Duration::ZERO,
        });
        metrics.set_pools(&[PoolUse { pool: "p".into(), used: 1, total: 2 }]);
        metrics.reloaded(true);
        metrics.cluster.called("create", 201);
        metrics.cluster.watched("jobs");
        let text = metrics.text();
        let kinds: Vec<_> = text
            .lines()
            .filter_map(|l| l.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| {
                let suffix = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                (format!("{name}{suffix}"), kind.to_owned())
            })
            .collect();
        assert_eq!(documented, kinds);
    }

    #[test]
    fn a_name_that_the_config_does_not_have_makes_no_label() {
        let mut metrics = Metrics::default();
        for tenant in ["a", "b"] {
            metrics.attempt_ended(&AttemptEnd {
                tenant,
                cause: Cause::Trap,
                setup: Duration::ZERO,
                run: Duration::from_millis(3),
            });
        }
        let text = metrics.text();
        let line = r#"wharf_attempts_total{tenant="other",outcome="failed",cause="trap"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(!text.contains(r#"tenant="a""#));
    }
}
