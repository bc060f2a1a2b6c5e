//! The one place where a pod's requests and limits follow from a task's.

use crate::plan::{Resources, Task};
use crate::quantity::{Bytes, Millis};
use serde_json::{Map, Value, json};
use wharf_contract::Limits;

/// Memory of the runtime itself: its code and heap, its connections to the store and to what the guest talks to, and the
/// pieces of artifacts that are on their way.
pub const BASE_MEMORY: Bytes = Bytes(64 << 20);
/// A compiled component has about so many times the bytes of its `.wasm` file; seen were 2.0 to 2.8.
const COMPILED_FACTOR: u64 = 3;
/// What a compiled component has at the least.
const COMPILED_LEAST: u64 = 64 << 10;
/// A pod holds a compiled component twice for a moment: as it was fetched, until its seal is verified, and as it runs.
const COMPILED_COPIES: u64 = 2;
/// What a pod asks of a node's processors where the task says nothing.
pub const REQUEST_CPU: Millis = Millis(100);
/// Files of the runtime beside the guest's: checkpoint, order, names of folders.
const SCRATCH_MARGIN: u64 = 16 << 20;
/// What the node keeps of the container's output: log lines as JSON, with their times.
const NODE_LOGS: u64 = 32 << 20;
/// Of a pod that compiles: the component, and what becomes of it.
const COMPILE_SCRATCH: u64 = 1 << 30;

/// Of a pod that serves a store: requests and answers that are under way, and what the kernel holds of its files.
const SERVED: Bytes = Bytes(64 << 20);

/// What the container `wharf` of a pod is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodResources {
    /// Memory limit of what runs inside of the runtime: the guest, or the compiler.
    pub guest_memory: Bytes,
    /// What the runtime needs beside it.
    pub overhead_memory: Bytes,
    /// `requests.memory`.
    pub request_memory: Bytes,
    /// `limits.memory`: the guest's and the overhead. The runtime ends the guest before the kernel ends the pod.
    pub limit_memory: Bytes,
    /// `requests.cpu`.
    pub request_cpu: Millis,
    /// `limits.cpu`, where the task has one.
    pub limit_cpu: Option<Millis>,
    /// `requests.ephemeral-storage`: what each attempt needs; what the guest may write beside is not reserved.
    pub request_storage: Bytes,
    /// `limits.ephemeral-storage`: the scratch folder and what the node keeps of the output.
    pub limit_storage: Bytes,
    /// `sizeLimit` of the scratch folder.
    pub scratch: Bytes,
}

impl PodResources {
    /// With room for input artifacts of so many bytes in all: the runtime fetches them into the scratch folder.
    #[must_use]
    pub fn with_inputs(self, bytes: u64) -> PodResources {
        let inputs = whole_mi(bytes);
        PodResources {
            request_storage: self.request_storage + inputs,
            limit_storage: self.limit_storage + inputs,
            scratch: self.scratch + inputs,
            ..self
        }
    }

    /// As a container has it: `{requests: {...}, limits: {...}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let requests = json!({
            "memory": self.request_memory.to_string(),
            "cpu": self.request_cpu.to_string(),
            "ephemeral-storage": self.request_storage.to_string(),
        });
        let mut limits = Map::new();
        limits.insert("memory".into(), json!(self.limit_memory.to_string()));
        limits.insert("ephemeral-storage".into(), json!(self.limit_storage.to_string()));
        if let Some(cpu) = self.limit_cpu {
            limits.insert("cpu".into(), json!(cpu.to_string()));
        }
        json!({"requests": requests, "limits": limits})
    }
}

/// What the pod of an attempt is given. `memory` is the guest's limit in bytes, where an earlier attempt ran into the task's
/// own.
#[must_use]
pub fn pod_resources(task: &Task, memory: Option<u64>) -> PodResources {
    let defaults = Limits::default();
    let compiled = task.component.size.saturating_mul(COMPILED_FACTOR).saturating_add(COMPILED_LEAST);
    let guest = memory.or(task.resources.limit_memory).unwrap_or(defaults.memory);
    let own_files = whole_mi(compiled.saturating_add(defaults.log_bytes).saturating_add(SCRATCH_MARGIN));
    let code = Bytes(compiled.saturating_mul(COMPILED_COPIES));
    let disk = Bytes(task.resources.limit_ephemeral_storage.unwrap_or(defaults.disk));
    given(&task.resources, Bytes(guest), whole_mi((BASE_MEMORY + code).0), disk, own_files)
}

/// What a pod that compiles is given.
#[must_use]
pub fn compile_resources(resources: &Resources) -> PodResources {
    let compiler = Bytes(resources.limit_memory.unwrap_or(Limits::default().memory));
    let disk = Bytes(resources.limit_ephemeral_storage.unwrap_or(COMPILE_SCRATCH));
    given(resources, compiler, BASE_MEMORY, disk, whole_mi(SCRATCH_MARGIN))
}

/// What a pod is given that serves a store in a volume: a few pieces of objects are on their way at a time.
#[must_use]
pub fn store_resources() -> PodResources {
    given(&Resources::default(), SERVED, BASE_MEMORY, Bytes(0), whole_mi(SCRATCH_MARGIN))
}

fn given(resources: &Resources, guest: Bytes, overhead: Bytes, disk: Bytes, own_files: Bytes) -> PodResources {
    let limit_memory = guest + overhead;
    // As Kubernetes has it, what is not requested is requested up to the limit.
    let request_memory = resources.request_memory.map_or(limit_memory, |r| (Bytes(r) + overhead).min(limit_memory));
    let limit_cpu = resources.limit_cpu.map(Millis);
    let request_cpu = resources.request_cpu.map_or(REQUEST_CPU, Millis).min(limit_cpu.unwrap_or(Millis(u64::MAX)));
    PodResources {
        guest_memory: guest,
        overhead_memory: overhead,
        request_memory,
        limit_memory,
        request_cpu,
        limit_cpu,
        request_storage: own_files + Bytes(NODE_LOGS),
        limit_storage: disk + own_files + Bytes(NODE_LOGS),
        scratch: disk + own_files,
    }
}

fn whole_mi(bytes: u64) -> Bytes {
    Bytes(bytes.div_ceil(1 << 20).saturating_mul(1 << 20))
}

#[cfg(test)]
#[path = "overhead_tests.rs"]
pub(super) mod tests;
