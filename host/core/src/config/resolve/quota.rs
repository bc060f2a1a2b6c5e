//! Whether a pod of a task can ever fit the tenant's quota.

use crate::config::elements::kubernetes::Kubernetes;
use crate::config::elements::task::Task;
use crate::config::elements::tenant::Tenant;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::plan;
use crate::pod::{DEFAULT_LIMITS, Need, needs};
use crate::quantity::{Bytes, Millis, parse};

/// Reports a task whose pod would wait for ever.
pub(super) fn fits(
    reader: &mut Reader<'_>,
    kubernetes: &Kubernetes,
    tenant: &Tenant,
    task: &Task,
    resolved: &plan::Task,
) {
    if tenant.quota.is_empty() {
        return;
    }
    let templates =
        [kubernetes.value.pod_template.as_ref(), tenant.value.pod_template.as_ref(), resolved.pod_template.as_ref()];
    let [operator, own, of_task] = templates;
    // What is wrong with a template is said elsewhere.
    let Ok(template) = crate::pod::template(operator, own, of_task) else { return };
    if let (Some(request), None) = (resolved.resources.request_cpu, resolved.resources.limit_cpu)
        && tenant.quota.contains_key("limits.cpu")
        && Millis(request) > DEFAULT_LIMITS.cpu
    {
        let message = format!(
            "the quota of `{}` counts `limits.cpu`: `{}` has none and gets {}, and requests {}",
            tenant.value.name,
            task.name,
            DEFAULT_LIMITS.cpu,
            Millis(request)
        );
        return reader.error_hint(task.at, Code::OverLimit, message, "say `resources.limits.cpu`");
    }
    let grown = resolved.retry.memory_max.filter(|_| resolved.retry.memory_factor_percent > 100);
    for memory in [None, grown] {
        let need = needs(resolved, memory, &template);
        for (counted, (hard, _)) in &tenant.quota {
            let Some((needed, has)) = over(&need, counted, hard) else { continue };
            let when = if memory.is_some() { ", with the memory of its last attempt," } else { "" };
            let message = format!(
                "a pod of `{}`{when} needs `{counted}` of {needed}, and the quota of `{}` is {has}: it could never start",
                task.name, tenant.value.name
            );
            let hint =
                format!("lower what the task asks for, or raise `spec.resourceQuota.hard.{counted}` of the tenant");
            return reader.error_hint(task.at, Code::OverLimit, message, hint);
        }
    }
}

/// What is needed and what there is, where that is less.
fn over(need: &Need, counted: &str, hard: &str) -> Option<(String, String)> {
    let bytes = |needed: Bytes| {
        let has = Bytes(parse(hard, 1).unwrap_or(0));
        (needed > has).then(|| (needed.to_string(), has.to_string()))
    };
    let cores = |needed: Millis| {
        let has = Millis(parse(hard, 1000).unwrap_or(0));
        (needed > has).then(|| (needed.to_string(), has.to_string()))
    };
    match counted {
        "cpu" | "requests.cpu" => cores(need.requests.cpu),
        "memory" | "requests.memory" => bytes(need.requests.memory),
        "ephemeral-storage" | "requests.ephemeral-storage" => bytes(need.requests.storage),
        "limits.cpu" => cores(need.limits.cpu),
        "limits.memory" => bytes(need.limits.memory),
        "limits.ephemeral-storage" => bytes(need.limits.storage),
        "pods" | "count/pods" | "count/jobs.batch" => bytes(Bytes(1)),
        _ => None,
    }
}
