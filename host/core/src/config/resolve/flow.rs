use super::templates::Flow as Shared;
use super::{cluster, component, edges, grants, graph, pods, quota, templates};
use crate::config::Catalog;
use crate::config::elements::flow::Flow;
use crate::config::elements::kubernetes::Kubernetes;
use crate::config::elements::task::Task;
use crate::config::elements::tenant::Tenant;
use crate::config::fault::Code;
use crate::config::practice;
use crate::config::reader::Reader;
use crate::partition::{Granularity, Partitions};
use crate::plan::{self, Coordinator, FlowName};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use wharf_contract::Inspection;

/// What a flow is judged against.
pub(super) struct Context<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) coordinator: &'a Coordinator,
    /// What is said of a cluster, whether attempts run there or not.
    pub(super) kubernetes: Option<&'a Kubernetes>,
    /// The same where attempts run there.
    pub(super) cluster: Option<&'a Kubernetes>,
    pub(super) catalog: &'a Catalog,
}

pub(super) fn resolve(reader: &mut Reader<'_>, cx: &Context<'_>, flow: &Flow, name: FlowName) -> plan::Flow {
    grants::volumes(reader, cx, flow);
    let mut resolved = plan::Flow {
        name,
        digest: String::new(),
        schedule: flow.schedule.expression.clone(),
        time_zone: flow.schedule.zone,
        concurrency_policy: flow.schedule.concurrency,
        starting_deadline_us: flow.schedule.starting_deadline_us,
        suspend: flow.schedule.suspend,
        missed: flow.schedule.missed,
        successful_runs_history_limit: flow.successful_limit,
        failed_runs_history_limit: flow.failed_limit,
        max_active: flow.max_active,
        priority: flow.priority,
        params: flow.params.clone(),
        partitions: flow.partitions.clone(),
        partition_offset: flow.partition_offset,
        tasks: Vec::new(),
    };
    let graph = graph::order(reader, &flow.tasks);
    let found: Vec<Option<&Inspection>> =
        flow.tasks.iter().map(|task| component::inspect(reader, cx.catalog, task)).collect();
    let mut tasks: Vec<plan::Task> = flow
        .tasks
        .iter()
        .zip(&found)
        .map(|(task, inspection)| resolve_task(reader, cx, flow, task, *inspection))
        .collect();
    let Some(graph) = graph else { return resolved };
    let shared = Shared { tasks: &flow.tasks, graph: &graph, params: &flow.params, granularity: granularity(flow) };
    for place in 0..graph.order.len() {
        check_partition(reader, flow, &shared, place);
        let position = graph.order[place];
        let good = templates::check(reader, &shared, place);
        if let Some(inspection) = found[position].filter(|_| good) {
            edges::check(reader, &shared, place, inspection, &found);
        }
        let task = &mut tasks[position];
        task.needs = graph.needs[place].clone();
        task.dependents = graph.dependents[place].clone();
    }
    let mut by_position: Vec<Option<plan::Task>> = tasks.into_iter().map(Some).collect();
    resolved.tasks = graph.order.iter().filter_map(|position| by_position[*position].take()).collect();
    resolved.digest = digest(&resolved);
    resolved
}

fn resolve_task(
    reader: &mut Reader<'_>,
    cx: &Context<'_>,
    flow: &Flow,
    task: &Task,
    inspection: Option<&Inspection>,
) -> plan::Task {
    let (tenant, defaults) = (&cx.tenant.value, &cx.tenant.defaults);
    grants::pool(reader, cx, task);
    if let Some(inspection) = inspection {
        grants::asked(reader, task, inspection);
    }
    let env = task.env.resolve(&defaults.env);
    cluster::sources(reader, cx, flow, task, &env);
    pods::task(reader, cx.kubernetes, cx.tenant, task);
    let own = granularity(flow);
    let resolved = plan::Task {
        name: task.name.value.clone(),
        component: component::resolve(task, inspection),
        entry: component::entry(reader, task, inspection),
        needs: Vec::new(),
        dependents: Vec::new(),
        input: task.input.as_ref().map(crate::config::yaml::Node::json).unwrap_or_default(),
        for_each: task.for_each.as_ref().map(|f| f.value.clone()),
        when: task.when.as_ref().map(|w| w.value.clone()),
        run_if: task.run_if,
        retry: task.retry.resolve(&defaults.retry, tenant.max_memory),
        timeout_us: task.timeout_us.or(defaults.timeout_us),
        start_deadline_us: task.start_deadline_us,
        resources: task.resources.resolve(reader, &defaults.resources, tenant.max_memory, task.at),
        env: env.clear,
        secret_env: grants::secrets(reader, cx, &env.secret),
        secrets: grants::secrets(reader, cx, &task.secrets),
        mounts: grants::mounts(reader, flow, task),
        http: grants::http(reader, cx, task),
        pool: task.pool.as_ref().map(|p| p.value.clone()),
        slots: task.slots,
        priority: task.priority,
        partition: task.partition.map(|(g, _)| g).filter(|g| Some(*g) != own),
        pod_template: task.pod_template.as_ref().map(crate::config::yaml::Node::json),
    };
    if let Some(cluster) = cx.cluster {
        quota::fits(reader, cluster, cx.tenant, task, &resolved);
        practice::task(reader, cluster, cx.tenant, task, &resolved.resources);
    }
    resolved
}

/// The flow's granularity; a list, which only `all` is coarser than, counts as years.
fn granularity(flow: &Flow) -> Option<Granularity> {
    flow.partitions.as_ref().map(|partitions| match partitions {
        Partitions::Calendar(calendar) => calendar.granularity,
        Partitions::Static(_) => Granularity::Yearly,
    })
}

fn check_partition(reader: &mut Reader<'_>, flow: &Flow, shared: &Shared<'_>, place: usize) {
    let task = shared.task(place);
    let name = &task.name;
    if let Some((wanted, at)) = task.partition {
        let message = match (&flow.partitions, shared.granularity) {
            (Some(Partitions::Static(_)), _) if wanted != Granularity::All => {
                Some(format!("`{name}` is {wanted}, and the partitions of the flow are a list: only `all` is coarser"))
            }
            (Some(_), Some(own)) if wanted < own => {
                Some(format!("`{name}` is {wanted}, which is finer than the flow's partitions: {own}"))
            }
            (Some(_), _) => None,
            (None, _) => Some(format!("`{name}` has a `partition`, and the flow has none")),
        };
        if let Some(message) = message {
            let hint = "a task's partition is coarser than the flow's, or left out";
            return reader.error_hint(at, Code::Partition, message, hint);
        }
    }
    for need in &shared.graph.needs[place] {
        if shared.is_finer(place, *need) {
            let other = shared.task(*need);
            let at = task.needs.iter().find(|n| n.value == other.name.value).map_or(task.at, |n| n.at);
            let message = format!("`{name}` needs `{}`, whose partitions are coarser than its own", other.name);
            let hint = "give it a `partition` as coarse, or turn the need around";
            reader.error_hint(at, Code::Partition, message, hint);
        }
    }
}

/// First 32 hex digits of the SHA-256 of the flow's JSON, whose digest is empty.
fn digest(flow: &plan::Flow) -> String {
    // Through a value: its keys are sorted.
    let json = serde_json::to_value(flow).map(|v| v.to_string()).unwrap_or_default();
    let hash = Sha256::digest(json.as_bytes());
    hash.iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
