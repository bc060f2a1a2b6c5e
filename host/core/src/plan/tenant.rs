use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Who owns flows. Nothing of one tenant can be named by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tenant {
    /// Name; also the namespace in a cluster.
    pub name: String,
    /// Attempts at one time; none: only the coordinator's own bound counts.
    pub parallelism: Option<u32>,
    /// Largest memory limit of one attempt in bytes; none: no cap.
    pub max_memory: Option<u64>,
    /// Where its secrets come from, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// HTTP hosts that its flows may ask for, patterns as in a grant; none: no bound.
    pub allowed_hosts: Option<Vec<String>>,
    /// Folders of the machine below which its volumes must lie, absolute; none: no bound.
    pub allowed_paths: Option<Vec<PathBuf>>,
    /// Where its attempts keep what outlives their pods; in a cluster only.
    #[serde(default)]
    pub artifact_store: Option<super::ArtifactStore>,
    /// Merged into its pods after the operator's; in a cluster only.
    #[serde(default)]
    pub pod_template: Option<serde_json::Value>,
    /// Its namespace in a cluster, which has its name.
    #[serde(default)]
    pub namespace: super::Namespace,
}

/// Where a secret's value is read when an attempt starts. The value is never part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "kind")]
pub enum SecretSource {
    /// An environment variable of the coordinator.
    Env {
        /// Its name.
        name: String,
    },
    /// A file, absolute; one trailing line end is dropped.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A Secret in the tenant's namespace: a file of the pod; in a cluster only.
    SecretKeyRef {
        /// Name of the Secret.
        name: String,
        /// Key in it.
        key: String,
    },
}
