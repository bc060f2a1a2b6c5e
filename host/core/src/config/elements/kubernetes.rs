//! How attempts run as Jobs.

use super::resources::{self, Resources};
use super::{artifact_store, components, duration, egress, image, name, pod_template};
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan;

/// Of the namespace, where the config names none.
const NAMESPACE: &str = "wharf";
/// Microseconds from a Job's creation to the runtime's start.
const START_DEADLINE_US: u64 = 600_000_000;
/// Seconds that a pod tolerates a node that is gone.
const UNREACHABLE_SECONDS: u64 = 30;
/// What compiling gets where the config says nothing; it is given less than it may use, since few components need that.
const COMPILE: plan::Resources = plan::Resources {
    request_memory: None,
    limit_memory: Some(2 << 30),
    request_cpu: Some(500),
    limit_cpu: None,
    limit_ephemeral_storage: None,
};
const COMPILE_REQUEST: u64 = 512 << 20;

const COMPILE_SHAPE: Shape = Shape {
    name: "Compile",
    doc: "The Jobs that compile components, each component once.",
    one: false,
    fields: &[Field::new(
        "resources",
        Kind::Object(&resources::SHAPE),
        "What one may use; default `{requests: {memory: 512Mi, cpu: 500m}, limits: {memory: 2Gi}}`.",
    )],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Kubernetes",
    doc: "How attempts run as Jobs, where `executor` is `kubernetes`. Of a tenant, its name is its namespace.",
    one: false,
    fields: &[
        Field::new(
            "namespace",
            name::KIND,
            "Namespace of what belongs to no tenant: the Jobs that compile components; default `wharf`.",
        ),
        Field::required("image", image::KIND, "Image of `wharf-runtime`."),
        Field::new("imagePullPolicy", image::PULL_POLICY, "When that image is pulled; default `IfNotPresent`."),
        Field::new(
            "components",
            Kind::Object(&components::SHAPE),
            "How components reach the cluster; default `{store: {}}`.",
        ),
        Field::required(
            "artifactStore",
            artifact_store::KIND,
            "The operator's store: what was compiled, and `components` of `store`.",
        ),
        Field::new(
            "podTemplate",
            pod_template::KIND,
            "Merged into every pod first. Only this one may loosen what pods are hardened with.",
        ),
        Field::new(
            "startDeadline",
            duration::KIND,
            "From a Job's creation to the runtime's start, waits for quota not counted; default `10m`.",
        ),
        Field::new(
            "unreachableTolerationSeconds",
            Kind::Int(0, 86_400),
            "How long pods tolerate a node that is not ready or not reachable; default 30.",
        ),
        Field::new(
            "architecture",
            Kind::Enum(&["amd64", "arm64"]),
            "`kubernetes.io/arch` of the nodes; default `amd64`.",
        ),
        Field::new("compile", Kind::Object(&COMPILE_SHAPE), "The Jobs that compile components."),
        Field::new(
            "egress",
            Kind::List(&Kind::Object(&egress::SHAPE)),
            "Where those Jobs may connect to besides DNS, registry and store: for example a registry's token service, or the \
             addresses of a store with a name. A server with a name is allowed on its port at any address, unless this is \
             given.",
        ),
    ],
};

/// As the config says it.
#[derive(Debug)]
pub(in crate::config) struct Kubernetes {
    pub(in crate::config) value: plan::Kubernetes,
    pub(in crate::config) pod_template: Option<Node>,
}

/// None where it lacks what it cannot be without; that is reported.
pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Option<Kubernetes> {
    let node = spec.get("kubernetes")?;
    let namespace = reader::text(node, "namespace").filter(|n| name::check(reader, n));
    let image = image::read(reader, node, "image");
    let artifact_store = artifact_store::read(reader, node);
    let pod_template = pod_template::read(reader, node);
    let compile = node.get("compile").map(|c| resources::read(reader, c)).unwrap_or_default();
    let components = components::read(reader, node);
    let start_deadline_us = duration::read(reader, node, "startDeadline").unwrap_or(START_DEADLINE_US);
    let mut compile = compile.resolve(reader, &Resources::of(COMPILE), None, node.at);
    compile.request_memory = compile.request_memory.or(compile.limit_memory.map(|limit| limit.min(COMPILE_REQUEST)));
    let value = plan::Kubernetes {
        namespace: namespace.map_or_else(|| NAMESPACE.to_owned(), |n| n.value),
        image: image?.value,
        image_pull_policy: image::pull_policy(node, "imagePullPolicy"),
        components,
        artifact_store: artifact_store?,
        pod_template: pod_template.as_ref().map(Node::json),
        start_deadline_us,
        unreachable_us: reader::int(node, "unreachableTolerationSeconds").unwrap_or(UNREACHABLE_SECONDS) * 1_000_000,
        architecture: reader::text(node, "architecture").map_or_else(|| "amd64".to_owned(), |a| a.value),
        compile,
        egress: egress::read(reader, node),
    };
    Some(Kubernetes { value, pod_template })
}
