//! `spec.hard` of a tenant's ResourceQuota.

use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::{Node, Val};
use crate::quantity::{ZERO, parse};
use crate::schedule::{nearest, shown};
use std::collections::BTreeMap;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "ResourceQuota",
    doc: "The ResourceQuota of the tenant's namespace.",
    one: false,
    fields: &[Field::required(
        "hard",
        Kind::Map(&Kind::Quantity),
        "As of a ResourceQuota: `{limits.memory: 8Gi, pods: \"20\"}`.",
    )],
};

/// What a quota of Kubernetes can count besides objects by `count/<resource>.<group>`, extended resources and storage
/// classes.
const COUNTED: [&str; 22] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "requests.storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
    "count/jobs.batch",
    "count/pods",
    "count/secrets",
];

/// What a quota counts, as it is written, and where.
pub(in crate::config) type Hard = BTreeMap<String, (String, At)>;

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Hard {
    let mut hard = Hard::new();
    let Some(node) = spec.get("resourceQuota").and_then(|q| q.get("hard")) else { return hard };
    for entry in node.entries() {
        // `count/...` names any kind of object; a `/` elsewhere belongs to an extended resource or a storage class.
        let known =
            COUNTED.contains(&entry.key.as_str()) || entry.key.contains('/') || entry.key.contains("hugepages-");
        if !known {
            let hint = match nearest(&entry.key, COUNTED.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}, and `count/<resource>.<group>`", COUNTED[..11].join(", ")),
            };
            let message = format!("a quota cannot count `{}`", shown(&entry.key));
            reader.error_hint(entry.at, Code::UnknownField, message, hint);
            continue;
        }
        let text = match &entry.node.value {
            Val::Text(text) => text.clone(),
            Val::Number(number) => number.to_string(),
            _ => continue,
        };
        match parse(&text, 1) {
            Ok(_) | Err(ZERO) => drop(hard.insert(entry.key.clone(), (text, entry.node.at))),
            Err(why) => {
                let message = format!("`{}` is no quantity: {why}", shown(&text));
                reader.error_hint(entry.node.at, Code::InvalidQuantity, message, "write it as `8Gi`, `500m` or `20`");
            }
        }
    }
    hard
}
