mod stores;

pub use stores::Stores;

use super::types::{Expired, Keep};
use super::{Reads, Store, StoreError};
use crate::artifacts::Artifacts;
use crate::logs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use wharf_core::event::RunId;
use wharf_core::time::Timestamp;

/// Keeps a state folder small: carries out retention, and finds what a crash left behind. Blocks.
#[derive(Debug)]
pub struct Upkeep {
    state_dir: PathBuf,
    artifacts: Artifacts,
    stores: Stores,
    /// First byte of the artifacts that are looked at next; none when all were, once since the start.
    looked_at: Option<u8>,
}

impl Upkeep {
    /// For a state folder. Touches nothing.
    #[must_use]
    pub fn new(state_dir: &Path, artifacts: Artifacts, stores: Stores) -> Upkeep {
        Upkeep { state_dir: state_dir.to_owned(), artifacts, stores, looked_at: Some(0) }
    }

    /// Does a bounded piece of work. True: there is more to do at once; false: a minute later is soon enough.
    ///
    /// As with [`Store::prune`], no final run may be loaded for a retry in between: `alone` stands for that, and is dropped
    /// as soon as one may again.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written or a file cannot be removed. Nothing is lost track of by that.
    pub fn turn<A>(&mut self, store: &dyn Store, keep: &Keep, now: Timestamp, alone: A) -> Result<bool, StoreError> {
        let reads = store.reads();
        let mut expired = store.prune(keep, now)?;
        drop(alone);
        let more = expired.more;
        let removed = self.remove(&*reads, &mut expired);
        if !expired.runs.is_empty() || !expired.artifacts.is_empty() {
            store.removed(&expired)?;
        }
        removed?;
        let more = self.look_for_orphans(store, now)? || more;
        self.stores.sweep(store, now)?;
        Ok(more)
    }

    /// Removes files, and leaves in `expired` those that are gone.
    fn remove(&self, reads: &dyn Reads, expired: &mut Expired) -> Result<(), StoreError> {
        let mut failed = None;
        expired.runs.retain(|run| match self.remove_run(run.run) {
            Ok(()) => true,
            Err(e) => {
                failed = Some(e);
                false
            }
        });
        expired.artifacts.retain(|(tenant, digest)| {
            if self.stores.has(tenant) {
                return true;
            }
            let referenced = || reads.is_referenced(tenant, digest);
            self.artifacts.remove(tenant, digest, referenced).unwrap_or_else(|e| {
                failed = Some(e);
                false
            })
        });
        // The lists are worked off before a store is asked: what it cannot do must not keep files on the disk.
        self.stores.remove(&self.artifacts, reads, expired).err().or(failed).map_or(Ok(()), Err)
    }

    fn remove_run(&self, run: RunId) -> Result<(), StoreError> {
        logs::remove(&self.state_dir, run)?;
        match std::fs::remove_dir_all(self.state_dir.join("state").join(run.to_string())) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Artifacts that were taken over and never recorded, one part of the store a turn.
    fn look_for_orphans(&mut self, store: &dyn Store, now: Timestamp) -> Result<bool, StoreError> {
        let Some(first) = self.looked_at else { return Ok(false) };
        for tenant in self.artifacts.tenants()? {
            let digests = self.artifacts.list(&tenant, first)?;
            if !digests.is_empty() {
                store.suspect(&tenant, &digests, now)?;
            }
        }
        self.looked_at = first.checked_add(1);
        Ok(self.looked_at.is_some())
    }
}

impl From<io::Error> for StoreError {
    fn from(source: io::Error) -> StoreError {
        StoreError::Remove(source)
    }
}
