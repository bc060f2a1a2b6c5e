//! What goes between the coordinator and the runtime in a pod: an order in a file, a report in the termination message.

use crate::{Cause, Invocation, Outcome, StoreLocation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Paths in a pod that the coordinator mounts and the runtime uses.
pub mod paths {
    /// The order as JSON, projected from the pod's annotation [`super::ORDER_ANNOTATION`].
    pub const ORDER: &str = "/etc/wharf/order";
    /// The pod's UID, projected as well.
    pub const POD_UID: &str = "/etc/wharf/uid";
    /// Where the report goes.
    pub const REPORT: &str = "/dev/termination-log";
    /// The one writable folder: an `emptyDir` with a size limit.
    pub const SCRATCH: &str = "/scratch";
    /// One folder for each volume that the task mounts, by the volume's name.
    pub const VOLUMES: &str = "/volumes";
    /// One file for each secret that the task was granted, as the order names them.
    pub const SECRETS: &str = "/var/run/wharf/secrets";
    /// Credentials of the artifact store: one file for each setting, named as the environment variable is that holds it
    /// elsewhere, for example `AWS_SECRET_ACCESS_KEY`.
    pub const STORE_CREDENTIALS: &str = "/var/run/wharf/store";
    /// The artifact store, where it is a volume.
    pub const STORE_VOLUME: &str = "/store";
    /// `compiler.key` and `compiler.pub`; in a pod that compiles only.
    pub const COMPILER_KEYS: &str = "/var/run/wharf/compiler";
    /// The component, where it is delivered by a volume; in a pod that compiles only.
    pub const COMPONENT_VOLUME: &str = "/component";
    /// `.dockerconfigjson` for the registry; in a pod that compiles only.
    pub const REGISTRY_CREDENTIALS: &str = "/var/run/wharf/registry";
}

/// Annotation of the pod that carries the order.
pub const ORDER_ANNOTATION: &str = "wharf.dev/order";
/// Bytes of JSON up to which an invocation rides in the annotation; a larger one is [`PodOrder::Stored`].
pub const MAX_INLINE_ORDER: usize = 32 << 10;
/// Bytes of JSON that an order from the store may have.
pub const MAX_STORED_ORDER: u64 = crate::MAX_FRAME as u64;
/// Bytes of a report: what Kubernetes keeps of a termination message.
pub const MAX_REPORT: usize = 4096;

/// What a pod is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PodOrder {
    /// Run an attempt.
    Run(Box<PodInvocation>),
    /// Run the attempt whose [`PodInvocation`] lies in the store.
    Stored {
        /// The tenant's store.
        store: StoreLocation,
        /// The object.
        object: StoredObject,
    },
    /// Compile a component.
    Compile(Box<CompileOrder>),
}

/// An object of a store, by key and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StoredObject {
    /// Below the store's prefix.
    pub key: String,
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

/// An attempt, as a pod gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PodInvocation {
    /// The same as of a local worker, but that it names no file of the machine: `component.path` is empty, `grants` has
    /// neither `staging`, `artifacts` and `state` nor any secret's value; a mount's `source` is a folder of the pod.
    pub invocation: Invocation,
    /// Compiled and signed: a pod of a task never compiles.
    pub compiled: CompiledComponent,
    /// The tenant's store.
    pub store: StoreLocation,
    /// Environment variables whose values are secrets: file in the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, PathBuf>,
    /// Secrets that `wharf:task/secrets` answers: file in the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, PathBuf>,
}

/// A compiled component in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CompiledComponent {
    /// The sealed `.cwasm`.
    pub object: StoredObject,
    /// The compiler's ed25519 key in hex: the seal must open with it.
    pub public_key: String,
}

/// A component to be compiled. The pod that does it reaches nothing of any tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CompileOrder {
    /// `sha256:` and 64 lower-case hex digits of the `.wasm` file.
    pub digest: String,
    /// Where it is had from.
    pub source: ComponentSource,
    /// The operator's store: where the result goes.
    pub store: StoreLocation,
    /// Bytes of memory that compiling may use.
    pub memory: u64,
}

/// Where a component is had from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ComponentSource {
    /// A file of the pod: an image volume, or another mounted one.
    File {
        /// Absolute.
        path: PathBuf,
    },
    /// An OCI registry that keeps it as a wasm artifact.
    Registry {
        /// `registry/repository@sha256:...`, the digest being the manifest's.
        reference: String,
        /// Whether plain HTTP will do.
        #[serde(default)]
        insecure: bool,
    },
    /// The operator's store.
    Store {
        /// Below the store's prefix.
        key: String,
    },
}

/// What a pod says at its end, as JSON of at most [`MAX_REPORT`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PodReport {
    /// How the attempt ended. What it wrote lies in the store under the pod's staging prefix.
    Outcome(Box<Outcome>),
    /// The outcome is too large for a termination message and lies in the store.
    Stored(StoredObject),
    /// A component was compiled, now or before.
    Compiled {
        /// The sealed `.cwasm` in the operator's store.
        object: StoredObject,
    },
    /// A component cannot be compiled.
    NotCompiled {
        /// Why.
        cause: Cause,
        /// In words.
        message: String,
    },
}
