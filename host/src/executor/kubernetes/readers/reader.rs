//! The pod of one claim.

use super::Inner;
use super::job::Made;
use crate::depots::Owner;
use crate::executor::kubernetes::client::Cluster;
use crate::executor::kubernetes::deadline::REFUSED;
use crate::executor::kubernetes::single::{self, Known};
use crate::executor::kubernetes::status::{End, Observation};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::claim::PORT;
use wharf_depot::chain;
use wharf_depot::claim::{Activity, Dial, NoWay, Way};

/// How long one try waits for the pod to run; the pod is kept, and the next try finds it further.
const START: Duration = Duration::from_secs(20);
/// How long the pod is kept with nothing to do.
const IDLE: Duration = Duration::from_secs(60);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The pod of one claim, or that there is none at the moment.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) shared: Arc<Inner>,
    pub(super) owner: Owner,
    pub(super) claim_name: String,
    activity: Arc<Activity>,
    made: tokio::sync::Mutex<Option<Arc<Made>>>,
    /// Since when the API server refuses for want of rights: one that has just come up knows none for a moment.
    refused: Mutex<Option<Instant>>,
}

/// A reader as whoever asks sees it.
#[derive(Debug)]
pub(super) struct Dialled(pub(super) Arc<Reader>);

/// Why the pod cannot be used.
pub(super) enum Down {
    /// It may be later on.
    Yet(String),
    /// Another one is to be made.
    Gone(String),
    /// There is no right to it.
    Forbidden(String),
}

#[async_trait]
impl Dial for Dialled {
    async fn dial(&self) -> Result<Way, NoWay> {
        let reader = &self.0;
        let cluster = reader.shared.cluster().await.map_err(|e| NoWay::Yet(e.to_string()))?;
        let way = async {
            let made = reader.made(cluster).await?;
            match reader.reach(cluster, &made).await {
                Err(Down::Gone(why)) => {
                    reader.end().await;
                    Err(Down::Yet(why))
                }
                way => way,
            }
        };
        let said = |why: String| format!("the pod that serves the claim {}: {why}", reader.shown());
        match way.await {
            Ok(way) => {
                *reader.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(way)
            }
            Err(Down::Forbidden(why)) if reader.refused_for() >= REFUSED => {
                Err(NoWay::Refused(said(format!("{why}; `wharf cluster apply` gives the rights that are needed"))))
            }
            Err(Down::Forbidden(why) | Down::Yet(why) | Down::Gone(why)) => Err(NoWay::Yet(said(why))),
        }
    }
}

impl Reader {
    pub(super) fn new(shared: Arc<Inner>, owner: Owner, claim_name: String) -> Reader {
        let (activity, made, refused) = (Arc::default(), tokio::sync::Mutex::default(), Mutex::default());
        Reader { shared, owner, claim_name, activity, made, refused }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Removes the pod, if there is one.
    pub(super) async fn end(&self) {
        let made = self.made.lock().await.take();
        if let (Some(made), Some(cluster)) = (made, self.shared.cluster.get()) {
            made.remove(cluster).await;
        }
    }

    fn shown(&self) -> String {
        match &self.owner {
            Owner::Tenant(name) => format!("{name}/{}", self.claim_name),
            Owner::Operator => self.claim_name.clone(),
        }
    }

    fn refused_for(&self) -> Duration {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now).elapsed()
    }

    /// The Job that there is, or a new one.
    async fn made(self: &Arc<Self>, cluster: &Cluster) -> Result<Arc<Made>, Down> {
        let mut slot = self.made.lock().await;
        if let Some(made) = &*slot {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(self.make(cluster).await?);
        *slot = Some(Arc::clone(&made));
        tokio::spawn(watch_over(Arc::downgrade(self)));
        Ok(made)
    }

    /// A way to the pod, as soon as it runs.
    async fn reach(&self, cluster: &Cluster, made: &Made) -> Result<Way, Down> {
        let pod = running(cluster, made).await?;
        let api: Api<Pod> = Api::namespaced(cluster.client().clone(), &made.namespace);
        let mut forwarder = api.portforward(&pod, &[PORT]).await.map_err(|e| match e {
            kube::Error::Api(status) if status.code == 403 => Down::Forbidden(status.message.clone()),
            kube::Error::Api(status) if status.code == 404 => Down::Gone(status.message.clone()),
            other => Down::Yet(chain(&other)),
        })?;
        let stream = forwarder.take_stream(PORT).ok_or_else(|| Down::Yet("no way to its port".to_owned()))?;
        if let Some(failed) = forwarder.take_error(PORT) {
            tokio::spawn(async move {
                if let Some(why) = failed.await {
                    tracing::debug!(%pod, "a way to a pod that serves ends: {}", why.trim());
                    // Nothing more comes, but nothing else says so.
                    forwarder.abort();
                }
            });
        }
        Ok(Way::new(stream, &made.token))
    }
}

impl Drop for Reader {
    /// The config names another claim by now, or none.
    fn drop(&mut self) {
        let made = self.made.get_mut().take();
        if let (Some(made), Ok(tokio)) = (made, tokio::runtime::Handle::try_current()) {
            let shared = Arc::clone(&self.shared);
            tokio.spawn(async move {
                if let Some(cluster) = shared.cluster.get() {
                    made.remove(cluster).await;
                }
            });
        }
    }
}

/// Removes the pod once nothing was asked of it for a while.
async fn watch_over(reader: Weak<Reader>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(reader) = reader.upgrade() else { return };
        if reader.activity.idle() >= IDLE {
            return reader.end().await;
        }
        if reader.made.lock().await.is_none() {
            return;
        }
    }
}

/// The name of the Job's pod, as soon as it runs.
async fn running(cluster: &Cluster, made: &Made) -> Result<String, Down> {
    let mut known = Known::new(made.uid.clone());
    let mut seen = single::watch(cluster.client(), &made.namespace, &made.name, &made.uid);
    let (until, mut waits) = (Instant::now() + START, "the API server does not answer".to_owned());
    loop {
        match known.observe() {
            Some(Observation::Running) => {
                return known.pod().and_then(|pod| pod.metadata.name.clone()).ok_or(Down::Yet(waits));
            }
            Some(Observation::Gone) => return Err(Down::Gone("its Job was deleted".to_owned())),
            Some(Observation::Stopping(_, why)) => return Err(Down::Gone(why)),
            Some(Observation::Ended(ending)) => {
                return Err(Down::Gone(match ending.end {
                    End::Fallback(_, why) => why,
                    End::Report(_) => "it ended".to_owned(),
                }));
            }
            Some(Observation::Waiting(waiting)) => waits = waiting.to_string(),
            None => {}
        }
        match tokio::time::timeout_at(until, seen.next()).await {
            Ok(Some(Ok(saw))) => known.take(saw),
            Ok(Some(Err(e))) => match single::forbidden(&e) {
                Some(said) => return Err(Down::Forbidden(said.to_owned())),
                None => waits = chain(&e),
            },
            Ok(None) | Err(_) => return Err(Down::Yet(waits)),
        }
    }
}
