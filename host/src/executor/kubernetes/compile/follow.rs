//! Waits for the end of a Job that compiles, by watches.

use super::Workshop;
use super::state::{Saw, State, Verdict};
use crate::executor::Failure;
use futures_util::stream::{BoxStream, select_all};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, watcher};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_contract::pod::StoredObject;
use wharf_depot::chain;

/// Seconds after which a watch is asked for anew: a connection that is dead without a word is noticed then.
const WATCH: u32 = 60;
/// Label that the Job controller gives the pods of a Job.
const CONTROLLER: &str = "batch.kubernetes.io/controller-uid";

impl Workshop {
    /// What the Job came to.
    pub(super) async fn follow(&self, name: &str, uid: &str, deadline: Duration) -> Result<StoredObject, Failure> {
        let mut state = State::new(uid.to_owned(), deadline, Instant::now(), &self.settings);
        let mut seen = self.watch(name, uid);
        loop {
            let until = match state.judge(Instant::now(), &self.settings) {
                Verdict::Until(until) => until,
                Verdict::Over(result) => return result,
                Verdict::Unless(failure) => {
                    let namespace = &self.settings.namespace;
                    let pods = self.cluster.pods(namespace, &format!("{CONTROLLER}={uid}")).await;
                    match pods {
                        Ok(pods) if pods.is_empty() => return Err(failure),
                        Ok(pods) => pods.into_iter().for_each(|pod| state.take(Saw::Pod(pod.into()))),
                        Err(trouble) => {
                            return Err(Failure::new(failure.cause, format!("{}; {trouble}", failure.message)));
                        }
                    }
                    match state.judge(Instant::now(), &self.settings) {
                        Verdict::Over(result) => return result,
                        Verdict::Unless(failure) => return Err(failure),
                        Verdict::Until(until) => until,
                    }
                }
            };
            let next = tokio::select! {
                next = seen.next() => next,
                () = tokio::time::sleep_until(until) => continue,
            };
            match next {
                Some(Ok(saw)) => state.take(saw),
                Some(Err(error)) => self.failed(&error)?,
                // Watches do not end.
                None => return Err(Failure::new(Cause::Internal, "the watches of a Job ended")),
            }
        }
    }

    fn watch(&self, name: &str, uid: &str) -> BoxStream<'static, Result<Saw, watcher::Error>> {
        let (client, namespace) = (self.cluster.client(), &self.settings.namespace);
        let config = || Config::default().timeout(WATCH);
        let jobs = watcher(
            Api::<Job>::namespaced(client.clone(), namespace),
            config().fields(&format!("metadata.name={name}")),
        );
        let pods =
            watcher(Api::<Pod>::namespaced(client.clone(), namespace), config().labels(&format!("{CONTROLLER}={uid}")));
        let events = watcher(Api::<Event>::namespaced(client.clone(), namespace), config().fields("type=Warning"));
        let jobs = jobs.default_backoff().map_ok(|event| match event {
            watcher::Event::Apply(job) | watcher::Event::InitApply(job) => Saw::Job(job.into()),
            watcher::Event::Delete(_) => Saw::JobGone,
            watcher::Event::Init => Saw::JobsListing,
            watcher::Event::InitDone => Saw::JobsListed,
        });
        let pods = pods.default_backoff().map_ok(|event| match event {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => Saw::Pod(pod.into()),
            watcher::Event::Delete(pod) => Saw::PodGone(pod.into()),
            watcher::Event::Init => Saw::PodsListing,
            watcher::Event::InitDone => Saw::PodsListed,
        });
        let events = events.default_backoff().try_filter_map(async |event| {
            Ok(match event {
                watcher::Event::Apply(event) | watcher::Event::InitApply(event) => Some(Saw::Event(event.into())),
                watcher::Event::Delete(_) | watcher::Event::Init | watcher::Event::InitDone => None,
            })
        });
        select_all([jobs.boxed(), pods.boxed(), events.boxed()]).boxed()
    }

    /// A watch that fails begins anew by itself, but for what this coordinator may not see.
    fn failed(&self, error: &watcher::Error) -> Result<(), Failure> {
        if let watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) = error
            && status.code == 403
        {
            let why = format!("{}; `wharf cluster apply` gives the rights that are needed", status.message);
            return Err(Failure::new(Cause::PodRejected, format!("its component was not compiled: {why}")));
        }
        tracing::debug!(namespace = %self.settings.namespace, "a watch of a Job failed: {}", chain(error));
        Ok(())
    }
}
