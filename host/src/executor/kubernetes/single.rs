//! What is known of one Job that is watched by itself: one that compiles, one that serves.

use super::status::{Node, Observation, Seen, failed_create, observe, pod_warning};
use futures_util::stream::{BoxStream, select_all};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Client};
use std::collections::BTreeMap;

/// Seconds after which a watch is asked for anew: a connection that is dead without a word is noticed then.
const WATCH: u32 = 60;
/// Label that the Job controller gives the pods of a Job.
pub(super) const CONTROLLER: &str = "batch.kubernetes.io/controller-uid";

/// What watches say.
#[derive(Debug)]
pub(super) enum Saw {
    Job(Box<Job>),
    JobGone,
    JobsListing,
    JobsListed,
    PodsListing,
    Pod(Box<Pod>),
    PodGone(Box<Pod>),
    PodsListed,
    Event(Box<Event>),
}

/// What watches have said. Pure.
#[derive(Debug)]
pub(super) struct Known {
    uid: String,
    job: Option<Job>,
    /// By UID; more than one never, but for a cluster that does not keep its word.
    pods: BTreeMap<String, Pod>,
    failed_create: Option<String>,
    warning: Option<String>,
    /// Whether Job and pods are listed, so that what is not known is not there.
    listed: (bool, bool),
}

impl Known {
    /// Nothing yet, of the Job with this UID.
    pub(super) fn new(uid: String) -> Known {
        let (failed_create, warning) = (None, None);
        Known { uid, job: None, pods: BTreeMap::new(), failed_create, warning, listed: (false, false) }
    }

    /// Takes in what a watch says.
    pub(super) fn take(&mut self, saw: Saw) {
        match saw {
            Saw::Job(job) => {
                // One of the same name that is another one is as good as none.
                self.job = (job.metadata.uid.as_deref() == Some(&self.uid)).then_some(*job);
            }
            Saw::JobGone => self.job = None,
            Saw::JobsListing => {
                self.listed.0 = false;
                self.job = None;
            }
            Saw::JobsListed => self.listed.0 = true,
            Saw::PodsListing => {
                self.listed.1 = false;
                self.pods.clear();
            }
            Saw::Pod(pod) => {
                self.pods.insert(pod.metadata.uid.clone().unwrap_or_default(), *pod);
            }
            Saw::PodGone(pod) => {
                self.pods.remove(&pod.metadata.uid.unwrap_or_default());
            }
            Saw::PodsListed => self.listed.1 = true,
            Saw::Event(event) => {
                if let Some((uid, why)) = failed_create(&event)
                    && uid == self.uid
                {
                    self.failed_create = Some(why.to_owned());
                }
                if let Some((uid, why)) = pod_warning(&event)
                    && self.pods.contains_key(uid)
                {
                    self.warning = Some(why.to_owned());
                }
            }
        }
    }

    /// The Job's pod; the newest, should there be two.
    pub(super) fn pod(&self) -> Option<&Pod> {
        self.pods.values().max_by_key(|pod| pod.metadata.creation_timestamp.clone())
    }

    /// What it comes to; none before all is listed.
    pub(super) fn observe(&self) -> Option<Observation> {
        let seen = Seen {
            job: self.job.as_ref(),
            pod: self.pod(),
            failed_create: self.failed_create.as_deref(),
            warning: self.warning.as_deref(),
            node: Node::Answers,
            asked: false,
        };
        (self.listed == (true, true)).then(|| observe(&seen))
    }
}

/// Watches a Job, its pods, and warnings of its namespace.
pub(super) fn watch(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: &str,
) -> BoxStream<'static, Result<Saw, watcher::Error>> {
    let config = || Config::default().timeout(WATCH);
    let jobs =
        watcher(Api::<Job>::namespaced(client.clone(), namespace), config().fields(&format!("metadata.name={name}")));
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

/// What the API server says of a watch that this coordinator may not begin. Other failures of watches pass by themselves.
pub(super) fn forbidden(error: &watcher::Error) -> Option<&str> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            if status.code == 403 =>
        {
            Some(&status.message)
        }
        _ => None,
    }
}
