use super::kubernetes::{self, Kubernetes};
use super::{duration, metadata, name};
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use crate::plan;

const SPEC: Shape = Shape {
    name: "CoordinatorSpec",
    doc: "How the coordinator runs.",
    one: false,
    fields: &[
        Field::new("parallelism", Kind::Int(1, 100_000), "Attempts at one time over all tenants; default 32."),
        Field::new("pools", Kind::Map(&Kind::Int(1, 1_000_000)), "Slots of each pool by its name."),
        Field::new(
            "retention",
            duration::KIND,
            "How long final runs are kept, within the flows' history limits; default `720h`.",
        ),
        Field::new("drainTimeout", duration::KIND, "How long a stop waits for running attempts; default `30s`."),
        Field::new(
            "executor",
            Kind::Enum(&["local", "kubernetes"]),
            "Who starts attempts: `local` (the default), warm workers of this machine; `kubernetes`, a Job for each.",
        ),
        Field::new("kubernetes", Kind::Object(&kubernetes::SHAPE), "How attempts run as Jobs."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Coordinator",
    doc: "How the coordinator itself runs; at most one document.",
    one: false,
    fields: &[
        Field::required("apiVersion", Kind::Enum(&["wharf.dev/v1"]), "`wharf.dev/v1`"),
        Field::required("kind", Kind::Enum(&["Coordinator"]), "`Coordinator`"),
        Field::new("metadata", metadata::KIND, "Name; not used."),
        Field::new("spec", Kind::Object(&SPEC), "How the coordinator runs."),
    ],
};

#[derive(Debug)]
pub(in crate::config) struct Coordinator {
    pub(in crate::config) at: At,
    pub(in crate::config) value: plan::Coordinator,
    /// Also where another executor is chosen.
    pub(in crate::config) kubernetes: Option<Kubernetes>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Coordinator {
    let default = plan::Coordinator::default();
    let Some(spec) = node.get("spec") else {
        return Coordinator { at: node.at, value: default, kubernetes: None };
    };
    let mut pools = std::collections::BTreeMap::new();
    for entry in spec.get("pools").map_or(&[][..], Node::entries) {
        let name = Text { value: entry.key.clone(), at: entry.at };
        if name::check(reader, &name)
            && let Some(slots) = entry.node.int().and_then(|n| u32::try_from(n).ok())
        {
            pools.insert(name.value, slots);
        }
    }
    let kubernetes = kubernetes::read(reader, spec);
    let executor = match spec.get("executor") {
        Some(executor) if executor.text() == Some("kubernetes") => {
            if spec.get("kubernetes").is_none() {
                let hint = "give it at least `kubernetes: {image: ..., artifactStore: ...}`";
                let message = "the executor is `kubernetes`, and nothing is said about the cluster";
                reader.error_hint(executor.at, Code::MissingField, message, hint);
            }
            kubernetes.as_ref().map(|k| plan::Executor::Kubernetes(Box::new(k.value.clone()))).unwrap_or_default()
        }
        _ => plan::Executor::Local,
    };
    let value = plan::Coordinator {
        parallelism: reader::int(spec, "parallelism").unwrap_or(default.parallelism),
        pools,
        retention_us: duration::read(reader, spec, "retention").or(default.retention_us),
        drain_timeout_us: duration::read(reader, spec, "drainTimeout").unwrap_or(default.drain_timeout_us),
        executor,
    };
    Coordinator { at: node.at, value, kubernetes }
}
