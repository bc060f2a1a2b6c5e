//! What only a cluster refuses, and what only a machine can give.

use super::flow::Context;
use crate::config::elements::env::Env;
use crate::config::elements::flow::Flow;
use crate::config::elements::kubernetes::Kubernetes;
use crate::config::elements::task::Task;
use crate::config::elements::tenant::Tenant;
use crate::config::fault::Code;
use crate::config::practice;
use crate::config::reader::{Reader, Text};
use crate::config::yaml::Node;
use crate::plan::SecretSource;

/// Reports a tenant that cannot be a namespace with a store. `flow` is one of its flows: a tenant without a document
/// stands nowhere else.
pub(super) fn tenant(reader: &mut Reader<'_>, cluster: &Kubernetes, tenant: &Tenant, flow: &Text) {
    let name = &tenant.value.name;
    let at = if tenant.is_declared { tenant.at } else { flow.at };
    if name.starts_with("kube-") {
        let message = format!("the tenant `{name}` cannot be a namespace: `kube-` is the cluster's own");
        reader.error_hint(at, Code::InvalidName, message, "give it another name");
    }
    if *name == cluster.value.namespace {
        let message = format!("the tenant `{name}` has the namespace of the Coordinator, where its keys lie");
        reader.error_hint(at, Code::NotAllowed, message, "name another one in `spec.kubernetes.namespace`");
    }
    if !tenant.has_store {
        let message =
            format!("the tenant `{name}` has no `artifactStore`, and what its pods write would end with them");
        let hint = match tenant.is_declared {
            true => "give it one: `artifactStore: {s3: {bucket: ..., prefix: ...}, credentialsSecret: ...}`".to_owned(),
            false => format!("declare it: `kind: Tenant`, `metadata: {{name: {name}}}`, with `spec.artifactStore`"),
        };
        reader.error_hint(at, Code::MissingField, message, hint);
    }
    practice::tenant(reader, tenant);
}

/// Reports secrets and volumes of a task that are not where its attempts run.
pub(super) fn sources(reader: &mut Reader<'_>, cx: &Context<'_>, flow: &Flow, task: &Task, env: &Env) {
    let tenant = &cx.tenant.value;
    for target in env.secret.values().chain(task.secrets.values()) {
        let (where_it_is, hint) = match (tenant.secrets.get(&target.value), cx.cluster) {
            (Some(SecretSource::Env { .. }), Some(_)) => {
                ("a variable of the coordinator, which no pod has", IN_CLUSTER)
            }
            (Some(SecretSource::File { .. }), Some(_)) => ("a file of this machine, which no pod has", IN_CLUSTER),
            (Some(SecretSource::SecretKeyRef { .. }), None) => {
                ("a Secret of a cluster, which this machine is not", HERE)
            }
            _ => continue,
        };
        let message = format!("the secret `{target}` is {where_it_is}");
        reader.error_hint(target.at, Code::NotFound, message, hint);
    }
    let templates =
        [cx.cluster.and_then(|c| c.pod_template.as_ref()), cx.tenant.pod_template.as_ref(), task.pod_template.as_ref()];
    for mount in &task.mounts {
        let Some(volume) = flow.volumes.get(&mount.volume.value) else { continue };
        let name = &mount.volume;
        match cx.cluster {
            Some(_) if !templates.into_iter().flatten().any(|t| has_volume(t, &name.value)) => {
                let message = format!("no `podTemplate` says what the volume `{name}` is in a pod");
                let hint = format!(
                    "add it to the tenant's or the task's: `spec: {{volumes: [{{name: {name}, persistentVolumeClaim: \
                     {{claimName: ...}}}}]}}`"
                );
                reader.error_hint(name.at, Code::NotFound, message, hint);
            }
            None if volume.path.is_none() => {
                let message = format!("the volume `{name}` has no `hostPath`");
                reader.error_hint(volume.at, Code::MissingField, message, "name the folder: `hostPath: {path: data}`");
            }
            _ => {}
        }
    }
}

const IN_CLUSTER: &str = "put it into a Secret of the tenant's namespace, and name that in `spec.secrets`: `secretKeyRef: {name: ..., key: ...}`";
const HERE: &str = "name where it is here in `spec.secrets` of the tenant: `env` or `file`";

fn has_volume(template: &Node, name: &str) -> bool {
    let volumes = template.get("spec").and_then(|s| s.get("volumes"));
    volumes.is_some_and(|v| v.items().iter().any(|v| v.get("name").and_then(Node::text) == Some(name)))
}
