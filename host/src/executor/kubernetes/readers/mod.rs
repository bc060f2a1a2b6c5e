//! Stores in volumes: a pod of the namespace mounts the claim and serves it, and this coordinator reaches the pod through the
//! API server. One pod for each claim, from the first request on until nothing was asked for a while; one that is lost is
//! replaced by the next request.
//!
//! What goes over the connection is what [`wharf_contract::claim`] says. The pod listens on its own loopback, to which the
//! API server's port-forward leads whoever has the right to it, and wants a token that only this process knows; of that the
//! Job shows the digest.

mod job;
mod reader;

use super::access::Access;
use super::client::Cluster;
use crate::cluster::ClusterError;
use crate::depots::{Claims, Owner};
use crate::telemetry::ClusterMetrics;
use reader::{Dialled, Reader};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use wharf_core::plan::Plan;
use wharf_depot::Depot;
use wharf_depot::claim::Remote;

/// How long the pods may take to be removed at the end.
const GOODBYE: Duration = Duration::from_secs(5);

/// The pods that serve claims to this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Readers(Arc<Inner>);

struct Inner {
    access: Access,
    plan: watch::Receiver<Arc<Plan>>,
    instance: String,
    epoch: u64,
    metrics: ClusterMetrics,
    cluster: OnceCell<Cluster>,
    all: Mutex<Vec<Weak<Reader>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Readers {
    /// The pods of the coordinator whose store has this id and gave it this epoch, of whatever config `plan` holds. Nothing is
    /// asked of the cluster before a claim is.
    #[must_use]
    pub fn new(
        access: Access,
        plan: watch::Receiver<Arc<Plan>>,
        (instance, epoch): (&str, u64),
        metrics: ClusterMetrics,
    ) -> Readers {
        let (cluster, all, instance) = (OnceCell::new(), Mutex::default(), instance.to_owned());
        Readers(Arc::new(Inner { access, plan, instance, epoch, metrics, cluster, all }))
    }

    /// Those of one config, for a command that needs a store once. They are older than those of any coordinator, and so in
    /// nobody's way.
    #[must_use]
    pub fn of(access: Access, plan: Arc<Plan>, instance: &str) -> Readers {
        Readers::new(access, watch::channel(plan).1, (instance, 0), ClusterMetrics::default())
    }

    /// Removes the pods. What is asked for afterwards starts new ones.
    pub async fn close(&self) {
        let all: Vec<_> = self.all().iter().filter_map(Weak::upgrade).collect();
        let ended = futures_util::future::join_all(all.iter().map(|reader| reader.end()));
        // They end by themselves, a little later.
        drop(tokio::time::timeout(GOODBYE, ended).await);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Reader>>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims for Readers {
    fn open(&self, owner: &Owner, claim_name: &str) -> Depot {
        let reader = Arc::new(Reader::new(Arc::clone(&self.0), owner.clone(), claim_name.to_owned()));
        let mut all = self.all();
        all.retain(|reader| reader.strong_count() > 0);
        all.push(Arc::downgrade(&reader));
        let activity = Arc::clone(reader.activity());
        Depot::remote(Remote::new(Dialled(reader), activity))
    }
}

impl Inner {
    async fn cluster(&self) -> Result<&Cluster, ClusterError> {
        let made = async {
            let (client, _) = self.access.client(&self.metrics).await?;
            Ok(Cluster::new(client, self.metrics.clone()))
        };
        self.cluster.get_or_try_init(|| made).await
    }
}
