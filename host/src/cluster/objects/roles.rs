use super::{COMPILER, NAME, Subject};
use crate::cluster::object::{Kind, Object, Space};
use serde_json::{Value, json};
use wharf_core::plan::ArtifactStore;

/// Name of the Role and of the RoleBinding.
const COORDINATOR: &str = "wharf-coordinator";

/// What the coordinator may in a tenant's namespace: run Jobs, and see how they fare; where the store is a claim, also reach
/// the pod that serves it. It reads no Secret.
pub(super) fn tenant(
    space: &Space<'_>,
    operator: &str,
    store: Option<&ArtifactStore>,
    subject: &Subject,
) -> [Object; 2] {
    let mut rules = jobs();
    // The deadline of one that waits for quota is moved.
    rules.push(rule("batch", "jobs", &["patch"]));
    rules.push(rule("", "namespaces", &["get"]));
    rules.push(rule("", "pods/log", &["get"]));
    rules.push(rule("", "resourcequotas", &["list", "watch"]));
    rules.extend(store.and_then(reach));
    role(space, &rules, operator, subject)
}

/// What it may in the operator's namespace: the same for Jobs that compile, and read the compiler's public key.
pub(super) fn operator(space: &Space<'_>, store: &ArtifactStore, subject: &Subject) -> [Object; 2] {
    let mut rules = jobs();
    let mut key = rule("", "configmaps", &["get"]);
    key["resourceNames"] = json!([COMPILER]);
    rules.push(key);
    rules.extend(reach(store));
    role(space, &rules, space.name, subject)
}

/// What it may in the whole cluster: see whether a node is lost, which no pod of it says by itself; and ask whose a token is
/// and what its bearer may, for its own API.
pub(super) fn cluster(space: &Space<'_>, subject: &Subject) -> [Object; 2] {
    // Two coordinators of a cluster have two namespaces.
    let name = format!("{COORDINATOR}-{}", space.name);
    let rules = [
        rule("", "nodes", &["list", "watch"]),
        rule("authentication.k8s.io", "tokenreviews", &["create"]),
        rule("authorization.k8s.io", "subjectaccessreviews", &["create"]),
    ];
    grant(space, [Kind::ClusterRole, Kind::ClusterRoleBinding], &name, &rules, space.name, subject)
}

fn jobs() -> Vec<Value> {
    vec![
        rule("batch", "jobs", &["create", "delete", "get", "list", "watch"]),
        rule("", "pods", &["get", "list", "patch", "watch"]),
        rule("", "events", &["list", "watch"]),
    ]
}

/// To connect to a pod that serves a claim. Over a WebSocket that begins as a GET, for which newer clusters also ask for
/// `create`.
fn reach(store: &ArtifactStore) -> Option<Value> {
    matches!(store, ArtifactStore::Claim { .. }).then(|| rule("", "pods/portforward", &["create", "get"]))
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs })
}

fn role(space: &Space<'_>, rules: &[Value], operator: &str, subject: &Subject) -> [Object; 2] {
    grant(space, [Kind::Role, Kind::RoleBinding], COORDINATOR, rules, operator, subject)
}

/// Rights, and that they are the coordinator's.
fn grant(
    space: &Space<'_>,
    [role, binding]: [Kind; 2],
    name: &str,
    rules: &[Value],
    operator: &str,
    subject: &Subject,
) -> [Object; 2] {
    let subject = match subject {
        Subject::ServiceAccount => json!({ "kind": "ServiceAccount", "name": NAME, "namespace": operator }),
        Subject::User(name) => json!({ "kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io" }),
    };
    let body = json!({
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role.as_str(), "name": name },
        "subjects": [subject],
    });
    [Object::new(role, space, name, json!({ "rules": rules })), Object::new(binding, space, name, body)]
}
