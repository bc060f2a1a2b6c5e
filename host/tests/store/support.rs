//! Flows and events in few words.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wharf::store::{Append, Store, StoreState};
use wharf_contract::{Artifact, Cause, Outcome, Payload};
use wharf_core::event::{BackfillId, Entry, Event, RunId, RunSpec, RunState, Trigger};
use wharf_core::partition::Partition;
use wharf_core::plan::{
    Component, ConcurrencyPolicy, Flow, FlowName, ForEach, Missed, Params, Resources, Retry, RunIf, Task,
};
use wharf_core::schedule::Zone;
use wharf_core::time::Timestamp;

/// Longest wait for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn name(flow: &str) -> FlowName {
    FlowName { tenant: "acme".into(), flow: flow.into() }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A flow of tasks without needs; one whose name begins with `each` is a fan-out.
pub(crate) fn flow(named: &str, version: u32, tasks: &[&str]) -> Arc<Flow> {
    Arc::new(Flow {
        name: name(named),
        digest: format!("{named}-{version}"),
        schedule: None,
        time_zone: Zone::UTC,
        concurrency_policy: ConcurrencyPolicy::Allow,
        starting_deadline_us: None,
        suspend: false,
        missed: Missed::Last,
        successful_runs_history_limit: 3,
        failed_runs_history_limit: 1,
        max_active: 4,
        priority: 0,
        params: Params::default(),
        partitions: None,
        partition_offset: 0,
        tasks: tasks.iter().map(|task| self::task(task)).collect(),
    })
}

fn task(name: &str) -> Task {
    let items = ForEach { items: serde_json::json!([1, 2]), parallelism: None };
    Task {
        name: name.into(),
        component: Component { path: PathBuf::from("/t.wasm"), digest: format!("sha256:{}", "0".repeat(64)), size: 0 },
        entry: wharf_contract::Entry::Task,
        needs: Vec::new(),
        dependents: Vec::new(),
        input: serde_json::Value::Null,
        for_each: name.starts_with("each").then_some(items),
        when: None,
        run_if: RunIf::AllSucceeded,
        retry: Retry::default(),
        timeout_us: None,
        start_deadline_us: None,
        resources: Resources::default(),
        env: Default::default(),
        secret_env: Default::default(),
        secrets: Default::default(),
        mounts: Vec::new(),
        http: Vec::new(),
        pool: None,
        slots: 1,
        priority: 0,
        partition: None,
        pod_template: None,
    }
}

pub(crate) fn spec(flow: &Flow, partition: Option<&str>) -> RunSpec {
    RunSpec {
        flow: flow.name.clone(),
        flow_digest: flow.digest.clone(),
        trigger: Trigger::Manual,
        scheduled_time: None,
        partition: partition.map(|key| Partition { key: key.into(), start: None, end: None }),
        layer: None,
        params: serde_json::Map::new(),
    }
}

pub(crate) fn of_backfill(spec: RunSpec, backfill: u64) -> RunSpec {
    RunSpec { trigger: Trigger::Backfill(BackfillId(backfill)), ..spec }
}

pub(crate) fn entry(run: u64, seconds: i64, event: Event) -> Entry {
    Entry::Run { run: RunId(run), at: at(seconds), event }
}

pub(crate) fn created(run: u64, seconds: i64, spec: RunSpec) -> Entry {
    entry(run, seconds, Event::Created(Box::new(spec)))
}

pub(crate) fn started(run: u64, seconds: i64, task: u16, item: Option<u32>, attempt: u32) -> Entry {
    entry(run, seconds, Event::Started { task, item, attempt })
}

pub(crate) fn finished(run: u64, seconds: i64, task: u16, item: Option<u32>, attempt: u32, outcome: Outcome) -> Entry {
    entry(run, seconds, Event::Finished { task, item, attempt, outcome: Box::new(outcome) })
}

pub(crate) fn ended(run: u64, seconds: i64, state: RunState) -> Entry {
    entry(run, seconds, Event::Ended { state })
}

pub(crate) fn json(value: serde_json::Value) -> Payload {
    Payload::Json(serde_json::value::to_raw_value(&value).unwrap())
}

pub(crate) fn good(value: serde_json::Value) -> Outcome {
    Outcome::succeeded(json(value))
}

pub(crate) fn bad() -> Outcome {
    Outcome::failed(Cause::Permanent, "no such city")
}

pub(crate) fn artifact(digit: char) -> Artifact {
    Artifact {
        digest: format!("sha256:{}", digit.to_string().repeat(64)),
        size: 3,
        name: "a.svg".into(),
        media_type: None,
    }
}

/// A run of a flow of one task from its creation to its end.
pub(crate) fn whole_run(flow: &Arc<Flow>, run: u64, seconds: i64, spec: RunSpec, outcome: Outcome) -> Append {
    let state = if outcome.cause == Cause::Succeeded { RunState::Succeeded } else { RunState::Failed };
    Append {
        entries: vec![
            created(run, seconds, spec),
            started(run, seconds, 0, None, 1),
            finished(run, seconds + 1, 0, None, 1, outcome),
            ended(run, seconds + 1, state),
        ],
        flows: vec![flow.clone()],
    }
}

pub(crate) fn append(entries: Vec<Entry>, flow: &Arc<Flow>) -> Append {
    Append { entries, flows: vec![flow.clone()] }
}

/// Waits until a batch is durable.
pub(crate) fn wait(store: &impl Store, number: u64) {
    let mut durable = store.durable();
    let reached = async { durable.wait_for(|n| *n >= number).await.map(|n| *n) };
    block(reached).expect("the store is there");
}

/// Waits until the store is in a state.
pub(crate) fn wait_state(store: &impl Store, wanted: impl FnMut(&StoreState) -> bool) -> StoreState {
    let mut state = store.state();
    block(async { state.wait_for(wanted).await.map(|s| s.clone()) }).expect("the store is there")
}

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await }).expect("in time")
}

/// Appends and waits.
pub(crate) fn put(store: &impl Store, append: Append) {
    let number = store.append(append);
    wait(store, number);
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
