//! What the core costs: nanoseconds of one attempt's whole life (made ready, input worked out, started, finished, taken in)
//! in fan-outs of growing length and in a chain. Flat is what it should be.
//!
//! `cargo run --release -p wharf-core --example decide_cost`

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use wharf_contract::{Entry, Outcome, Payload};
use wharf_core::action::Action;
use wharf_core::plan::{
    Component, ConcurrencyPolicy, Coordinator, Flow, FlowName, ForEach, Missed, Params, Plan, Resources, Retry, RunIf,
    Task,
};
use wharf_core::schedule::Zone;
use wharf_core::scheduler::{RunRequest, Scheduler};
use wharf_core::time::Timestamp;

const ROUNDS: usize = 3;
/// Attempts in a round at the least: enough for the clock's tick.
const LEAST: usize = 200_000;

fn main() {
    println!("ns of processor time for one attempt, best of {ROUNDS}; 32 at one time, with a timeout");
    let mut first = None;
    for items in [1_000, 10_000, 100_000] {
        let each = best(|| fan_out(items), items);
        let against = each / *first.get_or_insert(each);
        println!("fan-out of {items:>7}: {each:>6.0}  ({against:.2} of the first)");
    }
    for length in [100, 1_000] {
        println!("chain of {length:>9}: {:>6.0}", best(|| chain(length), length));
    }
}

/// Nanoseconds for each attempt in the fastest round.
fn best(flow: impl Fn() -> Flow, attempts: usize) -> f64 {
    let flow = Arc::new(flow());
    let runs = LEAST.div_ceil(attempts);
    let round = |_| {
        let begin = Clock::now();
        (0..runs).for_each(|_| run(&flow, attempts));
        begin.elapsed_ns() / (runs * attempts) as f64
    };
    (0..ROUNDS).map(round).fold(f64::MAX, f64::min)
}

fn run(flow: &Arc<Flow>, attempts: usize) {
    let plan = Plan {
        coordinator: Coordinator { parallelism: 32, ..Coordinator::default() },
        tenants: BTreeMap::new(),
        flows: [(flow.name.clone(), flow.clone())].into(),
    };
    let mut scheduler = Scheduler::new(Arc::new(plan));
    let mut now = Timestamp::from_micros(1_700_000_000_000_000);
    let output = Payload::Json(serde_json::value::to_raw_value(&json!({"rows": 7})).unwrap_or_default());
    let request = RunRequest { flow: flow.name.clone(), params: serde_json::Map::new(), partition: None };
    if let Err(refused) = scheduler.create_run(request, now) {
        panic!("the run was refused: {refused}");
    }
    let mut done = 0;
    while !scheduler.is_idle() {
        now = Timestamp::from_micros(now.as_micros() + 100);
        for action in scheduler.decide(now).actions {
            let Action::Start(start) = action else { panic!("only starts are expected: {action:?}") };
            let taken = scheduler.attempt_finished(start.attempt, Outcome::succeeded(output.clone()), now);
            assert_eq!(taken, Ok(()));
            done += 1;
        }
    }
    assert_eq!(done, attempts, "every attempt ran once");
}

/// Time on the processor where the system tells it, since others may use the machine too; else time on the wall.
struct Clock {
    wall: Instant,
    on_cpu: Option<f64>,
}

impl Clock {
    fn now() -> Clock {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Clock { wall: Instant::now(), on_cpu: text.split(' ').next().and_then(|ns| ns.parse().ok()) }
    }

    fn elapsed_ns(&self) -> f64 {
        let now = Clock::now();
        match (self.on_cpu, now.on_cpu) {
            (Some(begin), Some(end)) => end - begin,
            _ => now.wall.duration_since(self.wall).as_nanos() as f64,
        }
    }
}

fn fan_out(items: usize) -> Flow {
    let list = json!((0..items).map(|i| json!({"id": i})).collect::<Vec<_>>());
    let mut each = task("each".into());
    each.for_each = Some(ForEach { items: list, parallelism: None });
    each.input = json!({"id": "{{ item.id }}", "run": "{{ run.id }}"});
    flow(vec![each])
}

fn chain(length: usize) -> Flow {
    let link = |at: usize| {
        let mut link = task(format!("t{at}"));
        if at > 0 {
            link.needs = vec![at - 1];
            link.input = json!(format!("{{{{ tasks.t{}.output }}}}", at - 1));
        }
        link.dependents = if at + 1 < length { vec![at + 1] } else { vec![] };
        link
    };
    flow((0..length).map(link).collect())
}

fn task(name: String) -> Task {
    Task {
        name,
        component: Component { path: "/task.wasm".into(), digest: "sha256:00".into(), size: 0 },
        entry: Entry::Task,
        needs: vec![],
        dependents: vec![],
        input: Value::Null,
        for_each: None,
        when: None,
        run_if: RunIf::AllSucceeded,
        retry: Retry::default(),
        timeout_us: Some(60_000_000),
        start_deadline_us: None,
        resources: Resources::default(),
        env: BTreeMap::new(),
        secret_env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        mounts: vec![],
        http: vec![],
        pool: None,
        slots: 1,
        priority: 0,
        partition: None,
        pod_template: None,
    }
}

fn flow(tasks: Vec<Task>) -> Flow {
    let Ok(time_zone) = Zone::parse("UTC") else { panic!("UTC is a zone") };
    Flow {
        name: FlowName { tenant: "bench".into(), flow: "flow".into() },
        digest: "0".into(),
        schedule: None,
        time_zone,
        concurrency_policy: ConcurrencyPolicy::Allow,
        starting_deadline_us: None,
        suspend: false,
        missed: Missed::Last,
        successful_runs_history_limit: 1,
        failed_runs_history_limit: 1,
        max_active: 1,
        priority: 0,
        params: Params::default(),
        partitions: None,
        partition_offset: 0,
        tasks,
    }
}
