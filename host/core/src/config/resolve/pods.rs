//! Whether pod templates are such, and touch nothing that is not theirs.

use crate::config::elements::kubernetes::Kubernetes;
use crate::config::elements::task::Task;
use crate::config::elements::tenant::Tenant;
use crate::config::practice;
use crate::config::reader::Reader;
use crate::config::source::At;
use crate::config::yaml::{Node, Val};
use crate::pod::check::{self, Flaw};

/// Judges the template of the Coordinator.
pub(super) fn operator(reader: &mut Reader<'_>, kubernetes: Option<&Kubernetes>) {
    if let Some(node) = kubernetes.and_then(|k| k.pod_template.as_ref()) {
        report(reader, node, check::operator(&node.json()));
        practice::template(reader, node);
    }
}

/// Judges the template of a tenant.
pub(super) fn tenant(reader: &mut Reader<'_>, kubernetes: Option<&Kubernetes>, tenant: &Tenant) {
    if let Some(node) = &tenant.pod_template {
        report(reader, node, check::guest(template_of(kubernetes), None, &node.json()));
        practice::template(reader, node);
    }
}

/// Judges the template of a task.
pub(super) fn task(reader: &mut Reader<'_>, kubernetes: Option<&Kubernetes>, tenant: &Tenant, task: &Task) {
    if let Some(node) = &task.pod_template {
        let before = tenant.value.pod_template.as_ref();
        report(reader, node, check::guest(template_of(kubernetes), before, &node.json()));
        practice::template(reader, node);
    }
}

fn template_of(kubernetes: Option<&Kubernetes>) -> Option<&serde_json::Value> {
    kubernetes.and_then(|k| k.value.pod_template.as_ref())
}

fn report(reader: &mut Reader<'_>, node: &Node, flaws: Vec<Flaw>) {
    for Flaw { pointer, code, message, hint } in flaws {
        reader.error_hint(place(node, &pointer), code, message, hint);
    }
}

/// Where a key stands; of an item of a list, its name.
fn place(node: &Node, pointer: &str) -> At {
    let found = node.find(pointer);
    let (outer, last) = pointer.rsplit_once('/').unwrap_or_default();
    let last = last.replace("~1", "/").replace("~0", "~");
    match &node.find(outer).value {
        Val::Map(entries) if last != "name" => entries.iter().find(|e| e.key == last).map_or(found.at, |e| e.at),
        Val::List(_) => found.get("name").map_or(found.at, |n| n.at),
        _ => found.at,
    }
}
