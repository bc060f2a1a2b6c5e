//! How components reach the Job that compiles them.

use super::{image, name};
use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::Components;

const STORE: Shape = Shape {
    name: "StoreComponents",
    doc: "The coordinator puts components into its own `artifactStore`. It has no fields: write `{}`.",
    one: false,
    fields: &[],
};
const REGISTRY: Shape = Shape {
    name: "RegistryComponents",
    doc: "Wasm artifacts in an OCI registry, put there by `wharf push` and pulled by digest.",
    one: false,
    fields: &[
        Field::required("repository", image::REPOSITORY, "A component is `<repository>/<its file's name>`."),
        Field::new("insecure", Kind::Bool, "Whether plain HTTP will do; default false."),
        Field::new(
            "credentialsSecret",
            name::OBJECT_KIND,
            "Secret of type `kubernetes.io/dockerconfigjson` in `namespace`; it may have a key `CA_BUNDLE` too, \
             certificates in PEM that are trusted besides Mozilla's. Default: none.",
        ),
    ],
};
const IMAGE: Shape = Shape {
    name: "ImageComponents",
    doc: "Images that hold `task.wasm`, put there by `wharf push --image` and mounted by digest.",
    one: false,
    fields: &[
        Field::required("repository", image::REPOSITORY, "A component is `<repository>/<its file's name>`."),
        Field::new("pullPolicy", image::PULL_POLICY, "When they are pulled; default `IfNotPresent`."),
    ],
};
const VOLUME: Shape = Shape {
    name: "VolumeComponents",
    doc: "Files `<name>.wasm` in a volume of `namespace`.",
    one: false,
    fields: &[
        Field::required("claimName", name::OBJECT_KIND, "A PersistentVolumeClaim."),
        Field::new("subPath", Kind::Text, "Folder within it; default: its root."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Components",
    doc: "How components reach the Job that compiles them. A component's name is its file's, without `.wasm`.",
    one: true,
    fields: &[
        Field::new("store", Kind::Object(&STORE), "The coordinator puts them into its own `artifactStore`."),
        Field::new("registry", Kind::Object(&REGISTRY), "Wasm artifacts in an OCI registry."),
        Field::new("image", Kind::Object(&IMAGE), "Images that the node mounts."),
        Field::new("volume", Kind::Object(&VOLUME), "Files of a volume."),
    ],
};

pub(in crate::config) fn read(reader: &mut Reader<'_>, kubernetes: &Node) -> Components {
    let Some(node) = kubernetes.get("components") else { return Components::Store };
    if let Some(registry) = node.get("registry") {
        return Components::Registry {
            repository: image::read_repository(reader, registry).unwrap_or_default(),
            insecure: reader::flag(registry, "insecure").unwrap_or(false),
            credentials: name::read_object(reader, registry, "credentialsSecret"),
        };
    }
    if let Some(image) = node.get("image") {
        return Components::Image {
            repository: image::read_repository(reader, image).unwrap_or_default(),
            pull_policy: image::pull_policy(image, "pullPolicy"),
        };
    }
    if let Some(volume) = node.get("volume") {
        return Components::Volume {
            claim_name: name::read_object(reader, volume, "claimName").unwrap_or_default(),
            sub_path: sub_path(reader, volume),
        };
    }
    Components::Store
}

fn sub_path(reader: &mut Reader<'_>, volume: &Node) -> String {
    let Some(path) = reader::text(volume, "subPath") else { return String::new() };
    if path.value.starts_with('/') || path.value.split('/').any(|part| part == "..") {
        let message = format!("the `subPath` `{}` leaves its volume", crate::schedule::shown(&path.value));
        reader.error_hint(path.at, Code::InvalidValue, message, "write it without a leading `/` and without `..`");
    }
    path.value
}
