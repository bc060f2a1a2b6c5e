use super::quantity;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use crate::plan;
use crate::quantity::{Bytes, Millis};
use wharf_contract::Limits;

const REQUESTS: Shape = Shape {
    name: "ResourceRequests",
    doc: "What is reserved on a node of a cluster.",
    one: false,
    fields: &[
        Field::new("memory", Kind::Quantity, "Bytes."),
        Field::new("cpu", Kind::Quantity, "Cores; `500m` is half a core."),
    ],
};
const LIMITS: Shape = Shape {
    name: "ResourceLimits",
    doc: "What an attempt never passes.",
    one: false,
    fields: &[
        Field::new("memory", Kind::Quantity, "Bytes of the guest's memories and tables; default `256Mi`."),
        Field::new("cpu", Kind::Quantity, "Cores; not enforced on one machine."),
        Field::new("ephemeral-storage", Kind::Quantity, "Bytes that the guest writes; default `1Gi`."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Resources",
    doc: "What an attempt may use, as of a Kubernetes container.",
    one: false,
    fields: &[
        Field::new("requests", Kind::Object(&REQUESTS), "What is reserved on a node of a cluster."),
        Field::new("limits", Kind::Object(&LIMITS), "What an attempt never passes."),
    ],
};

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::config) struct Resources {
    values: plan::Resources,
    limit_memory_at: Option<At>,
    requests_at: Option<At>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Resources {
    let Some(node) = node.get("resources") else { return Resources::default() };
    let (requests, limits) = (node.get("requests"), node.get("limits"));
    let values = plan::Resources {
        request_memory: requests.and_then(|n| quantity::bytes(reader, n, "memory")),
        request_cpu: requests.and_then(|n| quantity::millis(reader, n, "cpu")),
        limit_memory: limits.and_then(|n| quantity::bytes(reader, n, "memory")),
        limit_cpu: limits.and_then(|n| quantity::millis(reader, n, "cpu")),
        limit_ephemeral_storage: limits.and_then(|n| quantity::bytes(reader, n, "ephemeral-storage")),
    };
    Resources {
        values,
        limit_memory_at: limits.and_then(|n| n.get("memory")).map(|n| n.at),
        requests_at: requests.map(|n| n.at),
    }
}

impl Resources {
    /// Values that stand in no config.
    pub(in crate::config) fn of(values: plan::Resources) -> Resources {
        Resources { values, ..Resources::default() }
    }

    /// With what the tenant says where the task says nothing, and within the tenant's cap.
    pub(in crate::config) fn resolve(
        &self,
        reader: &mut Reader<'_>,
        tenant: &Resources,
        cap: Option<u64>,
        task_at: At,
    ) -> plan::Resources {
        let (own, other) = (&self.values, &tenant.values);
        let mut all = plan::Resources {
            request_memory: own.request_memory.or(other.request_memory),
            limit_memory: own.limit_memory.or(other.limit_memory),
            request_cpu: own.request_cpu.or(other.request_cpu),
            limit_cpu: own.limit_cpu.or(other.limit_cpu),
            limit_ephemeral_storage: own.limit_ephemeral_storage.or(other.limit_ephemeral_storage),
        };
        let at = self.limit_memory_at.or(tenant.limit_memory_at).unwrap_or(task_at);
        if let Some(cap) = cap {
            match all.limit_memory {
                Some(limit) if limit > cap => {
                    let message =
                        format!("a memory limit of {} is over the tenant's cap of {}", Bytes(limit), Bytes(cap));
                    reader.error_hint(
                        at,
                        Code::OverLimit,
                        message,
                        "lower it, or raise `spec.limits.memory` of the tenant",
                    );
                }
                None if Limits::default().memory > cap => all.limit_memory = Some(cap),
                _ => {}
            }
        }
        let at = self.requests_at.or(tenant.requests_at).unwrap_or(task_at);
        let limit = all.limit_memory.unwrap_or(Limits::default().memory);
        let (bytes, cores) = (|n: u64| Bytes(n).to_string(), |n: u64| Millis(n).to_string());
        for (name, request, limit, shown) in [
            ("memory", all.request_memory, Some(limit), &bytes as &dyn Fn(u64) -> String),
            ("cpu", all.request_cpu, all.limit_cpu, &cores),
        ] {
            if let (Some(request), Some(limit)) = (request, limit)
                && request > limit
            {
                let message =
                    format!("`requests.{name}` is {}, and `limits.{name}` is {}", shown(request), shown(limit));
                reader.error_hint(at, Code::OverLimit, message, format!("raise `limits.{name}`"));
            }
        }
        all
    }
}
