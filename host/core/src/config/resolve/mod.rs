//! From documents to a plan: what only shows when all is there.

mod cluster;
mod component;
mod edges;
mod flow;
mod grants;
mod graph;
mod pods;
mod quota;
mod templates;
mod types;

use super::Catalog;
use super::document::Documents;
use super::elements::tenant::Tenant;
use super::fault::Code;
use super::reader::Reader;
use crate::plan::{Coordinator, Executor, FlowName, Plan};
use crate::schedule::nearest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tenant of a flow that names none. It is there without a document.
const DEFAULT_TENANT: &str = "default";

pub(super) fn plan(reader: &mut Reader<'_>, documents: &Documents, catalog: &Catalog) -> Plan {
    let coordinator = coordinator(reader, documents);
    let mut tenants: BTreeMap<&str, &Tenant> = BTreeMap::new();
    for tenant in &documents.tenants {
        if let Some(first) = tenants.insert(&tenant.value.name, tenant) {
            let message = format!("two tenants have the name `{}`", tenant.value.name);
            reader.error_hint(tenant.at, Code::DuplicateName, message, elsewhere(reader, first.at));
        }
    }
    let kubernetes = documents.coordinators.first().and_then(|c| c.kubernetes.as_ref());
    let cluster = kubernetes.filter(|_| matches!(coordinator.executor, Executor::Kubernetes(_)));
    pods::operator(reader, kubernetes);
    documents.tenants.iter().for_each(|tenant| pods::tenant(reader, kubernetes, tenant));
    let implicit = Tenant::plain(DEFAULT_TENANT);
    let mut plan = Plan { coordinator, ..Plan::default() };
    for flow in &documents.flows {
        let name = &flow.metadata.name;
        let tenant = match &flow.metadata.namespace {
            None => *tenants.get(DEFAULT_TENANT).unwrap_or(&&implicit),
            Some(namespace) => match tenants.get(namespace.value.as_str()) {
                Some(tenant) => *tenant,
                None => {
                    let hint = match nearest(&namespace.value, tenants.keys().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("declare it: `kind: Tenant`, `metadata: {{name: {namespace}}}`"),
                    };
                    reader.error_hint(namespace.at, Code::NotFound, format!("there is no tenant `{namespace}`"), hint);
                    continue;
                }
            },
        };
        let full = FlowName { tenant: tenant.value.name.clone(), flow: name.value.clone() };
        if plan.flows.contains_key(&full) {
            reader.error(name.at, Code::DuplicateName, format!("two flows have the name `{full}`"));
            continue;
        }
        let cx = flow::Context { tenant, coordinator: &plan.coordinator, kubernetes, cluster, catalog };
        match cluster {
            Some(cluster) if !plan.tenants.contains_key(&tenant.value.name) => {
                cluster::tenant(reader, cluster, tenant, name);
            }
            _ => {}
        }
        let resolved = flow::resolve(reader, &cx, flow, full.clone());
        plan.flows.insert(full, Arc::new(resolved));
        plan.tenants.entry(tenant.value.name.clone()).or_insert_with(|| Arc::new(tenant.value.clone()));
    }
    for tenant in tenants.into_values() {
        plan.tenants.entry(tenant.value.name.clone()).or_insert_with(|| Arc::new(tenant.value.clone()));
    }
    plan
}

fn coordinator(reader: &mut Reader<'_>, documents: &Documents) -> Coordinator {
    for other in documents.coordinators.iter().skip(1) {
        let hint = elsewhere(reader, documents.coordinators[0].at);
        reader.error_hint(other.at, Code::DuplicateName, "there is more than one Coordinator", hint);
    }
    documents.coordinators.first().map(|c| c.value.clone()).unwrap_or_default()
}

fn elsewhere(reader: &Reader<'_>, at: super::source::At) -> String {
    let file = &reader.files[at.file];
    format!("the other one is in {}:{}", file.name, file.place(at.start).0)
}
