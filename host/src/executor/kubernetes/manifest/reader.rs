use super::job::not_a_pod;
use super::own::Own;
use crate::executor::Failure;
use crate::executor::kubernetes::labels::{self, Maker, Purpose};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use wharf_core::plan::{ArtifactStore, Kubernetes, Resources};
use wharf_core::pod::compile_resources;

/// Seconds after which a reader is ended, whoever forgot it.
const LIFETIME: u64 = 300;
/// Bytes of memory that a reader has beside the runtime's own.
const MEMORY: u64 = 32 << 20;

/// A short-lived pod that reads a claim of a tenant's namespace: the runtime with these arguments, the claim mounted
/// read-only where the store is. The templates are those of the tenant's tasks, so that it finds the node where they do.
///
/// # Errors
/// Why it cannot be made.
pub(in crate::executor::kubernetes) fn reader<'t>(
    maker: Maker<'_>,
    settings: &Kubernetes,
    namespace: &str,
    templates: impl Iterator<Item = &'t Value>,
    claim: &str,
    name: &str,
    args: &[String],
) -> Result<Pod, Failure> {
    let resources =
        Resources { limit_memory: Some(MEMORY), limit_ephemeral_storage: Some(MEMORY), ..Resources::default() };
    let mut own = Own::new(settings, compile_resources(&resources));
    own.labels = labels::of(maker, Purpose::Reader);
    own.args = args.to_vec();
    own.store(&ArtifactStore::Claim { claim_name: claim.to_owned() }, true);
    let mut pod = own.pod(templates)?;
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(name);
    pod["metadata"]["namespace"] = json!(namespace);
    pod["spec"]["activeDeadlineSeconds"] = json!(LIFETIME);
    serde_json::from_value(pod).map_err(|e| not_a_pod(&e))
}
