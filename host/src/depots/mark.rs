//! The object that says whose a tenant's store is.

use super::{DepotsError, Owner};
use wharf_depot::{Depot, Error, keys};

/// Where it lies.
pub(super) const KEY: &str = keys::OWNER;
/// Largest one in bytes that is read.
const MAX: u64 = 256;

/// Why a store cannot be taken for ours.
pub(super) enum NotOurs {
    Store(Error),
    Theirs { theirs: String, ours: String },
}

impl NotOurs {
    pub(super) fn of(self, owner: Owner) -> DepotsError {
        match self {
            NotOurs::Store(source) => DepotsError::Unusable { owner, source },
            NotOurs::Theirs { theirs, ours } => DepotsError::NotOurs { owner, theirs, ours },
        }
    }
}

/// Makes sure that the store belongs to this coordinator, and makes it so where it belongs to none.
pub(super) async fn own(depot: &Depot, instance: &str) -> Result<(), NotOurs> {
    loop {
        if let Some((bytes, _)) = depot.get_tagged(KEY, MAX).await.map_err(NotOurs::Store)? {
            let theirs = String::from_utf8_lossy(&bytes).trim().to_owned();
            return match theirs == instance {
                true => Ok(()),
                false => Err(NotOurs::Theirs { theirs, ours: instance.to_owned() }),
            };
        }
        match depot.put_if(KEY, format!("{instance}\n").into_bytes(), None).await {
            // Read again, since it may have been us: an answer can be lost on its way.
            Ok(()) | Err(Error::Changed { .. }) => {}
            Err(e) => return Err(NotOurs::Store(e)),
        }
    }
}
