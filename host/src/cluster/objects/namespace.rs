use crate::cluster::object::{Kind, Object, Space};
use serde_json::json;

/// A namespace that admits only what Pod Security calls `restricted`, in the cluster's own version of it.
pub(super) fn namespace(space: &Space<'_>) -> Object {
    let mut object = Object::new(Kind::Namespace, space, space.name, json!({}));
    for mode in ["enforce", "audit", "warn"] {
        let labels = &mut object.body["metadata"]["labels"];
        labels[format!("pod-security.kubernetes.io/{mode}")] = "restricted".into();
        labels[format!("pod-security.kubernetes.io/{mode}-version")] = "latest".into();
    }
    object
}
