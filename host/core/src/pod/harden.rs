//! What a tenant's or a task's template may not loosen; the operator's may.

use super::flaw::{Flaw, Place};
use crate::config::Code;
use crate::schedule::shown;
use serde_json::Value;

/// Switches of `spec` that wharf turns off.
const OFF: [&str; 6] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "automountServiceAccountToken",
    "enableServiceLinks",
];
/// Volumes that Pod Security `restricted` admits.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Types of SELinux that it admits.
const SELINUX: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
/// Kernel settings that it admits.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];
/// Settings of `spec` that the operator's template decides alone, where it has them.
const OPERATORS: [&str; 3] = ["runtimeClassName", "hostUsers", "os"];

/// Everything that loosens what pods are hardened with. `operator` is the template that was merged before.
pub(super) fn loosened(template: &Place<'_>, operator: Option<&Value>, flaws: &mut Vec<Flaw>) {
    template.get("$patch").iter().for_each(|p| flaws.push(taken(p)));
    let Some(spec) = template.get("spec") else { return };
    let theirs = operator.and_then(|o| o.get("spec"));
    if spec.value.is_null() {
        return flaws.push(taken(&spec));
    }
    for list in ["containers", "initContainers", "volumes"] {
        let has = list == "containers" || theirs.and_then(|t| t.get(list)).is_some();
        spec.get(list).iter().filter(|l| l.value.is_null() && has).for_each(|l| flaws.push(taken(l)));
    }
    for directive in ["$patch", "$retainKeys"] {
        spec.get(directive).iter().for_each(|p| flaws.push(taken(p)));
    }
    for name in OFF {
        if let Some(place) = spec.get(name).filter(|p| *p.value != Value::Bool(false)) {
            flaws.push(loosens(&place));
        }
    }
    for name in OPERATORS {
        decided(spec.get(name), theirs.and_then(|t| t.get(name)), flaws);
    }
    if let Some(class) =
        spec.get("priorityClassName").filter(|p| p.value.as_str().is_some_and(|c| c.starts_with("system-")))
    {
        let message = "priorities that begin with `system-` are the cluster's own";
        flaws.push(class.flaw(Code::NotAllowed, message, "use a PriorityClass of your own"));
    }
    if let Some(context) = spec.get("securityContext") {
        self::context(&context, Who::Pod, flaws);
        for (name, place) in context.entries() {
            decided(Some(place), theirs.and_then(|t| t.get("securityContext")?.get(name)), flaws);
        }
    }
    volumes(&spec, theirs, flaws);
    for place in spec.each("containers") {
        for directive in ["$patch", "$retainKeys"] {
            place.get(directive).iter().for_each(|p| flaws.push(taken(p)));
        }
        container(&place, Who::Wharf, flaws);
    }
    for place in spec.each("initContainers") {
        if let Some(name) = item_of(theirs, "initContainers", &place) {
            let message = format!("the init container `{name}` is the Coordinator's");
            flaws.push(place.flaw(Code::NotAllowed, message, ONLY));
        }
        container(&place, Who::Sidecar, flaws);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Pod,
    /// The container that runs the attempt.
    Wharf,
    /// An init container, or a native sidecar.
    Sidecar,
}

fn volumes(spec: &Place<'_>, theirs: Option<&Value>, flaws: &mut Vec<Flaw>) {
    for volume in spec.each("volumes") {
        let name = volume.text("name").unwrap_or_default();
        if let Some(name) = item_of(theirs, "volumes", &volume) {
            flaws.push(volume.flaw(Code::NotAllowed, format!("the volume `{name}` is the Coordinator's"), ONLY));
        }
        for (source, place) in volume.entries().filter(|(n, _)| *n != "name" && !n.starts_with('$')) {
            if !VOLUMES.contains(&source) {
                let message = format!("the volume `{name}` is a `{source}`, which Pod Security `restricted` refuses");
                let hint = "use a `persistentVolumeClaim`; only the Coordinator's `podTemplate` may have others";
                flaws.push(place.flaw(Code::NotAllowed, message, hint));
            }
        }
        let projected = volume.get("projected").map(|p| p.each("sources")).unwrap_or_default();
        for token in projected.iter().filter_map(|source| source.get("serviceAccountToken")) {
            let message = format!("the volume `{name}` brings a token of the cluster into the pod");
            flaws.push(token.flaw(Code::NotAllowed, message, ONLY));
        }
    }
}

fn container(place: &Place<'_>, who: Who, flaws: &mut Vec<Flaw>) {
    if let Some(context) = place.get("securityContext") {
        self::context(&context, who, flaws);
    }
    for port in place.each("ports").iter().filter_map(|p| p.get("hostPort")).filter(|p| *p.value != 0) {
        flaws.push(loosens(&port));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"].into_iter().filter_map(|n| place.get(n)) {
        hosts(&probe, flaws);
    }
    if let Some(lifecycle) = place.get("lifecycle") {
        lifecycle.entries().for_each(|(_, handler)| hosts(&handler, flaws));
    }
}

/// A probe of another host would let the node reach what the pod cannot.
fn hosts(handler: &Place<'_>, flaws: &mut Vec<Flaw>) {
    let hosts = ["httpGet", "tcpSocket"].into_iter().filter_map(|n| handler.get(n)?.get("host"));
    flaws.extend(hosts.filter(|h| h.value != "").map(|h| loosens(&h)));
}

fn context(place: &Place<'_>, who: Who, flaws: &mut Vec<Flaw>) {
    if !place.value.is_object() {
        return flaws.push(taken(place));
    }
    for (name, inner) in place.entries() {
        let value = inner.value;
        if value.is_null() || name.starts_with('$') {
            flaws.push(taken(&inner));
            continue;
        }
        let good = match name {
            "runAsUser" => *value != 0,
            "runAsNonRoot" => *value == true,
            "privileged" | "allowPrivilegeEscalation" => *value == false,
            "readOnlyRootFilesystem" => *value == true || who == Who::Sidecar,
            "procMount" => value == "Default",
            "seccompProfile" => profile(&inner, &["RuntimeDefault", "Localhost"], flaws),
            "appArmorProfile" => profile(&inner, &["RuntimeDefault", "Localhost"], flaws),
            "seLinuxOptions" => {
                inner.entries().for_each(|(name, option)| {
                    let text = option.value.as_str().unwrap_or_default();
                    if !(name == "level" || (name == "type" && SELINUX.contains(&text)) || text.is_empty()) {
                        flaws.push(loosens(&option));
                    }
                });
                true
            }
            "windowsOptions" => inner.get("hostProcess").is_none_or(|h| *h.value == false),
            "capabilities" => {
                capabilities(&inner, who, flaws);
                true
            }
            "sysctls" => {
                let unsafe_ones = inner.items().filter(|s| !SYSCTLS.contains(&s.text("name").unwrap_or_default()));
                flaws.extend(unsafe_ones.map(|s| loosens(&s)));
                true
            }
            _ => true,
        };
        if !good {
            flaws.push(loosens(&inner));
        }
    }
}

/// True: what there is to say is said.
fn profile(place: &Place<'_>, good: &[&str], flaws: &mut Vec<Flaw>) -> bool {
    for (name, inner) in place.entries() {
        if name.starts_with('$') || inner.value.is_null() {
            flaws.push(taken(&inner));
        } else if name == "type" && !good.contains(&inner.value.as_str().unwrap_or_default()) {
            flaws.push(loosens(&inner));
        }
    }
    true
}

fn capabilities(place: &Place<'_>, who: Who, flaws: &mut Vec<Flaw>) {
    let admitted = |c: &Place<'_>| who == Who::Sidecar && c.value == "NET_BIND_SERVICE";
    flaws.extend(place.each("add").iter().filter(|c| !admitted(c)).map(loosens));
    if let Some(drop) = place.get("drop").filter(|d| !d.items().any(|c| c.value == "ALL")) {
        flaws.push(loosens(&drop));
    }
    for (_, inner) in place.entries().filter(|(n, v)| n.starts_with('$') || v.value.is_null()) {
        flaws.push(taken(&inner));
    }
}

/// What Pod Security `restricted` wants said of a container, and is not: of init containers, merged.
pub(super) fn missing(container: &Value) -> Vec<&'static str> {
    let context = container.get("securityContext");
    let escalation = context.and_then(|c| c.get("allowPrivilegeEscalation"));
    let drop = context.and_then(|c| c.get("capabilities")?.get("drop")?.as_array());
    let mut missing = Vec::new();
    if escalation.is_none_or(|e| *e != false) {
        missing.push("securityContext.allowPrivilegeEscalation: false");
    }
    if !drop.is_some_and(|d| d.iter().any(|c| c == "ALL")) {
        missing.push("securityContext.capabilities: {drop: [ALL]}");
    }
    missing
}

/// The name of an item, where the operator's list has it; also of one that replaces the list.
fn item_of<'a>(theirs: Option<&'a Value>, list: &str, item: &Place<'a>) -> Option<&'a str> {
    let list = theirs?.get(list)?.as_array()?;
    if item.text("$patch") == Some("replace") {
        return list.first()?.get("name")?.as_str();
    }
    let name = item.text("name")?;
    list.iter().any(|i| i.get("name").and_then(Value::as_str) == Some(name)).then_some(name)
}

/// Reports what says otherwise than the operator.
fn decided(place: Option<Place<'_>>, theirs: Option<&Value>, flaws: &mut Vec<Flaw>) {
    if let (Some(place), Some(theirs)) = (place, theirs)
        && place.value != theirs
    {
        let message = format!("`{}` is decided by the Coordinator's `podTemplate`", place.path());
        flaws.push(place.flaw(Code::NotAllowed, message, "leave it out"));
    }
}

const ONLY: &str = "only the Coordinator's `podTemplate` may do that";

fn loosens(place: &Place<'_>) -> Flaw {
    let shown_value = match place.value {
        Value::Bool(_) | Value::Number(_) | Value::Null => place.value.to_string(),
        Value::String(text) => shown(text),
        _ => String::new(),
    };
    let said = if shown_value.is_empty() { place.path() } else { format!("{}: {shown_value}", place.path()) };
    place.flaw(Code::NotAllowed, format!("`{said}` loosens what pods are hardened with"), ONLY)
}

fn taken(place: &Place<'_>) -> Flaw {
    let message = format!("`{}` would take away what pods are hardened with", place.path());
    place.flaw(Code::NotAllowed, message, ONLY)
}
