//! What the pod of a task is given, in words.

use super::Fact;
use wharf_core::plan::{Kubernetes, Task, Tenant};
use wharf_core::pod::{self, PodResources};

pub(super) fn facts(kubernetes: &Kubernetes, tenant: Option<&Tenant>, task: &Task, facts: &mut Vec<Fact>) {
    let mut say = |about, words: String| facts.push(Fact { about, words });
    if let Some(tenant) = tenant {
        say("runs as", format!("a Job of the namespace {}, image {}", tenant.name, kubernetes.image));
    }
    let pod = pod::pod_resources(task, None);
    let PodResources { guest_memory, overhead_memory, limit_memory, request_memory, .. } = &pod;
    say(
        "pod memory",
        format!(
            "limit {limit_memory}: {guest_memory} for the guest, {overhead_memory} for the runtime and what is compiled; \
             request {request_memory}"
        ),
    );
    let cpu = pod.limit_cpu.map_or_else(|| "no limit".to_owned(), |cpu| format!("limit {cpu}"));
    say("pod cpu", format!("{cpu}; request {}", pod.request_cpu));
    let PodResources { limit_storage, request_storage, scratch, .. } = &pod;
    say(
        "pod disk",
        format!("limit {limit_storage}: {scratch} for files, the rest for logs; request {request_storage}"),
    );
    let templates =
        [kubernetes.pod_template.as_ref(), tenant.and_then(|t| t.pod_template.as_ref()), task.pod_template.as_ref()];
    let [operator, own, of_task] = templates;
    // A plan's templates merge: its config was judged by merging them.
    let Ok(template) = pod::template(operator, own, of_task) else { return };
    let containers = template["spec"]["initContainers"].as_array();
    let named: Vec<String> = containers
        .into_iter()
        .flatten()
        .map(|c| {
            let how = if c["restartPolicy"] == "Always" { "beside the task" } else { "before the task" };
            format!("{} ({}, {how})", c["name"].as_str().unwrap_or_default(), c["image"].as_str().unwrap_or_default())
        })
        .collect();
    if !named.is_empty() {
        say("containers", named.join(", "));
    }
}
