//! Creates and removes the Job of a pod that serves a claim.

use super::reader::{Down, Reader};
use crate::depots::Owner;
use crate::executor::kubernetes::answer::Trouble;
use crate::executor::kubernetes::client::Cluster;
use crate::executor::kubernetes::labels::{Maker, Purpose, epoch, selector};
use crate::executor::kubernetes::manifest::{self, Serving};
use k8s_openapi::api::batch::v1::Job;
use std::fs::File;
use std::io::Read as _;
use wharf_core::plan::Executor;
use wharf_depot::Digest;

/// A Job, and what its pod is asked with.
pub(super) struct Made {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// Known to nobody else.
    pub(super) token: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made").field("namespace", &self.namespace).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Made {
    /// Removes the Job and its pod. One that resists ends by itself when nobody is connected.
    pub(super) async fn remove(&self, cluster: &Cluster) {
        let _permit = cluster.enter().await;
        if let Err(trouble) = cluster.delete_job(&self.namespace, &self.name, &self.uid).await {
            tracing::debug!("Job {}/{} is not removed: {trouble}", self.namespace, self.name);
        }
    }
}

impl Reader {
    /// Creates a Job; removes those that an earlier process of this coordinator left, whose tokens nobody knows any more.
    pub(super) async fn make(&self, cluster: &Cluster) -> Result<Made, Down> {
        let token = token().map_err(|e| Down::Yet(format!("the system gives no random bytes: {e}")))?;
        let (namespace, job) = self.manifest(&Digest::of(token.as_bytes()).to_string())?;
        let ours = selector(&self.shared.instance, Purpose::Store);
        let left = cluster.jobs(&namespace, &ours).await.map_err(down)?;
        // What a later coordinator made is that one's.
        for left in left.into_iter().filter(|job| epoch(job.metadata.labels.as_ref()) <= self.shared.epoch) {
            let (name, uid) = (left.metadata.name.unwrap_or_default(), left.metadata.uid.unwrap_or_default());
            tracing::info!("removing Job {namespace}/{name}, which an earlier coordinator left");
            let _permit = cluster.enter().await;
            cluster.delete_job(&namespace, &name, &uid).await.map_err(down)?;
        }
        let name = job.metadata.name.clone().unwrap_or_default();
        let body = serde_json::to_vec(&job).map_err(|e| Down::Yet(format!("a Job cannot be written: {e}")))?;
        let _permit = cluster.enter().await;
        let uid = cluster.create_job(&namespace, body).await.map_err(down)?;
        tracing::debug!("Job {namespace}/{name} serves {}", self.claim_name);
        Ok(Made { namespace, name, uid, token })
    }

    /// The namespace, and the Job.
    fn manifest(&self, token: &str) -> Result<(String, Job), Down> {
        let plan = self.shared.plan.borrow();
        let Executor::Kubernetes(settings) = &plan.coordinator.executor else {
            return Err(Down::Yet("the configuration is for one machine".to_owned()));
        };
        let (namespace, template) = match &self.owner {
            Owner::Operator => (settings.namespace.as_str(), None),
            Owner::Tenant(name) => {
                (name.as_str(), plan.tenants.get(name).and_then(|tenant| tenant.pod_template.as_ref()))
            }
        };
        let maker = Maker { instance: &self.shared.instance, epoch: self.shared.epoch };
        let serving = Serving { namespace, claim_name: &self.claim_name, template, token };
        let job = manifest::store(maker, settings, serving).map_err(|failure| Down::Yet(failure.message))?;
        Ok((namespace.to_owned(), job))
    }
}

fn down(trouble: Trouble) -> Down {
    match trouble {
        Trouble::Refused(refused) if refused.is_unauthorized() => Down::Forbidden(refused.message),
        trouble => Down::Yet(trouble.to_string()),
    }
}

/// 64 hex digits that nobody can guess.
fn token() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
