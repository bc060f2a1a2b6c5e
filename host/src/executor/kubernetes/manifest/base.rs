use serde_json::{Value, json};
use wharf_contract::pod::paths;
use wharf_core::pod::own;

/// The user and group of the runtime's image.
pub(super) const USER: i64 = 65532;
/// What tasks run under: `wharf cluster apply` makes it, without a token.
pub(super) const ACCOUNT: &str = "wharf-task";

/// What pods are hardened with: what Pod Security `restricted` asks for, and a root that nobody can write to. The operator's
/// template may loosen it; a tenant's is refused when the config is read.
pub(super) fn hardened() -> Value {
    json!({"spec": {
        "serviceAccountName": ACCOUNT,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            // Volumes are readable by it, and only by it.
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{
            "name": own::CONTAINER,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    }})
}

/// Where the runtime finds its order.
pub(super) fn order_folder() -> &'static str {
    paths::ORDER.rsplit_once('/').map_or("/", |(folder, _)| folder)
}
