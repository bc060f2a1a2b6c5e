//! Rules of good practice on a cluster: what would run, and should not run so. One rule a file; [`Rule`] is the list.

mod credentials;
mod limits;
mod quota;
mod rule;
mod service_account;
mod writes;

pub(super) use rule::{Rule, table};

use super::elements::kubernetes::Kubernetes;
use super::elements::task::Task;
use super::elements::tenant::Tenant;
use super::reader::Reader;
use super::yaml::Node;
use crate::plan;

/// Judges the text of a document, wherever its attempts run.
pub(super) fn document(reader: &mut Reader<'_>, node: &Node) {
    credentials::check(reader, node);
}

/// Judges a pod template by itself.
pub(super) fn template(reader: &mut Reader<'_>, template: &Node) {
    service_account::check(reader, template);
    limits::containers(reader, template);
    writes::containers(reader, template);
}

/// Judges a tenant that has flows, where attempts run on a cluster.
pub(super) fn tenant(reader: &mut Reader<'_>, tenant: &Tenant) {
    quota::check(reader, tenant);
}

/// Judges a task, where attempts run on a cluster.
pub(super) fn task(
    reader: &mut Reader<'_>,
    cluster: &Kubernetes,
    tenant: &Tenant,
    task: &Task,
    resources: &plan::Resources,
) {
    limits::task(reader, task, resources);
    let templates = [cluster.pod_template.as_ref(), tenant.pod_template.as_ref(), task.pod_template.as_ref()];
    writes::mounts(reader, templates, task);
}
