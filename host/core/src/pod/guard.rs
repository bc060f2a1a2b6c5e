//! What a template may not touch: what is wharf's own, whoever wrote the template.

use super::flaw::{Flaw, Place};
use super::own;
use crate::config::{Code, ImageFault, image_fault, is_credential};
use crate::schedule::shown;

/// Fields of `spec` that wharf sets, and what to do instead.
const SPEC: [(&str, &str); 6] = [
    ("restartPolicy", "an attempt is one pod; further ones are said by the task's `retry`"),
    ("activeDeadlineSeconds", "say the task's `timeout`, and the Coordinator's `startDeadline`"),
    ("terminationGracePeriodSeconds", "how long a cancelled task may take is the runtime's"),
    ("resources", "requests and limits follow from the task's `resources`"),
    ("nodeName", "say on which nodes by `nodeSelector` or `affinity`"),
    ("ephemeralContainers", "they are added to a pod that runs: `kubectl debug`"),
];
/// Fields of the container `wharf` that a template may add to.
const CONTAINER: [&str; 7] = ["name", "env", "envFrom", "volumeMounts", "volumeDevices", "securityContext", "$patch"];

/// Everything that is wharf's own, or that no pod of an attempt can have.
pub(super) fn own(template: &Place<'_>, flaws: &mut Vec<Flaw>) {
    if let Some(metadata) = template.get("metadata") {
        for (name, place) in metadata.get("labels").iter().flat_map(Place::entries).collect::<Vec<_>>() {
            label(name, &place, flaws);
        }
        for (name, place) in metadata.get("annotations").iter().flat_map(Place::entries).collect::<Vec<_>>() {
            key(name, &place, flaws);
        }
    }
    let Some(spec) = template.get("spec") else { return };
    for (name, hint) in SPEC {
        if let Some(place) = spec.get(name) {
            flaws.push(place.flaw(Code::NotAllowed, format!("`spec.{name}` is set by wharf"), hint));
        }
    }
    for volume in spec.each("volumes") {
        if let Some(name) = volume.text("name").filter(|n| n.starts_with(own::VOLUME_PREFIX)) {
            flaws.push(own_volume(&volume, name));
        }
        image(volume.get("image").and_then(|i| i.get("reference")), flaws);
        let Some(name) = volume.text("name") else { continue };
        let is_source =
            |(key, value): &(&str, Place<'_>)| *key != "name" && !key.starts_with('$') && !value.value.is_null();
        let sources: Vec<_> = volume.entries().filter(is_source).collect();
        if let [(one, _), (other, place), ..] = &sources[..] {
            let message = format!("the volume `{name}` is two things: `{one}` and `{other}`");
            flaws.push(place.flaw(Code::InvalidValue, message, "leave one"));
        }
    }
    for place in spec.each("containers") {
        match place.text("name") {
            Some(own::CONTAINER) => container(&place, flaws),
            Some(name) => {
                let message = format!(
                    "the container `{name}` would go on when the attempt has ended, and its Job never complete"
                );
                let hint = "make it a native sidecar: an item of `initContainers` with `restartPolicy: Always`";
                flaws.push(place.flaw(Code::NotAllowed, message, hint));
            }
            None => {}
        }
        any_container(&place, flaws);
    }
    for place in spec.each("initContainers") {
        if place.text("name") == Some(own::CONTAINER) {
            let message = "an init container cannot have the name `wharf`, which is the attempt's";
            flaws.push(place.flaw(Code::DuplicateName, message, "give it another name"));
        }
        if let Some(policy) = place.get("restartPolicy").filter(|p| p.value != "Always" && !p.value.is_null()) {
            let message = "an init container restarts `Always`, which makes it a sidecar, or says nothing";
            flaws.push(policy.flaw(Code::InvalidValue, message, "leave it out, or write `restartPolicy: Always`"));
        }
        image(place.get("image"), flaws);
        any_container(&place, flaws);
    }
}

fn container(place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    for (name, inner) in place.entries().filter(|(name, _)| !CONTAINER.contains(name)) {
        let hint = match name {
            "image" | "imagePullPolicy" => "the Coordinator's `spec.kubernetes` has `image` and `imagePullPolicy`",
            "resources" => "requests and limits follow from the task's `resources`",
            _ => "a template may add `env`, `envFrom`, `volumeMounts`, `volumeDevices` and `securityContext`",
        };
        flaws.push(inner.flaw(Code::NotAllowed, format!("`{name}` of the container `wharf` is set by wharf"), hint));
    }
    for mount in place.each("volumeMounts") {
        let Some(path) = mount.get("mountPath") else { continue };
        let text = path.value.as_str().unwrap_or_default().trim_end_matches('/');
        let around =
            |outer: &str, inner: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|r| r.starts_with('/'));
        if let Some(folder) = own::FOLDERS.into_iter().find(|own| around(own, text) || around(text, own)) {
            let message = format!("`{}` is where wharf mounts what an attempt needs: {folder}", shown(text));
            flaws.push(path.flaw(
                Code::NotAllowed,
                message,
                "mount it elsewhere; a flow's volume is mounted by the task's `mounts`",
            ));
        }
    }
}

fn any_container(place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    for mount in place.each("volumeMounts").into_iter().chain(place.each("volumeDevices")) {
        if let Some(name) = mount.text("name").filter(|n| n.starts_with(own::VOLUME_PREFIX)) {
            flaws.push(own_volume(&mount, name));
        }
    }
    for variable in place.each("env") {
        let (Some(name), Some(value)) = (variable.text("name"), variable.text("value")) else { continue };
        // A reference to another variable is no value.
        if is_credential(name) && !value.is_empty() && !value.starts_with("$(") {
            let at = variable.get("name").unwrap_or(variable);
            let message = format!("the value of `{}` stands in the config", shown(name));
            let hint =
                "put it into a Secret of the namespace, and write `valueFrom: {secretKeyRef: {name: ..., key: ...}}`";
            flaws.push(at.flaw(Code::InlineCredential, message, hint));
        }
    }
}

fn image(place: Option<Place<'_>>, flaws: &mut Vec<Flaw>) {
    let Some(image) = place else { return };
    let Some(text) = image.value.as_str() else { return };
    let (code, message, hint) = match image_fault(text) {
        None => return,
        Some(ImageFault::Form(why)) => (
            Code::InvalidValue,
            format!("`{}` is no image: {why}", shown(text)),
            "write it as `registry.example.org/team/proxy:1.2`",
        ),
        Some(ImageFault::Moving(why)) => (
            Code::MovingImage,
            format!("the image `{}` {why}: what runs would change by itself", shown(text)),
            "give it a tag of its own, or better a digest: `NAME@sha256:...`",
        ),
    };
    flaws.push(image.flaw(code, message, hint));
}

fn own_volume(place: &Place<'_>, name: &str) -> Flaw {
    let at = place.get("name").unwrap_or_else(|| place.clone());
    let message = format!("volumes whose names begin with `{}` are wharf's own: `{name}`", own::VOLUME_PREFIX);
    at.flaw(Code::NotAllowed, message, "give it another name")
}

fn label(name: &str, place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    key(name, place, flaws);
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let good = |text: &str| {
        text.len() <= 63
            && edge(text.chars().next())
            && edge(text.chars().last())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if let Some(text) = place.value.as_str().filter(|text| !good(text)) {
        let message = format!("`{}` is no value of a label", shown(text));
        let hint = "use letters, digits, `-`, `_` and `.`, at most 63; other text goes into `annotations`";
        flaws.push(place.flaw(Code::InvalidValue, message, hint));
    }
}

/// The key of a label or an annotation.
fn key(name: &str, place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    if name.starts_with('$') {
        return;
    }
    if name.starts_with(own::DOMAIN) || own::LABELS.contains(&name) {
        let message = format!("`{name}` is set by wharf");
        return flaws.push(place.flaw(
            Code::NotAllowed,
            message,
            "use a key with a domain of your own: `example.org/team`",
        ));
    }
    let (prefix, last) = name.rsplit_once('/').map_or((None, name), |(prefix, last)| (Some(prefix), last));
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let good = (1..=63).contains(&last.len())
        && edge(last.chars().next())
        && edge(last.chars().last())
        && last.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let domain = |p: &str| {
        (1..=253).contains(&p.len())
            && p.split('.')
                .all(|l| !l.is_empty() && l.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
    };
    if !good || !prefix.is_none_or(domain) {
        let message = format!("`{}` is no key of a label or an annotation", shown(name));
        flaws.push(place.flaw(
            Code::InvalidName,
            message,
            "write it as `team` or `example.org/team`, at most 63 after the `/`",
        ));
    }
}
