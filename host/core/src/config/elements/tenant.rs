use super::env::Env;
use super::metadata::Metadata;
use super::quota::{self, Hard};
use super::resources::Resources;
use super::retry::Retry;
use super::{
    artifact_store, duration, egress, env, grants, metadata, pod_template, quantity, resources, retry, secret,
};
use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use crate::plan;
use std::collections::BTreeMap;

const LIMITS: Shape = Shape {
    name: "TenantLimits",
    doc: "Caps that no task passes.",
    one: false,
    fields: &[Field::new("memory", Kind::Quantity, "Largest memory limit of one attempt; default: no cap.")],
};
const DEFAULTS: Shape = Shape {
    name: "TenantDefaults",
    doc: "What tasks get where they say nothing.",
    one: false,
    fields: &[
        Field::new("timeout", duration::KIND, "As of a task."),
        Field::new("retry", Kind::Object(&retry::SHAPE), "As of a task, field by field."),
        Field::new("resources", Kind::Object(&resources::SHAPE), "As of a task, field by field."),
        Field::new("env", Kind::List(&Kind::Object(&env::SHAPE)), "As of a task, variable by variable."),
    ],
};
const SPEC: Shape = Shape {
    name: "TenantSpec",
    doc: "What the tenant's flows get, and what they may.",
    one: false,
    fields: &[
        Field::new(
            "parallelism",
            Kind::Int(1, 1_000_000),
            "Attempts at one time; default: only the Coordinator's bound.",
        ),
        Field::new("limits", Kind::Object(&LIMITS), "Caps that no task passes."),
        Field::new("defaults", Kind::Object(&DEFAULTS), "What tasks get where they say nothing."),
        Field::new("secrets", Kind::List(&Kind::Object(&secret::TENANT)), "Secrets that its flows may name."),
        Field::new(
            "allowedHosts",
            Kind::List(&Kind::Form("a host name")),
            "Hosts that `grants.http` may name; `*.example.org` is every name below. Default: any.",
        ),
        Field::new("allowedPaths", Kind::List(&Kind::Text), "Folders that volumes must lie in; default: any."),
        Field::new(
            "artifactStore",
            artifact_store::KIND,
            "Where its attempts keep what outlives their pods; in a cluster every tenant with flows has one.",
        ),
        Field::new(
            "podTemplate",
            pod_template::KIND,
            "Merged into its pods after the Coordinator's; in a cluster only.",
        ),
        Field::new("resourceQuota", Kind::Object(&quota::SHAPE), "ResourceQuota of its namespace; in a cluster only."),
        Field::new(
            "egress",
            Kind::List(&Kind::Object(&egress::SHAPE)),
            "Where its pods may connect to besides DNS, registry and store; in a cluster only.",
        ),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Tenant",
    doc: "Who owns flows. Nothing of one tenant can be named by another.",
    one: false,
    fields: &[
        Field::required("apiVersion", Kind::Enum(&["wharf.dev/v1"]), "`wharf.dev/v1`"),
        Field::required("kind", Kind::Enum(&["Tenant"]), "`Tenant`"),
        Field::required("metadata", metadata::KIND, "Name: what flows have as `namespace`."),
        Field::new("spec", Kind::Object(&SPEC), "What the tenant's flows get, and what they may."),
    ],
};

/// What tasks get where they say nothing.
#[derive(Debug, Clone, Default)]
pub(in crate::config) struct Defaults {
    pub(in crate::config) timeout_us: Option<u64>,
    pub(in crate::config) retry: Retry,
    pub(in crate::config) resources: Resources,
    pub(in crate::config) env: Env,
}

#[derive(Debug)]
pub(in crate::config) struct Tenant {
    pub(in crate::config) at: At,
    pub(in crate::config) value: plan::Tenant,
    pub(in crate::config) defaults: Defaults,
    /// It has a document.
    pub(in crate::config) is_declared: bool,
    /// One is given, be it good or not.
    pub(in crate::config) has_store: bool,
    pub(in crate::config) pod_template: Option<Node>,
    pub(in crate::config) quota: Hard,
    /// One is given, be it good or not, or empty.
    pub(in crate::config) has_quota: bool,
}

impl Tenant {
    /// One that says nothing.
    pub(in crate::config) fn plain(name: &str) -> Tenant {
        let value = plan::Tenant {
            name: name.to_owned(),
            parallelism: None,
            max_memory: None,
            secrets: BTreeMap::new(),
            allowed_hosts: None,
            allowed_paths: None,
            artifact_store: None,
            pod_template: None,
            namespace: plan::Namespace::default(),
        };
        Tenant {
            at: At::default(),
            value,
            defaults: Defaults::default(),
            is_declared: false,
            has_store: false,
            pod_template: None,
            quota: Hard::new(),
            has_quota: false,
        }
    }
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Tenant> {
    let Metadata { name, namespace } = metadata::read(reader, node)?;
    if let Some(namespace) = namespace {
        reader.error(namespace.at, Code::InvalidValue, "a Tenant lies in no namespace: it is one");
    }
    let mut tenant = Tenant { at: name.at, is_declared: true, ..Tenant::plain(&name.value) };
    let Some(spec) = node.get("spec") else { return Some(tenant) };
    if let Some(defaults) = spec.get("defaults") {
        tenant.defaults = Defaults {
            timeout_us: duration::read(reader, defaults, "timeout"),
            retry: retry::read(reader, defaults),
            resources: resources::read(reader, defaults),
            env: env::read(reader, defaults),
        };
    }
    let hosts = spec.get("allowedHosts").map(|list| {
        let mut hosts = Vec::new();
        for item in list.items() {
            let Some(text) = item.text() else { continue };
            match grants::check_host(text) {
                Ok(host) => hosts.push(host),
                Err((why, hint)) => reader.error_hint(item.at, Code::InvalidValue, why, hint),
            }
        }
        hosts
    });
    let paths = spec
        .get("allowedPaths")
        .map(|list| list.items().iter().filter_map(|p| Some(reader.path(p.text()?, p.at))).collect());
    tenant.has_store = spec.get("artifactStore").is_some();
    tenant.pod_template = pod_template::read(reader, spec);
    tenant.quota = quota::read(reader, spec);
    tenant.has_quota = spec.get("resourceQuota").is_some();
    tenant.value = plan::Tenant {
        parallelism: reader::int(spec, "parallelism"),
        max_memory: spec.get("limits").and_then(|l| quantity::bytes(reader, l, "memory")),
        secrets: secret::read_tenant(reader, spec),
        allowed_hosts: hosts,
        allowed_paths: paths,
        artifact_store: artifact_store::read(reader, spec),
        pod_template: tenant.pod_template.as_ref().map(Node::json),
        namespace: plan::Namespace {
            quota: tenant.quota.iter().map(|(name, (hard, _))| (name.clone(), hard.clone())).collect(),
            egress: egress::read(reader, spec),
        },
        ..tenant.value
    };
    Some(tenant)
}
