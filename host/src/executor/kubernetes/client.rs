//! The few calls of the API, each bounded in time and size. What to do about an answer is the callers'.

use super::answer::{Refused, Trouble, classify};
use super::pace::{Pace, Pass};
use crate::telemetry::ClusterMetrics;
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions};
use kube::client::Body;
use kube::core::{ObjectList, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wharf_depot::chain;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// One cluster, as this coordinator uses it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    metrics: ClusterMetrics,
    pace: Pace,
    /// Whether the last that was heard of it is that it does not answer.
    away: Arc<AtomicBool>,
}

/// What of a Job's creation is worth reading.
#[derive(Deserialize)]
struct Made {
    metadata: MadeMetadata,
}

#[derive(Deserialize)]
struct MadeMetadata {
    uid: String,
}

impl Cluster {
    pub(super) fn new(client: Client, metrics: ClusterMetrics) -> Cluster {
        let pace = Pace::new();
        metrics.writes_limit.set(i64::try_from(pace.limit()).unwrap_or(i64::MAX));
        Cluster { client, metrics, pace, away: Arc::default() }
    }

    /// For watches.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn metrics(&self) -> &ClusterMetrics {
        &self.metrics
    }

    /// Takes note of whether it answers; `why` it does not. Said once each time.
    pub(super) fn heard(&self, why: Result<(), &str>) {
        let before = self.away.swap(why.is_err(), Ordering::Relaxed);
        match why {
            Err(why) if !before => tracing::warn!("the API server does not answer, trying again: {why}"),
            Ok(()) if before => tracing::info!("the API server answers again"),
            _ => {}
        }
    }

    /// Waits until there is room for a write. To be held while it goes on.
    pub(super) async fn enter(&self) -> Pass {
        self.pace.enter().await
    }

    /// Creates a Job and gives its UID.
    pub(super) async fn create_job(&self, namespace: &str, job: Vec<u8>) -> Result<String, Trouble> {
        let request = jobs(namespace).create(&PostParams::default(), job);
        let made: Made = read(&self.call("create", request).await?)?;
        Ok(made.metadata.uid)
    }

    /// A Job; none where there is no such one.
    pub(super) async fn job(&self, namespace: &str, name: &str) -> Result<Option<Job>, Trouble> {
        match self.call("get", jobs(namespace).get(name, &GetParams::default())).await {
            Ok(bytes) => read(&bytes).map(Some),
            Err(trouble) if trouble.is_not_found() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Jobs with these labels.
    pub(super) async fn jobs(&self, namespace: &str, selector: &str) -> Result<Vec<Job>, Trouble> {
        let request = jobs(namespace).list(&ListParams::default().labels(selector).limit(100));
        let list: ObjectList<Job> = read(&self.call("list", request).await?)?;
        Ok(list.items)
    }

    /// Pods with these labels, from the API server's truth.
    pub(super) async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<Pod>, Trouble> {
        let request = pods(namespace).list(&ListParams::default().labels(selector).limit(100));
        let list: ObjectList<Pod> = read(&self.call("list", request).await?)?;
        Ok(list.items)
    }

    /// Deletes a Job, and in the background its pods. One that is not there any more, or is another one by now, is deleted.
    pub(super) async fn delete_job(&self, namespace: &str, name: &str, uid: &str) -> Result<(), Trouble> {
        let only = Preconditions { uid: Some(uid.to_owned()), ..Preconditions::default() };
        let params = DeleteParams::background().preconditions(only);
        match self.call("delete", jobs(namespace).delete(name, &params)).await {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.is_not_found() || trouble.is_conflict() => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Sets the deadline of a Job, in seconds from its start. One that is not there any more needs none.
    pub(super) async fn set_deadline(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        seconds: i64,
    ) -> Result<(), Trouble> {
        let patch = serde_json::json!({"metadata": {"uid": uid}, "spec": {"activeDeadlineSeconds": seconds}});
        let request = jobs(namespace).patch(name, &PatchParams::default(), &Patch::Merge(patch));
        match self.call("patch", request).await {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.is_not_found() || trouble.is_conflict() => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Takes a finalizer from a pod. One that is not there any more, or has it no more, needs nothing.
    pub(super) async fn release_pod(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        finalizer: &str,
    ) -> Result<(), Trouble> {
        // By value, not by position: other controllers take theirs away at the same time.
        let patch = serde_json::json!({"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [finalizer]}});
        let request = pods(namespace).patch(name, &PatchParams::default(), &Patch::Strategic(patch));
        match self.call("patch", request).await {
            Ok(_) => Ok(()),
            // A conflict says that a pod of that name is another one by now.
            Err(trouble) if trouble.is_not_found() || trouble.is_conflict() => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// What a container wrote, as far as `most` bytes.
    pub(super) async fn log(&self, namespace: &str, pod: &str, container: &str, most: u32) -> Result<Vec<u8>, Trouble> {
        let params =
            LogParams { container: Some(container.to_owned()), limit_bytes: Some(most.into()), ..LogParams::default() };
        self.call("get", pods(namespace).logs(pod, &params)).await
    }

    /// Whether a namespace is there, as far as this coordinator may know.
    pub(super) async fn has_namespace(&self, name: &str) -> Result<bool, Trouble> {
        let request = Request::new("/api/v1/namespaces").get(name, &GetParams::default());
        match self.call("get", request).await {
            Ok(_) => Ok(true),
            Err(trouble) if trouble.is_not_found() => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// Sends a request and reads its answer. Writes tell the pace how they fared.
    async fn call(
        &self,
        verb: &'static str,
        request: Result<axum::http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Vec<u8>, Trouble> {
        let request = request.map_err(|e| Trouble::Refused(Refused::ours(e.to_string())))?;
        let answer = tokio::time::timeout(PATIENCE, self.send(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(Trouble::Absent(format!("no answer within {PATIENCE:?}"))));
        self.heard(match &answer {
            Err(Trouble::Absent(why)) => Err(why),
            _ => Ok(()),
        });
        match &answer {
            Ok(_) if verb != "get" && verb != "list" => self.pace.taken(),
            Err(Trouble::Busy(after)) => self.pace.refused(*after),
            _ => return answer,
        }
        self.metrics.writes_limit.set(i64::try_from(self.pace.limit()).unwrap_or(i64::MAX));
        answer
    }

    async fn send(&self, request: axum::http::Request<Vec<u8>>) -> Result<Vec<u8>, Trouble> {
        let response = self.client.send(request.map(Body::from)).await.map_err(|e| Trouble::Absent(chain(&e)))?;
        let code = response.status().as_u16();
        let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|e| Trouble::Absent(format!("its answer breaks off: {e}")))?.to_bytes();
        if (200..300).contains(&code) {
            return Ok(body.into());
        }
        Err(classify(code, &body, after.map(Duration::from_secs)))
    }
}

fn jobs(namespace: &str) -> Request {
    Request::new(format!("/apis/batch/v1/namespaces/{namespace}/jobs"))
}

fn pods(namespace: &str) -> Request {
    Request::new(format!("/api/v1/namespaces/{namespace}/pods"))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(bytes).map_err(|e| Trouble::Absent(format!("its answer cannot be read: {e}")))
}
