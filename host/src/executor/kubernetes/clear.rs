//! Looks after what is in the cluster: deletes Jobs, lets go of pods, asks what there is, fetches what was said.

use super::answer::Trouble;
use super::deadline::MOVED_BY;
use super::labels::{self, Purpose};
use super::manifest::FINALIZER;
use super::message::FromCluster;
use super::office::{Office, Tries};
use super::seen::{Remains, slim_job, slim_pod};
use super::status::CONTAINER;
use crate::clock;
use crate::coordinator::{Point, pass};
use crate::logs::line;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;
use std::time::Duration;
use wharf_contract::{AttemptId, LogLine};
use wharf_core::action::AttemptKey;

/// Bytes of a log that are fetched of a runtime that left no word.
const MAX_LOG: u32 = 1 << 20;
/// How long that may take: its node may be the reason for the silence.
const LOG_PATIENCE: Duration = Duration::from_secs(10);

impl Office {
    /// Removes what is left of an attempt.
    pub(super) async fn clear(self: Arc<Self>, namespace: Arc<str>, id: AttemptId, remains: Remains) {
        pass(Point::BeforeRelease);
        let job = async {
            if let Some((name, uid)) = &remains.job {
                self.delete(&namespace, name, uid).await;
            }
        };
        let pods = remains.pods.iter().map(|(name, uid)| self.release(&namespace, name, uid));
        futures_util::future::join(job, futures_util::future::join_all(pods)).await;
        pass(Point::AfterRelease);
        self.tell(FromCluster::Cleared(namespace, id)).await;
    }

    /// Deletes a Job; its pod gets its grace.
    pub(super) async fn delete(&self, namespace: &str, name: &str, uid: &str) {
        let mut tries = Tries::new();
        loop {
            let permit = self.cluster.enter().await;
            let done = self.cluster.delete_job(namespace, name, uid).await;
            drop(permit);
            if self.is_over("Job", namespace, name, done) {
                return;
            }
            tries.pause().await;
        }
    }

    /// Moves the deadline that a Job has of its own, if it has one.
    pub(super) async fn extend(&self, namespace: &str, name: &str, uid: &str) {
        let (mut tries, mut until) = (Tries::new(), None);
        loop {
            let moved = async {
                if until.is_none() {
                    let job = self.cluster.job(namespace, name).await?;
                    let job = job.filter(|job| job.metadata.uid.as_deref() == Some(uid));
                    until = job.and_then(|job| job.spec?.active_deadline_seconds);
                    until = until.map(|seconds| seconds.saturating_add_unsigned(MOVED_BY.as_secs()));
                }
                // What is computed once is the same however often it is asked for.
                let Some(until) = until else { return Ok(()) };
                let _permit = self.cluster.enter().await;
                self.cluster.set_deadline(namespace, name, uid, until).await
            };
            match moved.await {
                Ok(()) => return,
                Err(Trouble::Refused(refused)) => {
                    tracing::warn!(
                        "Job {namespace}/{name} waits for quota, and its deadline cannot be moved: {}; `wharf cluster apply` \
                         gives the right that is needed",
                        refused.message
                    );
                    return;
                }
                Err(trouble) => tracing::debug!("the deadline of Job {namespace}/{name} is not moved yet: {trouble}"),
            }
            tries.pause().await;
        }
    }

    async fn release(&self, namespace: &str, name: &str, uid: &str) {
        let mut tries = Tries::new();
        loop {
            let permit = self.cluster.enter().await;
            let done = self.cluster.release_pod(namespace, name, uid, FINALIZER).await;
            drop(permit);
            if self.is_over("pod", namespace, name, done) {
                return;
            }
            tries.pause().await;
        }
    }

    /// What is refused now is not tried again at once: it is found again as something that belongs to nobody.
    fn is_over(&self, kind: &str, namespace: &str, name: &str, done: Result<(), Trouble>) -> bool {
        match done {
            Ok(()) => true,
            Err(Trouble::Refused(refused)) => {
                tracing::error!("{kind} {namespace}/{name} cannot be removed: {}", refused.message);
                true
            }
            Err(trouble) => {
                tracing::debug!("{kind} {namespace}/{name} is not removed yet: {trouble}");
                false
            }
        }
    }

    /// Asks the API server itself what there is of an attempt.
    pub(super) async fn verify(self: Arc<Self>, key: AttemptKey, namespace: Arc<str>, job: Arc<str>, id: AttemptId) {
        let ours = labels::selector(&self.instance, Purpose::Attempt);
        let selector = format!("{ours},batch.kubernetes.io/job-name={job}");
        let mut tries = Tries::new();
        let (found, pods) = loop {
            // The Job first: pods that are there after it is gone are all that will ever be.
            let asked = async {
                let job = self.cluster.job(&namespace, &job).await?;
                Ok::<_, Trouble>((job, self.cluster.pods(&namespace, &selector).await?))
            };
            match asked.await {
                Ok(found) => break found,
                Err(trouble) => {
                    tracing::debug!("{namespace}/{job} cannot be looked at yet: {trouble}");
                    tries.pause().await;
                }
            }
        };
        let mine = |meta: &ObjectMeta| labels::attempt(meta.labels.as_ref(), &self.instance).as_ref() == Some(&id);
        let found = found.filter(|job| mine(&job.metadata)).map(|mut job| {
            slim_job(&mut job);
            Box::new(job)
        });
        let mut pods: Vec<_> = pods.into_iter().filter(|pod| mine(&pod.metadata)).collect();
        pods.iter_mut().for_each(slim_pod);
        self.tell(FromCluster::Verified(key, found, pods)).await;
    }

    /// Fetches what the runtime wrote, as far as it can be had.
    pub(super) async fn read(self: Arc<Self>, key: AttemptKey, namespace: Arc<str>, pod: String) {
        let log = self.cluster.log(&namespace, &pod, CONTAINER, MAX_LOG);
        let lines = match tokio::time::timeout(LOG_PATIENCE, log).await {
            Ok(Ok(log)) => lines(&log, clock::now().as_micros()),
            Ok(Err(trouble)) => {
                tracing::debug!("the log of {namespace}/{pod} cannot be had: {trouble}");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        self.tell(FromCluster::Read(key, lines)).await;
    }
}

/// Lines of a runtime's output, without the empty ones.
fn lines(log: &[u8], now: i64) -> Vec<LogLine> {
    let filled = log.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    filled.map(|bytes| line(bytes, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::LogSource;

    #[test]
    fn a_log_is_read_line_by_line_whatever_is_in_it() {
        let line = r#"{"at":7,"level":"warn","source":"stdout","message":"said"}"#;
        let seen = lines(format!("{line}\n\nthread 'main' panicked\n{{\"at\":").as_bytes(), 9);
        let seen: Vec<_> = seen.iter().map(|l| (l.at, l.source, l.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                (7, LogSource::Stdout, "said"),
                (9, LogSource::Runtime, "thread 'main' panicked"),
                (9, LogSource::Runtime, "{\"at\":"),
            ]
        );
    }
}
