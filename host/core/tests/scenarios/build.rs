//! Flows and plans in a few words.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wharf_contract::{Cause, Entry};
use wharf_core::partition::{Granularity, Partitions};
use wharf_core::plan::{
    Component, ConcurrencyPolicy, Coordinator, Flow, FlowName, ForEach, Missed, Params, Plan, Resources, Retry, RunIf,
    Task, Tenant,
};
use wharf_core::schedule::Zone;

/// A task with names instead of positions.
#[derive(Clone)]
pub(crate) struct Draft {
    task: Task,
    needs: Vec<&'static str>,
}

pub(crate) fn task(name: &str) -> Draft {
    let retry = Retry { backoff_min_us: 2_000_000, backoff_max_us: 2_000_000, ..Retry::default() };
    let task = Task {
        name: name.into(),
        component: Component { path: "/c.wasm".into(), digest: "sha256:00".into(), size: 0 },
        entry: Entry::Task,
        needs: vec![],
        dependents: vec![],
        input: Value::Null,
        for_each: None,
        when: None,
        run_if: RunIf::AllSucceeded,
        retry,
        timeout_us: None,
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
    };
    Draft { task, needs: vec![] }
}

#[allow(dead_code, reason = "each test binary uses some")]
impl Draft {
    pub(crate) fn needs(mut self, needs: &[&'static str]) -> Draft {
        self.needs = needs.to_vec();
        self
    }

    pub(crate) fn input(mut self, input: Value) -> Draft {
        self.task.input = input;
        self
    }

    pub(crate) fn each(mut self, items: Value, parallelism: Option<u32>) -> Draft {
        self.task.for_each = Some(ForEach { items, parallelism });
        self
    }

    pub(crate) fn when(mut self, when: &str) -> Draft {
        self.task.when = Some(when.into());
        self
    }

    pub(crate) fn run_if(mut self, run_if: RunIf) -> Draft {
        self.task.run_if = run_if;
        self
    }

    pub(crate) fn attempts(mut self, attempts: u32, platform: u32) -> Draft {
        (self.task.retry.attempts, self.task.retry.platform_attempts) = (attempts, platform);
        self
    }

    pub(crate) fn retry_on(mut self, causes: &[Cause]) -> Draft {
        self.task.retry.on = Some(causes.to_vec());
        self
    }

    pub(crate) fn memory(mut self, limit: u64, percent: u32, most: u64) -> Draft {
        self.task.resources.limit_memory = Some(limit);
        (self.task.retry.memory_factor_percent, self.task.retry.memory_max) = (percent, Some(most));
        self
    }

    pub(crate) fn timeout(mut self, seconds: u64) -> Draft {
        self.task.timeout_us = Some(seconds * 1_000_000);
        self
    }

    pub(crate) fn start_deadline(mut self, seconds: u64) -> Draft {
        self.task.start_deadline_us = Some(seconds * 1_000_000);
        self
    }

    pub(crate) fn pool(mut self, pool: &str, slots: u32) -> Draft {
        (self.task.pool, self.task.slots) = (Some(pool.into()), slots);
        self
    }

    pub(crate) fn priority(mut self, priority: i32) -> Draft {
        self.task.priority = priority;
        self
    }

    pub(crate) fn per(mut self, partition: Granularity) -> Draft {
        self.task.partition = Some(partition);
        self
    }
}

/// A flow `t/NAME` of tasks in topological order. Its digest is its name with its number of tasks and schedule.
pub(crate) fn flow(name: &str, drafts: Vec<Draft>) -> Flow {
    let names: Vec<_> = drafts.iter().map(|d| d.task.name.clone()).collect();
    let mut tasks: Vec<Task> = Vec::new();
    for (at, Draft { mut task, needs }) in drafts.into_iter().enumerate() {
        task.needs = needs.iter().map(|n| names.iter().position(|name| name == n).unwrap()).collect();
        task.needs.sort_unstable();
        for &need in &task.needs {
            tasks[need].dependents.push(at);
        }
        tasks.push(task);
    }
    Flow {
        name: FlowName { tenant: "t".into(), flow: name.into() },
        digest: format!("{name}-1"),
        schedule: None,
        time_zone: Zone::parse("UTC").unwrap(),
        concurrency_policy: ConcurrencyPolicy::Allow,
        starting_deadline_us: None,
        suspend: false,
        missed: Missed::Last,
        successful_runs_history_limit: 3,
        failed_runs_history_limit: 3,
        max_active: 2,
        priority: 0,
        params: Params::default(),
        partitions: None,
        partition_offset: 0,
        tasks,
    }
}

/// Days of UTC.
#[allow(dead_code, reason = "each test binary uses some")]
pub(crate) fn daily(from: &str, to: &str) -> Option<Partitions> {
    let date = |text: &str| Some(text.parse().unwrap());
    Some(Partitions::calendar(Granularity::Daily, Zone::parse("UTC").unwrap(), date(from), date(to)).unwrap())
}

/// A plan with one tenant `t`.
pub(crate) fn plan(flows: Vec<Flow>, parallelism: u32, tenant: Option<u32>, pools: &[(&str, u32)]) -> Plan {
    let t = Tenant {
        name: "t".into(),
        parallelism: tenant,
        max_memory: None,
        secrets: BTreeMap::new(),
        allowed_hosts: None,
        allowed_paths: None,
        artifact_store: None,
        pod_template: None,
        namespace: wharf_core::plan::Namespace::default(),
    };
    Plan {
        coordinator: Coordinator {
            parallelism,
            pools: pools.iter().map(|(name, slots)| ((*name).to_owned(), *slots)).collect(),
            ..Coordinator::default()
        },
        tenants: [("t".to_owned(), Arc::new(t))].into(),
        flows: flows.into_iter().map(|f| (f.name.clone(), Arc::new(f))).collect(),
    }
}

#[allow(dead_code, reason = "each test binary uses some")]
pub(crate) fn list(items: u32) -> Value {
    json!((0..items).collect::<Vec<_>>())
}
