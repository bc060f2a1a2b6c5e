//! The floor: the same writes as wharf makes for each attempt, with the same client library, and nothing else.

use anyhow::{Context, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Label that tells the floor's Jobs from wharf's, so that neither touches the other's.
const LABEL: &str = "wharf-bench-raw";
/// The finalizer that a template of wharf's has; the Job controller has one of its own there.
const FINALIZER: &str = "wharf.dev/outcome";

/// A Job that wharf made, as one that anybody could create again under another name.
pub(super) fn template(mut job: Job) -> Job {
    job.status = None;
    let old = std::mem::take(&mut job.metadata);
    job.metadata.annotations = old.annotations;
    job.metadata.namespace = old.namespace;
    job.metadata.labels = Some([(LABEL.to_owned(), "1".to_owned())].into());
    if let Some(spec) = &mut job.spec {
        spec.selector = None;
        if let Some(pod) = &mut spec.template.metadata {
            pod.labels = job.metadata.labels.clone();
        }
    }
    job
}

/// Has `n` copies of `template` run, at most `window` at a time: create, wait for the pod's end, remove the finalizer, delete.
///
/// # Errors
/// Where the API server refuses something.
pub(super) async fn run(client: &Client, template: &Job, n: u32, window: u32) -> Result<()> {
    let namespace = template.namespace().context("the template has no namespace")?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let waiting = Waiting::default();
    let watch = tokio::spawn(waiting.clone().feed(pods.clone()));
    let result = stream::iter(0..n)
        .map(|i| attempt(&jobs, &pods, &waiting, template, i))
        .buffer_unordered(window as usize)
        .try_collect::<Vec<()>>()
        .await;
    watch.abort();
    result.map(drop)
}

async fn attempt(jobs: &Api<Job>, pods: &Api<Pod>, waiting: &Waiting, template: &Job, i: u32) -> Result<()> {
    let mut job = template.clone();
    let name = format!("raw-{i}");
    job.metadata.name = Some(name.clone());
    let ended = waiting.for_job(&name);
    let job = jobs.create(&PostParams::default(), &job).await?;
    let pod = ended.await.context("the watch ended")?;
    let let_go = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
    pods.patch(&pod, &PatchParams::default(), &Patch::Strategic(let_go)).await?;
    let mut delete = DeleteParams::background();
    delete.preconditions = Some(Preconditions { uid: job.uid(), resource_version: None });
    jobs.delete(&name, &delete).await?;
    Ok(())
}

/// Who waits for the pod of which Job.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>);

impl Waiting {
    /// The name of that Job's pod, as soon as it has ended.
    fn for_job(&self, job: &str) -> oneshot::Receiver<String> {
        let (tell, told) = oneshot::channel();
        self.lock().insert(job.to_owned(), tell);
        told
    }

    /// Watches pods until nobody wants it any more.
    async fn feed(self, pods: Api<Pod>) {
        let config = watcher::Config::default().labels(&format!("{LABEL}=1"));
        let mut ended = std::pin::pin!(watcher(pods, config).default_backoff().applied_objects());
        while let Some(pod) = ended.next().await {
            let Ok(pod) = pod else { continue };
            let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
            let job = pod.labels().get("batch.kubernetes.io/job-name");
            if let (Some("Succeeded" | "Failed"), Some(job)) = (phase, job)
                && let Some(tell) = self.lock().remove(job)
            {
                let _ = tell.send(pod.name_any());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<String>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
