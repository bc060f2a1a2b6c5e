//! What is written where it ends with the container or its pod is lost, and counts against the node.

use super::Rule;
use crate::config::elements::task::Task;
use crate::config::reader::Reader;
use crate::config::yaml::Node;

/// The container that runs the attempt.
const WHARF: &str = "wharf";

/// Init containers that this template brings; others it only changes.
pub(super) fn own_containers(template: &Node) -> impl Iterator<Item = &Node> {
    items(template, "initContainers").filter(|container| container.get("image").is_some())
}

fn items<'a>(template: &'a Node, list: &str) -> impl DoubleEndedIterator<Item = &'a Node> {
    template.get("spec").and_then(|spec| spec.get(list)).map_or(&[][..], Node::items).iter()
}

/// Warns of containers that may write to their own file systems.
pub(super) fn containers(reader: &mut Reader<'_>, template: &Node) {
    let read_only = |container: &Node| container.get("securityContext")?.get("readOnlyRootFilesystem").cloned();
    let wharf = items(template, "containers").filter(|c| c.get("name").and_then(Node::text) == Some(WHARF));
    for root in wharf.filter_map(read_only).filter(|root| root.flag() == Some(false)) {
        let message = "the runtime may write to its container's file system, which ends with the container";
        reader.practice(root.at, Rule::EphemeralWrites, message, "leave it out, and mount a volume where it writes");
    }
    for container in own_containers(template).filter(|c| read_only(c).is_none()) {
        let Some(name) = container.get("name") else { continue };
        let text = name.text().unwrap_or_default();
        let message = format!("the init container `{text}` may write to its own file system, which ends with it");
        let hint = "say `securityContext: {readOnlyRootFilesystem: true}`, and mount a volume where it writes";
        reader.practice(name.at, Rule::EphemeralWrites, message, hint);
    }
}

/// Warns of volumes that a task writes to and that end with its pod. The templates are in the order in which they are merged.
pub(super) fn mounts(reader: &mut Reader<'_>, templates: [Option<&Node>; 3], task: &Task) {
    for mount in task.mounts.iter().filter(|mount| !mount.read_only) {
        let name = &mount.volume;
        let named = |volume: &&Node| volume.get("name").and_then(Node::text) == Some(&name.value);
        let mut volumes = templates.into_iter().flatten().flat_map(|template| items(template, "volumes").filter(named));
        // The last one's source is the one.
        let Some(folder) = volumes.next_back().and_then(|volume| volume.entry("emptyDir")) else { continue };
        if folder.get("sizeLimit").is_none() {
            let message = format!("`{}` writes to the volume `{name}`, an `emptyDir`: it ends with the pod", task.name);
            let hint = "make it a `persistentVolumeClaim`, or an artifact; as a scratch folder give it a `sizeLimit`";
            reader.practice(name.at, Rule::EphemeralWrites, message, hint);
        }
    }
}
