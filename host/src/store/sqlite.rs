use super::types::{Append, Expired, Keep, StoreState};
use super::writer::{Command, Upkeep, Writer};
use super::{Database, Reads, SqliteReads, Store, StoreError, StoreLock, prune, recover};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;
use wharf_core::scheduler::Recovered;
use wharf_core::time::Timestamp;

/// The store of one machine: SQLite with a write-ahead log, each commit synced, one thread that writes.
///
/// Dropping it writes what is queued, if that can be written, and then lets go of the lock.
#[derive(Debug)]
pub struct SqliteStore {
    queue: Mutex<Queue>,
    durable: watch::Receiver<u64>,
    state: watch::Receiver<StoreState>,
    reads: Arc<SqliteReads>,
    thread: Option<JoinHandle<()>>,
    _lock: StoreLock,
}

#[derive(Debug)]
struct Queue {
    last: u64,
    /// None only while the store is dropped.
    commands: Option<Sender<Command>>,
}

impl SqliteStore {
    /// Opens the store in a state folder for writing; makes folder and store where there are none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it, [`StoreError::Newer`] where a later wharf wrote it,
    /// [`StoreError::File`] or [`StoreError::Database`] where it cannot be used.
    pub fn open(dir: &Path) -> Result<SqliteStore, StoreError> {
        let fail = |source| StoreError::File { what: "make", path: dir.to_owned(), source };
        // Outputs and logs are nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
        let lock = StoreLock::take(dir)?;
        let database = Database::open(&super::database_path(dir))?;
        SqliteStore::start(dir, database, lock)
    }

    /// Starts the thread that writes to a database that was opened before.
    ///
    /// # Errors
    /// [`StoreError`] where the database cannot be read or no thread can be had.
    pub fn start(dir: &Path, database: Database, lock: StoreLock) -> Result<SqliteStore, StoreError> {
        let reads = Arc::new(SqliteReads::open(dir)?);
        let (commands, receiver) = channel();
        let (durable, durable_seen) = watch::channel(0);
        let (state, state_seen) = watch::channel(StoreState::Ok);
        let writer = Writer { database, commands: receiver, durable, state };
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|source| StoreError::File { what: "start the thread for", path: dir.to_owned(), source })?;
        Ok(SqliteStore {
            queue: Mutex::new(Queue { last: 0, commands: Some(commands) }),
            durable: durable_seen,
            state: state_seen,
            reads,
            thread: Some(thread),
            _lock: lock,
        })
    }

    fn upkeep(&self, work: Upkeep) -> Result<Expired, StoreError> {
        let (answer, result) = sync_channel(1);
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = queue.commands.as_ref().ok_or(StoreError::Closed)?;
        commands.send(Command::Upkeep(work, answer)).map_err(|_| StoreError::Closed)?;
        drop(queue);
        result.recv().map_err(|_| StoreError::Closed)?
    }
}

impl Store for SqliteStore {
    fn append(&self, append: Append) -> u64 {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.last += 1;
        if let Some(commands) = &queue.commands {
            // The thread ends before the store only by a panic; then nothing becomes durable any more, which shows.
            let _ = commands.send(Command::Append(append));
        }
        queue.last
    }

    fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    fn state(&self) -> watch::Receiver<StoreState> {
        self.state.clone()
    }

    fn recover(&self) -> Result<Recovered, StoreError> {
        self.reads.with(recover::recover)
    }

    fn prune(&self, keep: &Keep, now: Timestamp) -> Result<Expired, StoreError> {
        let runs = self.reads.with(|conn| prune::candidates(conn, keep, now))?;
        self.upkeep(Upkeep::Prune(runs, keep.clone(), now))
    }

    fn removed(&self, expired: &Expired) -> Result<(), StoreError> {
        self.upkeep(Upkeep::Removed(expired.clone())).map(|_| ())
    }

    fn suspect(&self, tenant: &str, digests: &[String], now: Timestamp) -> Result<(), StoreError> {
        let work = Upkeep::Suspect { tenant: tenant.to_owned(), digests: digests.to_vec(), now };
        self.upkeep(work).map(|_| ())
    }

    fn reads(&self) -> Arc<dyn Reads> {
        self.reads.clone()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}
