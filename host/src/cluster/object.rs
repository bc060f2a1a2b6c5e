use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

/// Label of everything that wharf makes in a cluster.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "wharf");
/// Label that says what something of wharf's is a part of.
pub(crate) const COMPONENT: &str = "app.kubernetes.io/component";

/// What kinds of objects wharf makes for tenants and for itself, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A tenant's, or the operator's.
    Namespace,
    /// Under which pods run.
    ServiceAccount,
    /// What all pods of a namespace may use together.
    ResourceQuota,
    /// What a container gets that says nothing.
    LimitRange,
    /// What may connect to what.
    NetworkPolicy,
    /// The coordinator's rights in the whole cluster.
    ClusterRole,
    /// Whose rights they are.
    ClusterRoleBinding,
    /// The coordinator's rights in a namespace.
    Role,
    /// Whose rights they are.
    RoleBinding,
    /// The compiler's key pair.
    Secret,
    /// The compiler's public key.
    ConfigMap,
}

impl Kind {
    /// Kinds of which a namespace has none but those of the configuration: one that is there beyond is left from before.
    pub(crate) const PRUNED: [Kind; 6] = [
        Kind::ServiceAccount,
        Kind::ResourceQuota,
        Kind::LimitRange,
        Kind::NetworkPolicy,
        Kind::Role,
        Kind::RoleBinding,
    ];

    /// The name that Kubernetes has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Namespace => "Namespace",
            Kind::ServiceAccount => "ServiceAccount",
            Kind::ResourceQuota => "ResourceQuota",
            Kind::LimitRange => "LimitRange",
            Kind::NetworkPolicy => "NetworkPolicy",
            Kind::ClusterRole => "ClusterRole",
            Kind::ClusterRoleBinding => "ClusterRoleBinding",
            Kind::Role => "Role",
            Kind::RoleBinding => "RoleBinding",
            Kind::Secret => "Secret",
            Kind::ConfigMap => "ConfigMap",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Kind::NetworkPolicy => "networking.k8s.io",
            Kind::ClusterRole | Kind::ClusterRoleBinding | Kind::Role | Kind::RoleBinding => {
                "rbac.authorization.k8s.io"
            }
            Kind::Namespace
            | Kind::ServiceAccount
            | Kind::ResourceQuota
            | Kind::LimitRange
            | Kind::Secret
            | Kind::ConfigMap => "",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::Namespace => "namespaces",
            Kind::ServiceAccount => "serviceaccounts",
            Kind::ResourceQuota => "resourcequotas",
            Kind::LimitRange => "limitranges",
            Kind::NetworkPolicy => "networkpolicies",
            Kind::ClusterRole => "clusterroles",
            Kind::ClusterRoleBinding => "clusterrolebindings",
            Kind::Role => "roles",
            Kind::RoleBinding => "rolebindings",
            Kind::Secret => "secrets",
            Kind::ConfigMap => "configmaps",
        }
    }

    /// Whether objects of this kind lie in a namespace.
    fn is_namespaced(self) -> bool {
        !matches!(self, Kind::Namespace | Kind::ClusterRole | Kind::ClusterRoleBinding)
    }

    fn resource(self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group(), "v1", self.as_str());
        ApiResource::from_gvk_with_plural(&gvk, self.plural())
    }

    /// Where objects of this kind are: in a namespace, or in the cluster where `namespace` is none.
    pub(crate) fn api(self, client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.resource()),
            None => Api::all_with(client.clone(), &self.resource()),
        }
    }
}

/// An object of a cluster as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// The whole of it, without a status.
    pub body: Value,
}

impl Object {
    /// An object of a namespace, or made for one, with wharf's labels; `body` is what it has besides `metadata`.
    pub(super) fn new(kind: Kind, space: &Space<'_>, name: &str, body: Value) -> Object {
        let mut object = json!({
            "apiVersion": kind.resource().api_version,
            "kind": kind.as_str(),
            "metadata": { "name": name, "labels": space.labels() },
        });
        if kind.is_namespaced() {
            object["metadata"]["namespace"] = space.name.into();
        }
        if let (Value::Object(object), Value::Object(body)) = (&mut object, body) {
            object.extend(body);
        }
        Object { kind, body: object }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.body["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// The namespace that it lies in, if it lies in one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.body["metadata"]["namespace"].as_str()
    }

    /// Kind, namespace and name in words: `Role team-a/wharf-coordinator`.
    #[must_use]
    pub fn title(&self) -> String {
        title(self.kind, self.namespace(), self.name())
    }
}

/// Kind, namespace and name in words.
pub(super) fn title(kind: Kind, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{} {namespace}/{name}", kind.as_str()),
        None => format!("{} {name}", kind.as_str()),
    }
}

/// A namespace that objects are made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space<'a> {
    pub(super) name: &'a str,
    pub(super) role: SpaceRole,
}

/// Whose a namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpaceRole {
    Operator,
    Tenant,
}

impl SpaceRole {
    /// The value of the label [`COMPONENT`].
    pub(super) fn as_str(self) -> &'static str {
        match self {
            SpaceRole::Operator => "operator",
            SpaceRole::Tenant => "tenant",
        }
    }
}

impl Space<'_> {
    fn labels(&self) -> Value {
        json!({
            MANAGED_BY.0: MANAGED_BY.1,
            "app.kubernetes.io/part-of": "wharf",
            COMPONENT: self.role.as_str(),
        })
    }
}
