//! What a bench sees of the cluster itself, on its own clock.

use anyhow::{Context, Result, bail};
use futures_util::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Config};
use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(1_800);

/// The administrator's client.
pub(super) async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    Ok(Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)?)
}

/// An object, and when it was seen.
pub(super) struct Seen<K> {
    pub(super) object: K,
    pub(super) at: Instant,
}

/// The next Job of a namespace.
pub(super) async fn next_job(client: &Client, namespace: &str) -> Result<JoinHandle<Result<Seen<Job>>>> {
    next(Api::namespaced(client.clone(), namespace), |_: &Job| true).await
}

/// The next pod of a namespace whose container runs.
pub(super) async fn next_running(client: &Client, namespace: &str) -> Result<JoinHandle<Result<Seen<Pod>>>> {
    next(Api::namespaced(client.clone(), namespace), |pod: &Pod| {
        let containers = pod.status.as_ref().and_then(|s| s.container_statuses.as_deref()).unwrap_or_default();
        containers.iter().any(|c| c.state.as_ref().is_some_and(|s| s.running.is_some()))
    })
    .await
}

/// Watches from now on, until one is as wanted; watching has begun when this returns.
async fn next<K>(api: Api<K>, wanted: fn(&K) -> bool) -> Result<JoinHandle<Result<Seen<K>>>>
where
    K: kube::Resource + Clone + Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let (begun, has_begun) = oneshot::channel();
    let mut begun = Some(begun);
    let task = tokio::spawn(async move {
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::InitDone) => drop(begun.take().map(|begun| begun.send(()))),
                Ok(watcher::Event::Apply(object)) if wanted(&object) => return Ok(Seen { object, at: Instant::now() }),
                _ => {}
            }
        }
        bail!("the watch ended")
    });
    has_begun.await.context("the watch did not begin")?;
    Ok(task)
}

/// Waits until a namespace has no Job and no pod.
pub(super) async fn wait_empty(client: &Client, namespace: &str) -> Result<()> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deadline = Instant::now() + DEADLINE;
    let one = ListParams::default().limit(1);
    while !jobs.list_metadata(&one).await?.items.is_empty() || !pods.list_metadata(&one).await?.items.is_empty() {
        anyhow::ensure!(Instant::now() < deadline, "Jobs or pods are left in {namespace}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
