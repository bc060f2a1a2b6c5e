use super::job;
use super::own::Own;
use crate::executor::Failure;
use crate::executor::kubernetes::labels::{self, Maker, Purpose};
use crate::executor::kubernetes::names;
use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;
use wharf_core::plan::{ArtifactStore, Kubernetes};
use wharf_core::pod::store_resources;

/// Seconds after which a pod that serves ends whatever happens; whoever still needs it starts another one.
const DEADLINE: u64 = 6 * 3600;
/// Seconds without a connection after which it ends by itself: its coordinator is gone.
const LINGER: u64 = 60;
/// Seconds after which it goes when it has ended.
const TTL: i32 = 30;

/// What a pod that serves a store is made of.
#[derive(Debug, Clone, Copy)]
pub(in crate::executor::kubernetes) struct Serving<'a> {
    /// Where the claim is.
    pub(in crate::executor::kubernetes) namespace: &'a str,
    /// The claim.
    pub(in crate::executor::kubernetes) claim_name: &'a str,
    /// The template of the tenant whose namespace it is; none: the operator's namespace.
    pub(in crate::executor::kubernetes) template: Option<&'a Value>,
    /// The digest of the token that it wants.
    pub(in crate::executor::kubernetes) token: &'a str,
}

/// The Job whose pod serves the store in a volume. It is a Job so that it takes no rights that attempts do not take, and so
/// that the cluster removes it should nobody else do so.
///
/// # Errors
/// Why it cannot be made.
pub(in crate::executor::kubernetes) fn store(
    maker: Maker<'_>,
    settings: &Kubernetes,
    serving: Serving<'_>,
) -> Result<Job, Failure> {
    let Serving { namespace, claim_name, template, token } = serving;
    let mut own = Own::new(settings, store_resources());
    own.labels = labels::of(maker, Purpose::Store);
    own.args = vec!["store".to_owned(), format!("--token-digest={token}"), format!("--linger={LINGER}")];
    own.store(&ArtifactStore::Claim { claim_name: claim_name.to_owned() }, false);
    let pod = own.pod(settings.pod_template.iter().chain(template))?;
    let name = names::store(maker.instance, token);
    let mut job = job::job(namespace, name, own.labels, pod, Some(DEADLINE))?;
    if let Some(spec) = job.spec.as_mut() {
        spec.ttl_seconds_after_finished = Some(TTL);
    }
    Ok(job)
}
