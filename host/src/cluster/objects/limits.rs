use super::NAME;
use crate::cluster::object::{Kind, Object, Space};
use serde_json::json;
use wharf_core::plan::Tenant;

/// What all pods of a tenant may use together, where the tenant says it.
pub(super) fn quota(space: &Space<'_>, tenant: &Tenant) -> Option<Object> {
    let hard = &tenant.namespace.quota;
    (!hard.is_empty()).then(|| Object::new(Kind::ResourceQuota, space, NAME, json!({ "spec": { "hard": hard } })))
}

/// What a container gets that says nothing, for example a sidecar of a template: without, a quota would refuse its pod.
pub(super) fn defaults(space: &Space<'_>, tenant: Option<&Tenant>) -> Object {
    let mut limit = json!({
        "type": "Container",
        "default": { "memory": "256Mi", "ephemeral-storage": "1Gi" },
        "defaultRequest": { "cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi" },
    });
    // A default limit on cpu refuses a container that requests more and names no limit. So it is there only where a quota
    // refuses a container without one anyway.
    if tenant.is_some_and(|t| t.namespace.quota.contains_key("limits.cpu")) {
        limit["default"]["cpu"] = "1".into();
    }
    Object::new(Kind::LimitRange, space, NAME, json!({ "spec": { "limits": [limit] } }))
}
