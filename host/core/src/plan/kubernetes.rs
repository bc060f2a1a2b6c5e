use super::Resources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wharf_contract::StoreLocation;

/// Who starts attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Executor {
    /// Warm workers of this machine.
    #[default]
    Local,
    /// One Job for each attempt.
    Kubernetes(Box<Kubernetes>),
}

/// How attempts run as Jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kubernetes {
    /// Namespace of what belongs to no tenant: Jobs that compile components.
    pub namespace: String,
    /// Image of `wharf-runtime`.
    pub image: String,
    /// When that image is pulled.
    pub image_pull_policy: PullPolicy,
    /// How components reach the Job that compiles them.
    pub components: Components,
    /// The operator's store: components and what was compiled of them.
    pub artifact_store: ArtifactStore,
    /// Merged into every pod first; the only template that may loosen the hardening.
    pub pod_template: Option<serde_json::Value>,
    /// Microseconds from the Job's creation to the runtime's start, quota waits not counted.
    pub start_deadline_us: u64,
    /// Microseconds that pods tolerate a node that is not ready or not reachable.
    pub unreachable_us: u64,
    /// `kubernetes.io/arch` of the nodes.
    pub architecture: String,
    /// What a Job that compiles may use.
    pub compile: Resources,
    /// Where those Jobs may connect to besides DNS, registry and store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Egress>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Each time.
    Always,
    /// Never.
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PullPolicy::IfNotPresent => "IfNotPresent",
            PullPolicy::Always => "Always",
            PullPolicy::Never => "Never",
        }
    }
}

/// How components reach the Job that compiles them. A component's name is its file's, without `.wasm`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Components {
    /// The coordinator puts them into the operator's store.
    #[default]
    Store,
    /// `wharf push` put them into a registry as wasm artifacts `<repository>/<name>`; the runtime pulls them by digest.
    Registry {
        /// For example `registry.example.org/team/components`.
        repository: String,
        /// Whether plain HTTP will do.
        insecure: bool,
        /// Secret of type `kubernetes.io/dockerconfigjson` in the operator's namespace.
        credentials: Option<String>,
    },
    /// `wharf push --image` put them into a registry as images `<repository>/<name>` that hold `task.wasm`; the node mounts
    /// them by digest.
    Image {
        /// For example `registry.example.org/team/components`.
        repository: String,
        /// When they are pulled.
        pull_policy: PullPolicy,
    },
    /// They lie as `<name>.wasm` in a volume of the operator's namespace.
    Volume {
        /// A PersistentVolumeClaim.
        claim_name: String,
        /// Folder within it; empty for its root.
        sub_path: String,
    },
}

/// Where a tenant (or the operator) keeps what outlives pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ArtifactStore {
    /// An object store.
    Object {
        /// As pods see it.
        location: StoreLocation,
        /// Secret in the pods' namespace whose keys are settings of the store, for example `AWS_SECRET_ACCESS_KEY`; none:
        /// what the pod's surroundings give.
        credentials: Option<String>,
        /// The endpoint as the coordinator sees it, where that differs.
        coordinator_endpoint: Option<String>,
        /// Folder whose files are the settings for the coordinator; none: its environment.
        coordinator_credentials: Option<PathBuf>,
    },
    /// A PersistentVolumeClaim in the pods' namespace.
    Claim {
        /// Its name.
        claim_name: String,
    },
}

/// What a tenant's namespace gets besides what every one gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Namespace {
    /// `hard` of its ResourceQuota.
    pub quota: BTreeMap<String, String>,
    /// Where its pods may connect to besides DNS.
    pub egress: Vec<Egress>,
}

/// A destination that a NetworkPolicy allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Egress {
    /// For example `10.0.0.0/8`.
    pub cidr: String,
    /// TCP ports; empty for all.
    pub ports: Vec<u16>,
}
