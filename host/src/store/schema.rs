//! Tables, and how those of older formats become these.

use super::StoreError;
use rusqlite::Connection;
use std::path::Path;

/// The format that this code writes; kept as `user_version`.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Each brings a database from the format of its position to the next one. A released one is never edited.
const MIGRATIONS: [&str; 3] = [V1, V2, V3];

const V1: &str = "
-- Highest numbers given out, which outlive what they were given to: run, backfill, and of seq that may have been.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('seq', 0), ('run', 0), ('backfill', 0);

-- cursor: ticks up to here need no more looking at.
CREATE TABLE flow (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, cursor INTEGER,
    UNIQUE (tenant, name));
CREATE TABLE flow_version (id INTEGER PRIMARY KEY, flow INTEGER NOT NULL, digest TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL);

-- The truth: events of runs, numbered over all runs in the order of recording, with gaps.
CREATE TABLE entry (run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (run, seq)) WITHOUT ROWID;

-- Follows from entry. created_seq is where its first event stands, which holds all else that is known of it.
CREATE TABLE run (id INTEGER PRIMARY KEY, flow INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL,
    backfill INTEGER, partition TEXT, created INTEGER NOT NULL, created_seq INTEGER NOT NULL, ended INTEGER);
CREATE INDEX run_by_flow ON run (flow, state, id);
CREATE INDEX run_by_state ON run (state, id);
CREATE INDEX run_by_backfill ON run (backfill, state, id) WHERE backfill IS NOT NULL;
-- Follows from entry: every version of its flow that a run was ever pinned to.
CREATE TABLE run_version (version INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (version, run)) WITHOUT ROWID;
CREATE INDEX run_version_by_run ON run_version (run);

-- Follows from entry: the latest success of each task of each partition. Outlives its run.
CREATE TABLE success (flow INTEGER NOT NULL, partition TEXT NOT NULL, task TEXT NOT NULL, run INTEGER NOT NULL,
    seq INTEGER NOT NULL, at INTEGER NOT NULL, output BLOB NOT NULL,
    PRIMARY KEY (flow, partition, task)) WITHOUT ROWID;
CREATE INDEX success_by_run ON success (run);
-- Follows from entry: how the latest final run of each partition ended. Outlives its run.
CREATE TABLE partition (flow INTEGER NOT NULL, partition TEXT NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL,
    state INTEGER NOT NULL, PRIMARY KEY (flow, partition)) WITHOUT ROWID;
CREATE INDEX partition_by_run ON partition (run);
-- Follows from entry: fan-outs of partitioned runs of which items are still to succeed.
CREATE TABLE fan_out (run INTEGER NOT NULL, task INTEGER NOT NULL, seq INTEGER NOT NULL, items INTEGER NOT NULL,
    missing INTEGER NOT NULL, PRIMARY KEY (run, task)) WITHOUT ROWID;
-- Follows from entry: who refers to an artifact. A row outlives its run as long as that is the latest success.
CREATE TABLE artifact (run INTEGER NOT NULL, task TEXT NOT NULL, tenant TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (run, task, digest)) WITHOUT ROWID;
CREATE INDEX artifact_by_digest ON artifact (tenant, digest);

CREATE TABLE tick (flow INTEGER NOT NULL, time INTEGER NOT NULL, at INTEGER NOT NULL, end TEXT NOT NULL,
    PRIMARY KEY (flow, time)) WITHOUT ROWID;
-- dropped_*: final runs of it that retention took.
CREATE TABLE backfill (id INTEGER PRIMARY KEY, flow INTEGER NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,
    spec BLOB NOT NULL, cancelled INTEGER, ended INTEGER, state INTEGER NOT NULL,
    dropped_succeeded INTEGER NOT NULL DEFAULT 0, dropped_failed INTEGER NOT NULL DEFAULT 0,
    dropped_cancelled INTEGER NOT NULL DEFAULT 0);
CREATE INDEX backfill_by_state ON backfill (state, id);
CREATE INDEX backfill_by_version ON backfill (version);

-- Dropped runs of which entries or files are still there.
CREATE TABLE gone_run (run INTEGER PRIMARY KEY);
-- Artifacts that a run stopped referring to at that time.
CREATE TABLE gone_artifact (tenant TEXT NOT NULL, digest TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)) WITHOUT ROWID;
";

const V2: &str = "
-- 32 random bits, made once: tells what this store's coordinator left elsewhere from what others did.
INSERT INTO meta VALUES ('instance', random() & 4294967295);
";

const V3: &str = "
-- Whose store may hold files of a dropped run; empty where that is not known any more.
ALTER TABLE gone_run ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
";

/// The format of a database; 0 for an empty one.
pub(super) fn version(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Refuses a database that a later wharf wrote.
pub(super) fn check(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found = version(conn)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    Ok(found)
}

/// Brings a database to the present format, one step a transaction.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = usize::try_from(check(conn, path)?).unwrap_or(0);
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let tx = conn.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", step as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
