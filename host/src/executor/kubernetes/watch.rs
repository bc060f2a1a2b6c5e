//! Watches: one for each kind and namespace. Each begins with a list, and begins anew every few minutes: the list is the
//! truth, what a watch tells in between only makes it known sooner. Where the API server no longer remembers where a watch
//! stood (410), the watcher lists by itself.

use super::client::Cluster;
use super::labels::{Purpose, selector};
use super::message::{Changes, FromCluster};
use super::seen::{Change, Kind, slim_job, slim_pod, warning};
use crate::executor::Told;
use crate::telemetry::WatchBegins;
use futures_util::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Node, Pod, ResourceQuota};
use kube::api::Api;
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wharf_depot::chain;

/// From one full list of a kind to the next, and up to a minute more.
const RELIST: Duration = Duration::from_secs(300);
/// Seconds after which a watch is asked for anew, where it stood; a connection that is dead without a word is noticed then.
const WATCH: u32 = 60;
/// Pause after a watch failed: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Changes that go to the loop together at the most.
const BATCH: usize = 500;

/// What watches are begun with.
#[derive(Clone)]
pub(super) struct Watches {
    pub(super) cluster: Cluster,
    pub(super) instance: String,
    pub(super) to_loop: mpsc::Sender<Told>,
    pub(super) stop: CancellationToken,
}

impl Watches {
    /// Watches everything of a namespace that attempts have to do with.
    pub(super) fn start(&self, namespace: &str) {
        let ours = Config::default().timeout(WATCH).labels(&selector(&self.instance, Purpose::Attempt));
        let all = Config::default().timeout(WATCH);
        let to: Arc<str> = namespace.into();
        let client = self.cluster.client();
        self.follow(
            Api::<Job>::namespaced(client.clone(), namespace),
            "jobs",
            ours.clone(),
            Some(Kind::Jobs),
            &to,
            job,
        );
        self.follow(Api::<Pod>::namespaced(client.clone(), namespace), "pods", ours, Some(Kind::Pods), &to, pod);
        let quotas = Api::<ResourceQuota>::namespaced(client.clone(), namespace);
        self.follow(quotas, "quotas", all.clone(), Some(Kind::Quotas), &to, quota);
        let events = Api::<Event>::namespaced(client.clone(), namespace);
        self.follow(events, "events", all.fields("type=Warning"), Some(Kind::Warnings), &to, |event: Event, gone| {
            if gone { None } else { warning(&event).map(Seen::Change) }
        });
    }

    /// Watches the nodes, if this coordinator may: they tell a pod that is being deleted from one whose node is lost.
    pub(super) fn start_nodes(&self) {
        let nodes = Api::<Node>::all(self.cluster.client().clone());
        self.follow(nodes, "nodes", Config::default().timeout(WATCH), None, &"".into(), node);
    }

    fn follow<K>(
        &self,
        api: Api<K>,
        word: &'static str,
        config: Config,
        kind: Option<Kind>,
        namespace: &Arc<str>,
        read: fn(K, bool) -> Option<Seen>,
    ) where
        K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
        K::DynamicType: Default + Clone,
    {
        let (watches, namespace) = (self.clone(), Arc::clone(namespace));
        let follower = Follower { watches, word, kind, namespace, read, begins: WatchBegins::First };
        tokio::spawn(async move {
            let stop = follower.watches.stop.clone();
            tokio::select! {
                () = follower.run(api, config) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// What an object means to the executor.
enum Seen {
    Change(Change),
    /// A node, and whether it is silent; none: it is gone.
    Node(String, Option<bool>),
}

struct Follower<K> {
    watches: Watches,
    word: &'static str,
    kind: Option<Kind>,
    namespace: Arc<str>,
    read: fn(K, bool) -> Option<Seen>,
    /// Why the next list begins.
    begins: WatchBegins,
}

impl<K> Follower<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default + Clone,
{
    /// Watches until nobody listens.
    async fn run(mut self, api: Api<K>, config: Config) {
        let mut pause = PAUSES.0;
        let mut hasher = DefaultHasher::new();
        (self.word, &*self.namespace).hash(&mut hasher);
        // Not all lists at one time.
        let every = RELIST + Duration::from_secs(hasher.finish() % 60);
        loop {
            let until = Instant::now() + every;
            let mut stream = pin!(watcher(api.clone(), config.clone()));
            loop {
                let event = tokio::select! {
                    event = stream.next() => event,
                    () = tokio::time::sleep_until(until) => None,
                };
                let Some(event) = event else { break };
                let mut failed = None;
                let mut batch = Vec::new();
                let mut next = Some(event);
                while let Some(event) = next.take() {
                    match event {
                        Ok(event) => self.take(event, &mut batch),
                        Err(e) => failed = Some(e),
                    }
                    // What is there already goes along.
                    if failed.is_none() && batch.len() < BATCH {
                        next = stream.next().now_or_never().flatten();
                    }
                }
                if !batch.is_empty() {
                    if batch.iter().any(|seen| !matches!(seen, Seen::Change(Change::Listing(_)))) {
                        self.watches.cluster.heard(Ok(()));
                    }
                    pause = PAUSES.0;
                    if !self.tell(batch).await {
                        return;
                    }
                }
                if let Some(e) = failed {
                    if self.is_refused(&e) {
                        // An API server that has just come up knows no rights for a moment.
                        tokio::time::sleep(RELIST).await;
                        break;
                    }
                    let why = chain(&e);
                    tracing::debug!(kind = self.word, namespace = %self.namespace, "a watch failed: {why}");
                    if !matches!(e, watcher::Error::WatchError(_)) && !is_api(&e) {
                        self.watches.cluster.heard(Err(&why));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
            self.begins = WatchBegins::Refresh;
        }
    }

    fn take(&mut self, event: watcher::Event<K>, batch: &mut Vec<Seen>) {
        match event {
            watcher::Event::Init => {
                // What the watcher lists of its own accord, it lost.
                let begins = std::mem::replace(&mut self.begins, WatchBegins::Lost);
                self.watches.cluster.metrics().watched(self.word, begins);
                batch.extend(self.kind.map(|kind| Seen::Change(Change::Listing(kind))));
            }
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                batch.extend((self.read)(object, false));
            }
            watcher::Event::Delete(object) => batch.extend((self.read)(object, true)),
            watcher::Event::InitDone => {
                batch.extend(self.kind.map(|kind| Seen::Change(Change::Listed(kind))));
            }
        }
    }

    /// One message for all of it. False: nobody listens.
    async fn tell(&self, batch: Vec<Seen>) -> bool {
        let (mut changes, mut nodes) = (Vec::new(), Vec::new());
        for seen in batch {
            match seen {
                Seen::Change(change) => changes.push(change),
                Seen::Node(name, silent) => nodes.push((name, silent)),
            }
        }
        let message = match self.kind {
            Some(_) => FromCluster::Changed(Arc::clone(&self.namespace), Changes(changes)),
            None => FromCluster::Nodes(nodes),
        };
        self.watches.to_loop.send(Told::Cluster(message)).await.is_ok()
    }

    /// Whether the cluster does not let this coordinator watch what it can do without.
    fn is_refused(&self, error: &watcher::Error) -> bool {
        let (watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))) = error
        else {
            return false;
        };
        if status.code == 403 {
            if self.kind.is_none() {
                tracing::info!("nodes may not be watched here: a lost one shows only by its pods, which takes longer");
                return true;
            }
            let (kind, namespace) = (self.word, &self.namespace);
            tracing::error!(
                "{kind} in namespace {namespace} may not be watched: {}; `wharf cluster apply` gives what is needed",
                status.message
            );
        }
        false
    }
}

/// Whether the API server said it, and so answers.
fn is_api(error: &watcher::Error) -> bool {
    matches!(
        error,
        watcher::Error::InitialListFailed(kube::Error::Api(_))
            | watcher::Error::WatchStartFailed(kube::Error::Api(_))
            | watcher::Error::WatchFailed(kube::Error::Api(_))
    )
}

fn job(mut job: Job, gone: bool) -> Option<Seen> {
    slim_job(&mut job);
    let job = Box::new(job);
    Some(Seen::Change(if gone { Change::JobGone(job) } else { Change::Job(job) }))
}

fn pod(mut pod: Pod, gone: bool) -> Option<Seen> {
    slim_pod(&mut pod);
    let pod = Box::new(pod);
    Some(Seen::Change(if gone { Change::PodGone(pod) } else { Change::Pod(pod) }))
}

fn quota(mut quota: ResourceQuota, gone: bool) -> Option<Seen> {
    quota.metadata.managed_fields = None;
    Some(Seen::Change(if gone { Change::QuotaGone(quota.name_any()) } else { Change::Quota(Box::new(quota)) }))
}

/// A node is silent where its Ready is Unknown.
fn node(node: Node, gone: bool) -> Option<Seen> {
    let ready = node.status.as_ref().and_then(|s| s.conditions.as_ref()?.iter().find(|c| c.type_ == "Ready"));
    let silent = ready.is_some_and(|c| c.status == "Unknown");
    Some(Seen::Node(node.name_any(), (!gone).then_some(silent)))
}
