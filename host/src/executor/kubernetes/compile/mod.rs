//! Has components compiled: each once, by a Job in the operator's namespace, whose sealed result is copied into the store of
//! each tenant that needs it. Pods of tasks find it there and never compile.
//!
//! What was compiled is noted in the operator's store, so that a later coordinator, or another tenant, finds it again.

mod flights;
mod follow;
mod index;
mod job;
mod source;
mod state;
mod sweep;

use super::Compiled;
use super::client::Cluster;
use super::deadline::REFUSED;
use super::labels::Maker;
use super::office::Tries;
use crate::cluster::{COMPILER, PUBLIC};
use crate::depots::{Depots, DepotsError};
use crate::executor::Failure;
use flights::Flights;
use futures_util::future::BoxFuture;
use index::Index;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_contract::pod::{CompiledComponent, StoredObject};
use wharf_core::plan::{Component, Kubernetes, Tenant};
use wharf_depot::{Depot, Digest};

/// Jobs that compile at one time. More wait, and use nothing meanwhile.
const AT_ONCE: usize = 8;
/// Largest compiled component in bytes: what the runtime loads at the most.
const MAX_COMPILED: u64 = 1 << 30;

/// Has components compiled in a cluster.
pub(super) struct Compiler {
    workshop: Arc<Workshop>,
    /// By digest: compiled, and in the operator's store.
    compiled: Arc<Flights<String, (StoredObject, String)>>,
    /// By tenant, its store and digest: also in the tenant's store.
    copied: Flights<(String, String, String), CompiledComponent>,
}

/// What compiling works with.
struct Workshop {
    cluster: Cluster,
    settings: Arc<Kubernetes>,
    depots: Depots,
    /// Id of the coordinator's store.
    instance: String,
    /// The leader's epoch.
    epoch: u64,
    room: Semaphore,
    /// Names of the Jobs that somebody waits for.
    wanted: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("instance", &self.workshop.instance).finish_non_exhaustive()
    }
}

impl Compiler {
    /// A compiler for the coordinator whose store has this id. Removes what earlier coordinators of that store left, now
    /// and from time to time, as long as it is there. Needs a tokio runtime.
    pub(super) fn new(
        cluster: Cluster,
        settings: Arc<Kubernetes>,
        depots: Depots,
        instance: String,
        epoch: u64,
    ) -> Compiler {
        let workshop = Arc::new(Workshop {
            cluster,
            settings,
            depots,
            instance,
            epoch,
            room: Semaphore::new(AT_ONCE),
            wanted: Mutex::default(),
        });
        tokio::spawn(sweep::sweep(Arc::downgrade(&workshop)));
        Compiler { workshop, compiled: Arc::new(Flights::new()), copied: Flights::new() }
    }
}

impl Compiled for Compiler {
    fn get<'a>(
        &'a self,
        tenant: &'a Tenant,
        component: &'a Component,
    ) -> BoxFuture<'a, Result<CompiledComponent, (Cause, String)>> {
        Box::pin(async move {
            // A store that moved has nothing yet.
            let store = serde_json::to_string(&tenant.artifact_store).unwrap_or_default();
            let key = (tenant.name.clone(), store, component.digest.clone());
            let (workshop, compiled) = (Arc::clone(&self.workshop), Arc::clone(&self.compiled));
            let (tenant, component) = (tenant.name.clone(), component.clone());
            let done = self.copied.get(key, || async move {
                let digest = component.digest.clone();
                let shop = Arc::clone(&workshop);
                let (object, public_key) =
                    compiled.get(digest, || async move { shop.compiled(&component).await }).await?;
                workshop.copy(&tenant, &object).await?;
                Ok(CompiledComponent { object, public_key })
            });
            done.await.map_err(|failure| (failure.cause, failure.message))
        })
    }
}

impl Workshop {
    fn maker(&self) -> Maker<'_> {
        Maker { instance: &self.instance, epoch: self.epoch }
    }

    /// The compiled form in the operator's store, and the key that it is sealed with.
    async fn compiled(&self, component: &Component) -> Result<(StoredObject, String), Failure> {
        let public_key = self.public_key().await?;
        let depot = self.depots.operator().await.map_err(|e| depots_failure(&e))?;
        let index = Index::new(&self.settings, &public_key);
        if let Some(object) = index.find(&depot, &component.digest).await? {
            return Ok((object, public_key));
        }
        // Closed never.
        let _room = self.room.acquire().await;
        let object = self.run(component, &depot, &index).await?;
        Ok((object, public_key))
    }

    /// The compiler's public key in hex, as `wharf cluster apply` left it.
    async fn public_key(&self) -> Result<String, Failure> {
        let namespace = &self.settings.namespace;
        let api: Api<ConfigMap> = Api::namespaced(self.cluster.client().clone(), namespace);
        let shown = format!("ConfigMap {namespace}/{COMPILER}");
        let advice = "run `wharf cluster apply`, which makes it";
        let failed = |cause, why: String| Failure::new(cause, format!("the compiler's key cannot be had: {why}"));
        let (mut tries, began) = (Tries::new(), Instant::now());
        let map = loop {
            match api.get_opt(COMPILER).await {
                Ok(map) => break map,
                // One that has just come up knows no rights for a moment.
                Err(kube::Error::Api(status)) if status.code == 403 && began.elapsed() >= REFUSED => {
                    let why = format!("{}; {advice}, and gives the right to read it", status.message);
                    return Err(failed(Cause::PodRejected, why));
                }
                // An API server that is away is waited for, as with every other call: no attempt fails by it.
                Err(error) => {
                    tracing::debug!("{shown} cannot be read yet: {}", wharf_depot::chain(&error));
                    tries.pause().await;
                }
            }
        };
        let map = map.ok_or_else(|| failed(Cause::PodRejected, format!("there is no {shown}; {advice}")))?;
        let key = map.data.unwrap_or_default().remove(PUBLIC).unwrap_or_default();
        let is_key = key.len() == 64 && key.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_key.then_some(key).ok_or_else(|| {
            failed(Cause::PodRejected, format!("{shown} has no `{PUBLIC}` of 64 hex digits; delete it, and {advice}"))
        })
    }

    /// Copies a compiled component from the operator's store into a tenant's, unless it is there.
    async fn copy(&self, tenant: &str, object: &StoredObject) -> Result<(), Failure> {
        let from = self.depots.operator().await.map_err(|e| depots_failure(&e))?;
        let to = self.depots.tenant(tenant).await.map_err(|e| depots_failure(&e))?;
        copy(&from, &to, object).await.map_err(|e| depot_failure(&e))
    }
}

/// The key of an object is that of its component, so what lies there may have been sealed with an earlier key: a note beside
/// it says which content it has.
async fn copy(from: &Depot, to: &Depot, object: &StoredObject) -> Result<(), wharf_depot::Error> {
    let note = format!("{}.json", object.key);
    if index::read(to, &note).await?.as_ref() == Some(object)
        && to.head(&object.key).await?.is_some_and(|there| there.size == object.size)
    {
        return Ok(());
    }
    let digest = Digest::parse(&object.digest)
        .ok_or_else(|| wharf_depot::Error::Settings(format!("`{}` is no digest", object.digest)))?;
    let local = |e: std::io::Error| wharf_depot::Error::Local(format!("no temporary file can be made: {e}"));
    let folder = tempfile::tempdir().map_err(local)?;
    let file = folder.path().join("compiled");
    from.get_file(&object.key, &file, MAX_COMPILED, &digest).await?;
    to.put_file(&object.key, &file, &digest).await?;
    index::write(to, &note, object).await
}

/// A store that does not answer, or refuses, is nobody's fault who wrote a task.
fn depot_failure(error: &wharf_depot::Error) -> Failure {
    Failure::new(Cause::Internal, format!("its component's compiled form cannot be had: {error}"))
}

fn depots_failure(error: &DepotsError) -> Failure {
    Failure::new(Cause::Internal, format!("its component's compiled form cannot be had: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depot(path: &std::path::Path) -> Depot {
        Depot::open(&wharf_contract::StoreLocation::Folder { path: path.to_owned() }, None, None).unwrap()
    }

    #[tokio::test]
    async fn a_copy_is_made_once_and_anew_when_the_content_is_another() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (depot(a.path()), depot(b.path()));
        let object = |bytes: &[u8]| StoredObject {
            key: "compiled/x/1.cwasm".into(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
        };
        for content in [b"one", b"two"] {
            from.put("compiled/x/1.cwasm", content.to_vec()).await.unwrap();
            copy(&from, &to, &object(content)).await.unwrap();
            assert_eq!(to.get("compiled/x/1.cwasm", 99).await.unwrap(), content);
        }
        from.delete(vec!["compiled/x/1.cwasm".into()]).await.unwrap();
        copy(&from, &to, &object(b"two")).await.unwrap();
        to.delete(vec!["compiled/x/1.cwasm".into()]).await.unwrap();
        let gone = copy(&from, &to, &object(b"two")).await;
        assert!(matches!(gone, Err(wharf_depot::Error::NotFound { .. })), "{gone:?}");
        from.put("compiled/x/1.cwasm", b"bad".to_vec()).await.unwrap();
        let different = copy(&from, &to, &object(b"two")).await;
        assert!(matches!(different, Err(wharf_depot::Error::Different { .. })), "{different:?}");
    }
}
