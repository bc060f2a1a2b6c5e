//! Whether a task may have what it asks for: secrets, folders, hosts, slots.

use super::flow::Context;
use crate::config::elements::flow::Flow;
use crate::config::elements::grants::covers;
use crate::config::elements::task::Task;
use crate::config::fault::Code;
use crate::config::reader::{Reader, Text};
use crate::plan::{Mount, SecretRef};
use crate::schedule::nearest;
use std::collections::BTreeMap;
use wharf_contract::{HttpGrant, Inspection};

pub(super) fn secrets(
    reader: &mut Reader<'_>,
    cx: &Context<'_>,
    wanted: &BTreeMap<String, Text>,
) -> BTreeMap<String, SecretRef> {
    let tenant = &cx.tenant.value;
    for target in wanted.values().filter(|t| !tenant.secrets.contains_key(&t.value)) {
        let hint = match nearest(&target.value, tenant.secrets.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it in `spec.secrets` of the tenant `{}`", tenant.name),
        };
        reader.error_hint(
            target.at,
            Code::NotFound,
            format!("the tenant `{}` has no secret `{target}`", tenant.name),
            hint,
        );
    }
    wanted.iter().map(|(name, target)| (name.clone(), SecretRef { name: target.value.clone() })).collect()
}

/// Reports volumes of the flow that lie where the tenant may not look.
pub(super) fn volumes(reader: &mut Reader<'_>, cx: &Context<'_>, flow: &Flow) {
    let Some(allowed) = &cx.tenant.value.allowed_paths else { return };
    for (name, volume) in &flow.volumes {
        let Some(path) = &volume.path else { continue };
        if !allowed.iter().any(|a| path.starts_with(a)) {
            let message =
                format!("the volume `{name}` lies outside of the tenant's `allowedPaths`: {}", path.display());
            let list: Vec<_> = allowed.iter().map(|a| a.display().to_string()).collect();
            let hint =
                if list.is_empty() { "no path is allowed".into() } else { format!("allowed are {}", list.join(", ")) };
            reader.error_hint(volume.at, Code::NotAllowed, message, hint);
        }
    }
}

pub(super) fn mounts(reader: &mut Reader<'_>, flow: &Flow, task: &Task) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in &task.mounts {
        match flow.volumes.get(&mount.volume.value) {
            Some(volume) => {
                let (volume, source) = (mount.volume.value.clone(), volume.path.clone().unwrap_or_default());
                mounts.push(Mount { volume, source, path: mount.path.clone(), read_only: mount.read_only });
            }
            None => {
                let hint = match nearest(&mount.volume.value, flow.volumes.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "declare it in `spec.volumes` of the flow".into(),
                };
                reader.error_hint(
                    mount.volume.at,
                    Code::NotFound,
                    format!("there is no volume `{}`", mount.volume),
                    hint,
                );
            }
        }
    }
    mounts
}

pub(super) fn http(reader: &mut Reader<'_>, cx: &Context<'_>, task: &Task) -> Vec<HttpGrant> {
    let tenant = &cx.tenant.value;
    for http in &task.http {
        let host = &http.grant.host;
        if let Some(allowed) = &tenant.allowed_hosts
            && !allowed.iter().any(|a| covers(a, host))
        {
            let message = format!("the tenant `{}` does not allow the host `{host}`", tenant.name);
            let hint = match allowed.len() {
                0 => "no host is allowed".to_owned(),
                _ => format!("allowed are {}", allowed.join(", ")),
            };
            reader.error_hint(http.at, Code::NotAllowed, message, hint);
        }
    }
    task.http.iter().map(|h| h.grant.clone()).collect()
}

pub(super) fn pool(reader: &mut Reader<'_>, cx: &Context<'_>, task: &Task) {
    let Some(pool) = &task.pool else {
        if task.slots > 1 {
            let message = format!("`{}` takes {} slots of no pool", task.name, task.slots);
            reader.error_hint(task.at, Code::InvalidValue, message, "name its `pool`");
        }
        return;
    };
    let pools = &cx.coordinator.pools;
    match pools.get(&pool.value) {
        Some(slots) if task.slots > *slots => {
            let message = format!(
                "`{}` takes {} slots, and the pool `{pool}` has {slots}: it would never run",
                task.name, task.slots
            );
            reader.error_hint(pool.at, Code::OverLimit, message, "take fewer, or give the pool more");
        }
        Some(_) => {}
        None => {
            let hint = match nearest(&pool.value, pools.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it in `spec.pools` of the Coordinator".into(),
            };
            reader.error_hint(pool.at, Code::NotFound, format!("there is no pool `{pool}`"), hint);
        }
    }
}

/// Warns of doors that the component wants and the task keeps shut.
pub(super) fn asked(reader: &mut Reader<'_>, task: &Task, inspection: &Inspection) {
    let Some(at) = task.component.as_ref().map(|c| c.at) else { return };
    let name = &task.name;
    if let Some(manifest) = &inspection.manifest {
        let given =
            |host: &str| task.http.iter().any(|h| host == "*" || covers(&h.grant.host, &host.to_ascii_lowercase()));
        for host in manifest.http.iter().filter(|h| !given(h)) {
            let message = format!("the component of `{name}` asks for the host `{host}`, which is not granted");
            reader.warn(at, Code::NotGranted, message, format!("grant it: `grants: {{http: [\"https://{host}\"]}}`"));
        }
        for secret in manifest.secrets.iter().filter(|s| !task.secrets.contains_key(*s)) {
            let message = format!("the component of `{name}` asks for the secret `{secret}`, which it is not given");
            reader.warn(at, Code::NotGranted, message, format!("give it: `secrets: [{{name: {secret}}}]`"));
        }
    }
    let says = inspection.manifest.as_ref().is_some_and(|m| !m.http.is_empty());
    if !says
        && task.http.is_empty()
        && inspection.imports.iter().any(|i| i.name.starts_with("wasi:http/outgoing-handler"))
    {
        let message = format!("the component of `{name}` imports HTTP, and no host is granted");
        reader.warn(at, Code::NotGranted, message, "grant one: `grants: {http: [\"https://api.example.org\"]}`");
    }
}
