use std::path::PathBuf;
use std::sync::OnceLock;
use wharf_contract::StoreLocation;
use wharf_depot::{Depot, Error};

/// A store that is opened when it is first needed: what it takes (certificates, a client) costs more than the start of a
/// guest that never asks for it.
#[derive(Debug)]
pub struct Store {
    location: StoreLocation,
    credentials: Option<PathBuf>,
    depot: OnceLock<Result<Depot, Error>>,
}

impl Store {
    /// The store at this location, with the settings in this folder; without one, with those of the environment.
    #[must_use]
    pub fn new(location: StoreLocation, credentials: Option<PathBuf>) -> Store {
        Store { location, credentials, depot: OnceLock::new() }
    }

    /// The depot.
    ///
    /// # Errors
    /// Those of [`Depot::open`].
    pub fn depot(&self) -> Result<&Depot, Error> {
        let opened = self.depot.get_or_init(|| Depot::open(&self.location, self.credentials.as_deref(), None));
        opened.as_ref().map_err(Clone::clone)
    }
}
