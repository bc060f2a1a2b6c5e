//! What a pod needs in all, with what its template adds to it: what a quota counts.

use super::{PodResources, pod_resources};
use crate::plan::Task;
use crate::quantity::{Bytes, Millis, parse};
use serde_json::Value;

/// What a container of a tenant's namespace gets where it says nothing, by the LimitRange there.
pub const DEFAULT_REQUESTS: Amounts = Amounts { memory: Bytes(64 << 20), cpu: Millis(50), storage: Bytes(64 << 20) };
/// Likewise; the one of cpu only where the tenant's quota counts `limits.cpu`.
pub const DEFAULT_LIMITS: Amounts = Amounts { memory: Bytes(256 << 20), cpu: Millis(1000), storage: Bytes(1 << 30) };

/// Memory, cpu and ephemeral storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// `memory`
    pub memory: Bytes,
    /// `cpu`
    pub cpu: Millis,
    /// `ephemeral-storage`
    pub storage: Bytes,
}

/// What a pod needs in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// What is reserved.
    pub requests: Amounts,
    /// What it never passes; cpu counted with its default.
    pub limits: Amounts,
}

/// What a pod of the task needs in all, as the scheduler and quotas count it: its containers and sidecars together, or an
/// init container with the sidecars before it where that is more. `memory` as of [`pod_resources`].
#[must_use]
pub fn needs(task: &Task, memory: Option<u64>, template: &Value) -> Need {
    let mut sidecars = Need::default();
    let mut most = Need::default();
    let list = template.get("spec").and_then(|s| s.get("initContainers")).and_then(Value::as_array);
    for container in list.into_iter().flatten() {
        let need = of_container(container);
        if container.get("restartPolicy").is_some_and(|p| p == "Always") {
            sidecars = sidecars.and(&need);
        } else {
            most = most.or(&sidecars.and(&need));
        }
    }
    most.or(&sidecars.and(&of_attempt(&pod_resources(task, memory))))
}

fn of_attempt(pod: &PodResources) -> Need {
    let requests = Amounts { memory: pod.request_memory, cpu: pod.request_cpu, storage: pod.request_storage };
    let cpu = pod.limit_cpu.unwrap_or(DEFAULT_LIMITS.cpu);
    Need { requests, limits: Amounts { memory: pod.limit_memory, cpu, storage: pod.limit_storage } }
}

fn of_container(container: &Value) -> Need {
    let given = |kind: &str, name: &str, scale: u32| {
        let value = container.get("resources")?.get(kind)?.get(name)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(parse(&text, scale).unwrap_or(0))
    };
    let amounts = |kind: &str, default: Amounts| Amounts {
        memory: given(kind, "memory", 1).map_or(default.memory, Bytes),
        cpu: given(kind, "cpu", 1000).map_or(default.cpu, Millis),
        storage: given(kind, "ephemeral-storage", 1).map_or(default.storage, Bytes),
    };
    let limits = amounts("limits", DEFAULT_LIMITS);
    // A limit that is given is also requested, where no request is.
    let own = Amounts {
        memory: given("limits", "memory", 1).map_or(DEFAULT_REQUESTS.memory, Bytes),
        cpu: given("limits", "cpu", 1000).map_or(DEFAULT_REQUESTS.cpu, Millis),
        storage: given("limits", "ephemeral-storage", 1).map_or(DEFAULT_REQUESTS.storage, Bytes),
    };
    Need { requests: amounts("requests", own), limits }
}

/// What a container requests more of than its limit is: name, request and limit. A limit that it does not have is the
/// default; of cpu it has none then.
pub(super) fn beyond(container: &Value) -> Option<(&'static str, String, String)> {
    let Need { requests, limits } = of_container(container);
    let limits_cpu = container.get("resources").and_then(|r| r.get("limits")?.get("cpu")).is_some();
    let over = |name, request: &dyn std::fmt::Display, limit: &dyn std::fmt::Display| {
        Some((name, request.to_string(), limit.to_string()))
    };
    if requests.memory > limits.memory {
        return over("memory", &requests.memory, &limits.memory);
    }
    if requests.storage > limits.storage {
        return over("ephemeral-storage", &requests.storage, &limits.storage);
    }
    (limits_cpu && requests.cpu > limits.cpu).then(|| over("cpu", &requests.cpu, &limits.cpu))?
}

impl Amounts {
    fn zip(&self, other: &Amounts, bytes: fn(Bytes, Bytes) -> Bytes, cpu: fn(Millis, Millis) -> Millis) -> Amounts {
        Amounts {
            memory: bytes(self.memory, other.memory),
            cpu: cpu(self.cpu, other.cpu),
            storage: bytes(self.storage, other.storage),
        }
    }
}

impl Need {
    fn and(&self, other: &Need) -> Need {
        let add = |a: &Amounts, b: &Amounts| a.zip(b, |a, b| a + b, |a, b| a + b);
        Need { requests: add(&self.requests, &other.requests), limits: add(&self.limits, &other.limits) }
    }

    fn or(&self, other: &Need) -> Need {
        let max = |a: &Amounts, b: &Amounts| a.zip(b, Ord::max, Ord::max);
        Need { requests: max(&self.requests, &other.requests), limits: max(&self.limits, &other.limits) }
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
