//! Parts of plans for unit tests, with nothing in them that a test does not ask for.

use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use wharf_contract::Entry;
use wharf_core::plan::{
    Component, ConcurrencyPolicy, Flow, FlowName, Missed, Namespace, Params, Resources, Retry, RunIf, SecretSource,
    Task, Tenant,
};
use wharf_core::schedule::Zone;

/// A task `extract`.
pub(crate) fn task() -> Task {
    Task {
        name: "extract".into(),
        component: Component { path: "/plugins/extract.wasm".into(), digest: "sha256:ab".into(), size: 0 },
        entry: Entry::Task,
        needs: vec![],
        dependents: vec![],
        input: json!(null),
        for_each: None,
        when: None,
        run_if: RunIf::AllSucceeded,
        retry: Retry::default(),
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
    }
}

/// The flow `weather/daily` of one task.
pub(crate) fn flow(task: Task) -> Arc<Flow> {
    Arc::new(Flow {
        name: FlowName { tenant: "weather".into(), flow: "daily".into() },
        digest: "d1".into(),
        schedule: None,
        time_zone: Zone::UTC,
        concurrency_policy: ConcurrencyPolicy::Allow,
        starting_deadline_us: None,
        suspend: false,
        missed: Missed::Last,
        successful_runs_history_limit: 3,
        failed_runs_history_limit: 1,
        max_active: 1,
        priority: 0,
        params: Params::default(),
        partitions: None,
        partition_offset: 0,
        tasks: vec![task],
    })
}

/// The tenant `weather`, with a secret and no store.
pub(crate) fn tenant() -> Tenant {
    Tenant {
        name: "weather".into(),
        parallelism: None,
        max_memory: None,
        // Set in every test process by cargo.
        secrets: BTreeMap::from([("token".into(), SecretSource::Env { name: "CARGO_PKG_NAME".into() })]),
        allowed_hosts: None,
        allowed_paths: None,
        artifact_store: None,
        pod_template: None,
        namespace: Namespace::default(),
    }
}
