//! References to secrets, and where a tenant's secrets come from. A value never stands in a config.

use super::name;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::SecretSource;
use std::collections::BTreeMap;

const REF: Shape = Shape {
    name: "SecretKeyRef",
    doc: "Names a secret of the tenant.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name of the secret."),
        Field::new("key", Kind::Form("a key"), "Key within it, where it has several."),
    ],
};
pub(in crate::config) const REF_KIND: Kind = Kind::Object(&REF);
pub(in crate::config) const TASK: Shape = Shape {
    name: "TaskSecret",
    doc: "A secret that the task may ask for by `wharf:task/secrets`.",
    one: false,
    fields: &[
        Field::required("name", Kind::Form("a name"), "As the task asks for it."),
        Field::new("secretKeyRef", REF_KIND, "The tenant's secret; default: the one of the same name."),
    ],
};
pub(in crate::config) const TENANT: Shape = Shape {
    name: "TenantSecret",
    doc: "Where a secret's value is read when an attempt starts: exactly one of `env`, `file` and `secretKeyRef`.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name of the secret."),
        Field::new("key", Kind::Form("a key"), "Key within it, where it has several."),
        Field::new("env", Kind::Text, "An environment variable of the coordinator."),
        Field::new("file", Kind::Text, "A file; one line end at its end is dropped."),
        Field::new(
            "secretKeyRef",
            Kind::Object(&CLUSTER),
            "A Secret of the tenant's namespace: the only one that a pod can read.",
        ),
    ],
};
const CLUSTER: Shape = Shape {
    name: "ClusterSecretKeyRef",
    doc: "A key of a Secret of the tenant's namespace.",
    one: false,
    fields: &[
        Field::required("name", name::OBJECT_KIND, "Name of the Secret."),
        Field::required("key", name::KEY_KIND, "Key in it."),
    ],
};

/// The name in [`crate::plan::Tenant::secrets`], and where it stands.
pub(in crate::config) fn read_ref(node: &Node) -> Option<Text> {
    let node = node.get("secretKeyRef")?;
    Some(Text { value: full_name(node)?, at: node.at })
}

fn full_name(node: &Node) -> Option<String> {
    let name = reader::text(node, "name")?.value;
    Some(match reader::text(node, "key") {
        Some(key) => format!("{name}/{key}"),
        None => name,
    })
}

/// A task's secrets: as it asks for them, and the tenant's.
pub(in crate::config) fn read_task(reader: &mut Reader<'_>, task: &Node) -> BTreeMap<String, Text> {
    let mut all = BTreeMap::new();
    for node in reader::items(task, "secrets") {
        let Some(name) = reader::text(node, "name") else { continue };
        let target = read_ref(node).unwrap_or_else(|| name.clone());
        if all.insert(name.value.clone(), target).is_some() {
            reader.error(name.at, Code::DuplicateName, format!("the secret `{name}` is given twice"));
        }
    }
    all
}

pub(in crate::config) fn read_tenant(reader: &mut Reader<'_>, spec: &Node) -> BTreeMap<String, SecretSource> {
    let mut all = BTreeMap::new();
    for node in reader::items(spec, "secrets") {
        let Some(full) = full_name(node) else { continue };
        let source = match (reader::text(node, "env"), reader::text(node, "file"), node.get("secretKeyRef")) {
            (Some(env), None, None) => SecretSource::Env { name: env.value },
            (None, Some(file), None) => SecretSource::File { path: reader.path(&file.value, file.at) },
            (None, None, Some(secret)) => {
                let (name, key) = (name::read_object(reader, secret, "name"), name::read_key(reader, secret, "key"));
                let (Some(name), Some(key)) = (name, key) else { continue };
                SecretSource::SecretKeyRef { name, key }
            }
            _ => {
                let message = format!("the secret `{full}` must have exactly one of `env`, `file` and `secretKeyRef`");
                reader.error(node.at, Code::InvalidValue, message);
                continue;
            }
        };
        if all.insert(full.clone(), source).is_some() {
            reader.error(node.at, Code::DuplicateName, format!("the secret `{full}` is given twice"));
        }
    }
    all
}
