//! Removes Jobs that compile and that nobody waits for: a coordinator that ended left them.

use super::Workshop;
use super::index::Index;
use crate::executor::kubernetes::labels::{Purpose, epoch, selector};
use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use std::collections::BTreeSet;
use std::sync::Weak;
use std::time::Duration;
use wharf_contract::pod::{ORDER_ANNOTATION, PodOrder};
use wharf_depot::chain;

/// From one look to the next. What nobody wanted at two of them goes: an attempt that needs it would have come by.
const EVERY: Duration = Duration::from_secs(300);

/// Looks now and then, as long as there is a workshop.
pub(super) async fn sweep(workshop: Weak<Workshop>) {
    let mut before = BTreeSet::new();
    while let Some(workshop) = workshop.upgrade() {
        match workshop.sweep(&before).await {
            Ok(left) => before = left,
            Err(why) => tracing::debug!("Jobs that compile cannot be looked through: {why}"),
        }
        drop(workshop);
        tokio::time::sleep(EVERY).await;
    }
}

impl Workshop {
    /// Removes what nobody wants and what has nothing more to give; gives the UIDs of what nobody wants so far.
    async fn sweep(&self, before: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
        let api: Api<Job> = Api::namespaced(self.cluster.client().clone(), &self.settings.namespace);
        let ours = ListParams::default().labels(&selector(&self.instance, Purpose::Compile));
        let jobs = api.list(&ours).await.map_err(|e| chain(&e))?;
        let mut left = BTreeSet::new();
        for job in jobs {
            let (name, uid) = (job.name_any(), job.uid().unwrap_or_default());
            // What a later coordinator made is wanted by that one.
            if self.wanted().contains(&name) || epoch(job.metadata.labels.as_ref()) > self.epoch {
                continue;
            }
            if before.contains(&uid) || self.is_noted(&job).await {
                self.remove(&name, &uid).await;
            } else {
                left.insert(uid);
            }
        }
        Ok(left)
    }

    /// Whether what the Job was to make is there already, and noted.
    async fn is_noted(&self, job: &Job) -> bool {
        let Some(digest) = component_of(job) else { return false };
        let Ok(key) = self.public_key().await else { return false };
        let Ok(depot) = self.depots.operator().await else { return false };
        matches!(Index::new(&self.settings, &key).find(&depot, &digest).await, Ok(Some(_)))
    }
}

/// The digest of the component that a Job compiles.
fn component_of(job: &Job) -> Option<String> {
    let annotations = job.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref()?;
    match serde_json::from_str(annotations.get(ORDER_ANNOTATION)?).ok()? {
        PodOrder::Compile(order) => Some(order.digest),
        PodOrder::Run(_) | PodOrder::Stored { .. } => None,
    }
}
