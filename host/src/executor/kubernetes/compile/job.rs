//! Creates Jobs that compile, and removes them.

use super::Workshop;
use super::index::Index;
use crate::executor::Failure;
use crate::executor::kubernetes::answer::Trouble;
use crate::executor::kubernetes::labels::{self, Purpose};
use crate::executor::kubernetes::office::Tries;
use crate::executor::kubernetes::{manifest, names};
use k8s_openapi::api::batch::v1::Job;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_contract::pod::StoredObject;
use wharf_core::plan::Component;
use wharf_depot::Depot;

/// Names that are tried, should Jobs of them be on their way out.
const NAMES: u32 = 20;
/// How long a Job that is over may resist its removal: what is left then is removed by the next sweep.
const REMOVAL: Duration = Duration::from_secs(60);

/// A Job of the cluster.
struct Made {
    name: String,
    uid: String,
    deadline: Duration,
}

/// Says, as long as it lives, that somebody waits for a Job.
struct Wanted<'a>(&'a Workshop, String);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted().remove(&self.1);
    }
}

impl Workshop {
    /// Names of the Jobs that somebody waits for.
    pub(super) fn wanted(&self) -> MutexGuard<'_, std::collections::HashSet<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a component compiled by a Job: by a new one, or by one that an earlier coordinator began.
    pub(super) async fn run(
        &self,
        component: &Component,
        depot: &Depot,
        index: &Index,
    ) -> Result<StoredObject, Failure> {
        let delivery = self.deliver(component, depot).await?;
        let by = Instant::now() + Duration::from_micros(self.settings.start_deadline_us);
        for attempt in 1..=NAMES {
            let architecture = &self.settings.architecture;
            let name = names::compile(&self.instance, &component.digest, index.engine(), architecture, attempt);
            self.wanted().insert(name.clone());
            let _wanted = Wanted(self, name.clone());
            let job =
                manifest::compile(self.maker(), &self.settings, name, &delivery.order, delivery.image.as_deref())?;
            let Some(made) = self.create(&job, by).await? else { continue };
            let result = match self.follow(&made.name, &made.uid, made.deadline).await {
                // Whoever else followed it may have noted what it made before removing it.
                Err(gone) if gone.cause == Cause::PodDeleted => index.find(depot, &component.digest).await?.ok_or(gone),
                result => result,
            };
            if let Ok(object) = &result {
                // Before the Job goes, so that a coordinator that ends here finds one of them.
                index.put(depot, &component.digest, object).await?;
            }
            self.remove(&made.name, &made.uid).await;
            return result;
        }
        let why = format!("{NAMES} Jobs for it are being deleted, and do not go");
        Err(Failure::new(Cause::Internal, format!("its component was not compiled: {why}")))
    }

    /// Creates a Job, or finds it; none where one of that name is on its way out.
    async fn create(&self, job: &Job, by: Instant) -> Result<Option<Made>, Failure> {
        let namespace = &self.settings.namespace;
        let failed = |cause, why: String| Failure::new(cause, format!("its component was not compiled: {why}"));
        let body = serde_json::to_vec(job).map_err(|e| failed(Cause::Internal, e.to_string()))?;
        let mut tries = Tries::new();
        loop {
            let permit = self.cluster.enter().await;
            let answer = self.cluster.create_job(namespace, body.clone()).await;
            drop(permit);
            let trouble = match answer {
                Ok(uid) => return Ok(Some(made(job, uid))),
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Refused(refused) if refused.reason == "AlreadyExists" => {
                    let name = job.metadata.name.as_deref().unwrap_or_default();
                    match self.cluster.job(namespace, name).await {
                        Ok(Some(found)) => return Ok(self.adopted(&found)),
                        Ok(None) => continue,
                        Err(trouble) => tracing::debug!("{namespace}/{name} cannot be looked at yet: {trouble}"),
                    }
                }
                Trouble::Refused(refused) => {
                    let hint = match refused.code {
                        403 | 404 => "; `wharf cluster apply` makes the namespace and gives the rights that are needed",
                        _ => "",
                    };
                    return Err(failed(
                        Cause::PodRejected,
                        format!("the cluster refuses its Job: {}{hint}", refused.message),
                    ));
                }
                trouble if Instant::now() >= by => {
                    return Err(failed(Cause::StartDeadline, format!("its Job could not be created: {trouble}")));
                }
                trouble => tracing::debug!("a Job that compiles is not created yet: {trouble}"),
            }
            tries.pause().await;
        }
    }

    /// A Job that was there, if it is this coordinator's and not being deleted.
    fn adopted(&self, job: &Job) -> Option<Made> {
        let ours = labels::of(self.maker(), Purpose::Compile);
        let has = job.metadata.labels.as_ref()?;
        let same =
            [labels::MANAGED_BY, labels::INSTANCE, labels::COMPONENT].iter().all(|l| has.get(*l) == ours.get(*l));
        let stays = job.metadata.deletion_timestamp.is_none();
        (same && stays).then(|| made(job, job.metadata.uid.clone().unwrap_or_default()))
    }

    /// Removes a Job with its pod.
    pub(super) async fn remove(&self, name: &str, uid: &str) {
        let namespace = &self.settings.namespace;
        let by = Instant::now() + REMOVAL;
        let mut tries = Tries::new();
        loop {
            let permit = self.cluster.enter().await;
            let done = self.cluster.delete_job(namespace, name, uid).await;
            drop(permit);
            match done {
                Ok(()) => return,
                Err(trouble) if matches!(trouble, Trouble::Refused(_)) || Instant::now() >= by => {
                    tracing::warn!("Job {namespace}/{name} cannot be removed: {trouble}");
                    return;
                }
                Err(_) => tries.pause().await,
            }
        }
    }
}

fn made(job: &Job, uid: String) -> Made {
    let seconds = job.spec.as_ref().and_then(|s| s.active_deadline_seconds).unwrap_or(0);
    Made {
        name: job.metadata.name.clone().unwrap_or_default(),
        uid,
        deadline: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
    }
}
