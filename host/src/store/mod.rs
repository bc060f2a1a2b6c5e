//! What is recorded, and how it is read back. [`Store`] is what the coordinator writes through; [`Reads`] is what
//! everything that only looks goes by, whether a coordinator runs or not.
//!
//! The events of runs are the truth: a run's row, the latest success of a partition and the references to artifacts
//! follow from them, are written in the same transaction, and can be worked out anew (`Database::rebuild`).
//! Ticks, cursors, backfills and versions of flows are records of their own.

mod database;
mod detail;
mod error;
mod lock;
mod prune;
mod reads;
mod record;
mod recover;
mod schema;
mod sqlite;
mod success;
mod types;
mod upkeep;
mod writer;

pub use database::Database;
pub use detail::{AttemptDetail, FanOut, RunDetail, TaskDetail};
pub use error::StoreError;
pub use lock::StoreLock;
pub use reads::{Reads, SqliteReads};
pub use schema::VERSION;
pub use sqlite::SqliteStore;
pub use types::{
    Append, ArtifactRow, AttemptFilter, BackfillRow, Expired, ExpiredRun, Keep, KeptRuns, RunCounts, RunFilter, RunRow,
    StoreState, Tenants,
};
pub use upkeep::{Stores, Upkeep};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use wharf_core::scheduler::Recovered;
use wharf_core::time::Timestamp;

/// Keeps what is recorded. One process writes at a time.
pub trait Store: Send + Sync {
    /// Hands a batch over to be recorded, all or none, after every batch handed over before. Does not wait. The answer
    /// is the batch's number, from 1: it is durable once [`Store::durable`] shows that number or a higher one.
    ///
    /// `append.flows` must hold each version of a flow that its entries pin; one that is known already costs nothing.
    fn append(&self, append: Append) -> u64;

    /// The highest number of a durable batch; 0 before the first. All lower ones are durable too.
    fn durable(&self) -> watch::Receiver<u64>;

    /// Whether what is handed over gets recorded. While it is [`StoreState::Failing`] every batch is kept and tried
    /// again; whoever appends should start nothing new.
    fn state(&self) -> watch::Receiver<StoreState>;

    /// What a coordinator needs to go on from where the last one stopped.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    fn recover(&self) -> Result<Recovered, StoreError>;

    /// Drops final runs that nothing keeps any more, a bounded number of rows a call. The answer names files that are
    /// to be removed; tell [`Store::removed`] when they are. Blocks until the batches handed over before are recorded.
    ///
    /// The caller must load no final run back in between: it may be the one that goes.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written; nothing was dropped then.
    fn prune(&self, keep: &Keep, now: Timestamp) -> Result<Expired, StoreError>;

    /// The files that `expired` names are removed. Blocks as [`Store::prune`] does.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written; the same files are named again later.
    fn removed(&self, expired: &Expired) -> Result<(), StoreError>;

    /// For everything that only looks.
    fn reads(&self) -> Arc<dyn Reads>;

    /// Names artifacts that lie in the artifact store and that no run may refer to: those that no run does refer to are
    /// named by a later [`Store::prune`]. Blocks as [`Store::prune`] does.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    fn suspect(&self, tenant: &str, digests: &[String], now: Timestamp) -> Result<(), StoreError>;
}

/// The database's file in a state folder.
#[must_use]
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join("wharf.db")
}
