use super::{Claims, DepotsError, Owner};
use std::path::Path;
use std::time::SystemTime;
use wharf_core::plan::ArtifactStore;
use wharf_depot::Depot;

/// A store that is open, and what it was opened with.
#[derive(Debug)]
pub(super) struct Opened {
    store: ArtifactStore,
    /// When the folder of its credentials last changed: credentials that are mounted are replaced as a whole.
    credentials: Option<SystemTime>,
    depot: Depot,
}

impl Opened {
    pub(super) fn new(owner: &Owner, store: ArtifactStore, claims: Option<&dyn Claims>) -> Result<Opened, DepotsError> {
        // Looked at first: what changes in between shows the next time.
        let credentials = changed(&store);
        let unusable = |source| DepotsError::Unusable { owner: owner.clone(), source };
        let depot = match &store {
            ArtifactStore::Object { location, coordinator_endpoint, coordinator_credentials, .. } => {
                Depot::open(location, coordinator_credentials.as_deref(), coordinator_endpoint.as_deref())
                    .map_err(unusable)?
            }
            ArtifactStore::Claim { claim_name } => match claims {
                Some(claims) => claims.open(owner, claim_name),
                None => {
                    let why = format!("there is no cluster here with the PersistentVolumeClaim `{claim_name}`");
                    return Err(unusable(wharf_depot::Error::Settings(why)));
                }
            },
        };
        Ok(Opened { store, credentials, depot })
    }

    pub(super) fn depot(&self) -> Depot {
        self.depot.clone()
    }

    /// The depot, if it is the one of these settings as they are now.
    pub(super) fn still(&self, store: &ArtifactStore) -> Option<Depot> {
        (self.store == *store && self.credentials == changed(store)).then(|| self.depot())
    }
}

fn changed(store: &ArtifactStore) -> Option<SystemTime> {
    let ArtifactStore::Object { coordinator_credentials: Some(folder), .. } = store else { return None };
    modified(folder)
}

fn modified(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder).and_then(|m| m.modified()).ok()
}
