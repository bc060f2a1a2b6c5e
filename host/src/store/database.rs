use super::prune;
use super::record::Recorder;
use super::types::{Append, Expired, Keep};
use super::{StoreError, schema};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;
use wharf_core::event::{Event, RunId};
use wharf_core::time::Timestamp;

/// Length of the write-ahead log at which it is carried over into the database, in pages of 4 KiB.
const CHECKPOINT_PAGES: i64 = 4_000;

/// The database, opened for writing, one transaction a call. Blocks; [`super::SqliteStore`] has it on a thread of its own.
#[derive(Debug)]
pub struct Database {
    conn: Connection,
    /// None after a transaction that failed: what it remembers may not be so.
    recorder: Option<Recorder>,
}

impl Database {
    /// Opens a database, makes it where there is none, brings an older one to the present format. The caller holds the
    /// [`super::StoreLock`] of its folder.
    ///
    /// # Errors
    /// [`StoreError::Newer`], or what SQLite says.
    pub fn open(path: &Path) -> Result<Database, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(Duration::from_secs(5))?;
        schema::check(&conn, path)?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        conn.pragma_update(None, "journal_size_limit", 4 * CHECKPOINT_PAGES * 4_096)?;
        conn.pragma_update(None, "cache_size", -8_192)?;
        conn.pragma_update(None, "temp_store", "memory")?;
        conn.set_prepared_statement_cache_capacity(64);
        schema::migrate(&mut conn, path)?;
        Ok(Database { conn, recorder: None })
    }

    /// Records batches, all or none.
    ///
    /// # Errors
    /// What SQLite says; [`StoreError::UnknownVersion`] and [`StoreError::UnknownRun`] where an entry names what the
    /// store does not hold. Nothing is recorded then.
    pub fn append(&mut self, batches: &[Append]) -> Result<(), StoreError> {
        self.write(|conn, recorder| recorder.append(conn, batches))
    }

    /// Drops final runs and what else nothing keeps; see [`super::Store::prune`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn prune(&mut self, runs: &[RunId], keep: &Keep, now: Timestamp) -> Result<Expired, StoreError> {
        let expired = self.write(|conn, _| prune::expire(conn, runs, keep, now));
        self.recorder = None;
        expired
    }

    /// See [`super::Store::removed`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn removed(&mut self, expired: &Expired) -> Result<(), StoreError> {
        self.write(|conn, _| prune::removed(conn, expired))
    }

    /// See [`super::Store::suspect`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn suspect(&mut self, tenant: &str, digests: &[String], now: Timestamp) -> Result<(), StoreError> {
        self.write(|conn, _| prune::suspect(conn, tenant, digests, now))
    }

    /// Works out anew all rows that follow from events. What outlived the events that it followed from stays.
    ///
    /// # Errors
    /// What SQLite says; [`StoreError::Damaged`] where events do not fit one another.
    pub fn rebuild(&mut self) -> Result<(), StoreError> {
        self.recorder = None;
        self.write(|conn, recorder| {
            conn.execute_batch(
                "DELETE FROM success WHERE run IN (SELECT id FROM run);
                 DELETE FROM partition WHERE run IN (SELECT id FROM run);
                 DELETE FROM artifact WHERE run IN (SELECT id FROM run);
                 DELETE FROM fan_out; DELETE FROM run_version; DELETE FROM run;",
            )?;
            let mut events = conn.prepare(
                "SELECT run, seq, at, body FROM entry WHERE run NOT IN (SELECT run FROM gone_run) ORDER BY seq",
            )?;
            let mut rows = events.query([])?;
            while let Some(row) = rows.next()? {
                let run = RunId(row.get::<_, i64>(0)? as u64);
                let event: Event = serde_json::from_slice(row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?)?;
                recorder.project(conn, run, row.get(1)?, Timestamp::from_micros(row.get(2)?), &event)?;
            }
            Ok(())
        })
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Recorder) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut recorder = match self.recorder.take() {
            Some(recorder) => recorder,
            None => Recorder::new(&self.conn)?,
        };
        let conn = &self.conn;
        conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let done = work(conn, &mut recorder).and_then(|answer| {
            conn.prepare_cached("COMMIT")?.execute([])?;
            Ok(answer)
        });
        match &done {
            Ok(_) => self.recorder = Some(recorder),
            // Some errors have ended the transaction already.
            Err(_) if !conn.is_autocommit() => {
                conn.execute_batch("ROLLBACK")?;
            }
            Err(_) => {}
        }
        done
    }

    /// The connection, for a test that looks at rows or sets a limit.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.conn
    }
}
