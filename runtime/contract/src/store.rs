use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where what outlives a pod is kept: artifacts, logs, checkpoints, compiled components. Credentials are never part of it.
///
/// A prefix has no `/` at either end; it may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum StoreLocation {
    /// Amazon S3, or a server that speaks like it.
    S3 {
        /// Bucket.
        bucket: String,
        /// What every key begins with.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// None: `us-east-1`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        /// URL of the server; none: Amazon's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// Whether an `http:` endpoint will do.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        allow_http: bool,
    },
    /// Google Cloud Storage.
    Gcs {
        /// Bucket.
        bucket: String,
        /// What every key begins with.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
    },
    /// Azure Blob Storage.
    Azure {
        /// Storage account.
        account: String,
        /// Container.
        container: String,
        /// What every key begins with.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// URL of the server; none: Azure's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    /// A folder, for example of a mounted volume.
    Folder {
        /// Absolute.
        path: PathBuf,
    },
}
