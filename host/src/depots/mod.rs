//! The tenants' stores as the coordinator sees them: what outlives a pod lies there and not in the state folder.
//!
//! [`wharf_depot`] knows how to speak to a store; this knows whose store is which, and keeps each open. A tenant's store
//! belongs to one coordinator: runs are numbered by it, and what it does not know it removes.

mod claims;
mod error;
mod mark;
mod open;
mod url;

pub use claims::Claims;
pub use error::{DepotsError, Owner};

use open::Opened;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use wharf_core::plan::{ArtifactStore, Executor, Plan};
use wharf_depot::Depot;

/// The stores of the config in use, opened when they are first asked for and again when their settings change. Clones
/// share what is open.
#[derive(Debug, Clone)]
pub struct Depots {
    plan: watch::Receiver<Arc<Plan>>,
    instance: Arc<str>,
    open: Arc<Mutex<HashMap<Owner, Slot>>>,
    claims: Option<Arc<dyn Claims>>,
}

/// One store: whoever needs it waits for whoever opens it, and for nobody who opens another one.
type Slot = Arc<tokio::sync::Mutex<Option<Opened>>>;

impl Depots {
    /// The stores of whatever config `plan` holds. Opens nothing. `instance` is the coordinator's own name: see
    /// [`crate::store::Reads::instance`].
    #[must_use]
    pub fn new(plan: watch::Receiver<Arc<Plan>>, instance: &str) -> Depots {
        Depots { plan, instance: instance.into(), open: Arc::default(), claims: None }
    }

    /// The same, with a way to claims.
    #[must_use]
    pub fn with_claims(self, claims: impl Claims) -> Depots {
        Depots { claims: Some(Arc::new(claims)), ..self }
    }

    /// The stores of one config.
    #[must_use]
    pub fn of(plan: Arc<Plan>, instance: &str) -> Depots {
        Depots::new(watch::channel(plan).1, instance)
    }

    /// The store of a tenant.
    ///
    /// # Errors
    /// [`DepotsError`], in words that name the tenant and the setting.
    pub async fn tenant(&self, name: &str) -> Result<Depot, DepotsError> {
        self.get(Owner::Tenant(name.to_owned())).await
    }

    /// The operator's store.
    ///
    /// # Errors
    /// As [`Depots::tenant`].
    pub async fn operator(&self) -> Result<Depot, DepotsError> {
        self.get(Owner::Operator).await
    }

    /// Whether a tenant has a store.
    #[must_use]
    pub fn has(&self, tenant: &str) -> bool {
        self.plan.borrow().tenants.get(tenant).is_some_and(|t| t.artifact_store.is_some())
    }

    /// Tenants that have a store.
    #[must_use]
    pub fn tenants(&self) -> Vec<String> {
        let plan = self.plan.borrow();
        plan.tenants.values().filter(|t| t.artifact_store.is_some()).map(|t| t.name.clone()).collect()
    }

    /// Where a tenant's store is, for people: `s3://bucket/prefix`. None where it has none.
    #[must_use]
    pub fn url(&self, tenant: &str) -> Option<String> {
        let plan = self.plan.borrow();
        plan.tenants.get(tenant)?.artifact_store.as_ref().map(|store| url::of(store, tenant))
    }

    async fn get(&self, owner: Owner) -> Result<Depot, DepotsError> {
        let store = self.setting(&owner)?;
        let slot = self.slot(&owner);
        let mut slot = slot.lock().await;
        if let Some(depot) = slot.as_ref().and_then(|opened| opened.still(&store)) {
            return Ok(depot);
        }
        let opened = Opened::new(&owner, store, self.claims.as_deref())?;
        let depot = opened.depot();
        if let Owner::Tenant(_) = &owner {
            mark::own(&depot, &self.instance).await.map_err(|why| why.of(owner))?;
        }
        *slot = Some(opened);
        Ok(depot)
    }

    fn slot(&self, owner: &Owner) -> Slot {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(owner) {
            let plan = self.plan.borrow();
            open.retain(|owner, _| match owner {
                Owner::Tenant(name) => plan.tenants.contains_key(name),
                Owner::Operator => true,
            });
        }
        Arc::clone(open.entry(owner.clone()).or_default())
    }

    /// What the config says of this store.
    fn setting(&self, owner: &Owner) -> Result<ArtifactStore, DepotsError> {
        let plan = self.plan.borrow();
        match owner {
            Owner::Operator => match &plan.coordinator.executor {
                Executor::Kubernetes(kubernetes) => Ok(kubernetes.artifact_store.clone()),
                Executor::Local => Err(DepotsError::NotConfigured(owner.clone())),
            },
            Owner::Tenant(name) => match plan.tenants.get(name) {
                None => Err(DepotsError::UnknownTenant(name.clone())),
                Some(tenant) => tenant.artifact_store.clone().ok_or_else(|| DepotsError::NotConfigured(owner.clone())),
            },
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
