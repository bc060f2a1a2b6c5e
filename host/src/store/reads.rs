//! Reading without the right to write: beside a coordinator that runs, or where none does.

use super::detail::{self, AttemptDetail, RunDetail};
use super::record::{state_number, state_of};
use super::recover::{self, Flows, created};
use super::types::{ArtifactRow, AttemptFilter, BackfillRow, RunCounts, RunFilter, RunRow, Tenants};
use super::{StoreError, database_path, schema};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params, params_from_iter};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wharf_contract::Payload;
use wharf_core::event::{BackfillId, BackfillSpec, RunId, Tick};
use wharf_core::plan::{Flow, FlowName};
use wharf_core::scheduler::RecoveredRun;
use wharf_core::time::Timestamp;

/// Answers from what is recorded. Every call blocks for as long as a query takes, sees one state of the store, and
/// fails with [`StoreError`] where the store cannot be read.
#[allow(clippy::missing_errors_doc, reason = "said once above")]
pub trait Reads: Send + Sync {
    /// A run's row.
    fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError>;
    /// Runs, newest first.
    fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError>;
    /// A run with its tasks, and of each task at the most `attempts` attempts: those that did not succeed first.
    fn detail(&self, run: RunId, attempts: u32) -> Result<Option<RunDetail>, StoreError>;
    /// Attempts of a run in the order of their starts.
    fn attempts(&self, run: RunId, filter: &AttemptFilter) -> Result<Vec<AttemptDetail>, StoreError>;
    /// What the attempts of a run wrote, in the order of their ends.
    fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRow>, StoreError>;
    /// All events of a run, for the scheduler to take it up again.
    fn load(&self, run: RunId) -> Result<Option<RecoveredRun>, StoreError>;
    /// The latest output of a task for each of these partitions, in their order. A fan-out's is the list of its items'
    /// outputs; there, an item kept as an artifact is the artifact's description.
    fn outputs(&self, flow: &FlowName, task: &str, partitions: &[String]) -> Result<Vec<Option<Payload>>, StoreError>;
    /// Keys of the partitions whose latest final run succeeded.
    fn succeeded_partitions(&self, flow: &FlowName) -> Result<BTreeSet<String>, StoreError>;
    /// A backfill.
    fn backfill(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError>;
    /// The newest backfills of these tenants, at the most `limit`, newest first.
    fn backfills(&self, tenants: &Tenants, limit: u32) -> Result<Vec<BackfillRow>, StoreError>;
    /// Ends of ticks, at the most `limit`, the latest tick first; of one flow, or of all of these tenants.
    fn ticks(&self, flow: Option<&FlowName>, tenants: &Tenants, limit: u32) -> Result<Vec<Tick>, StoreError>;
    /// Flows that anything was ever recorded of.
    fn flows(&self) -> Result<Vec<FlowName>, StoreError>;
    /// Whether anything that is kept refers to an artifact.
    fn is_referenced(&self, tenant: &str, digest: &str) -> Result<bool, StoreError>;
    /// The store's own name, which tells what its coordinator left elsewhere from what others did: 8 hex digits, made with
    /// the store, never changed.
    fn instance(&self) -> Result<String, StoreError>;
    /// The version of a flow of that digest.
    fn flow_version(&self, digest: &str) -> Result<Option<Arc<Flow>>, StoreError>;
}

/// Connections that are kept for the next call.
const KEPT: usize = 2;

/// [`Reads`] of the SQLite store in a state folder.
#[derive(Debug)]
pub struct SqliteReads {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReads {
    /// Opens the store of a state folder for reading.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none, [`StoreError::Newer`] where a later wharf wrote it.
    pub fn open(dir: &Path) -> Result<SqliteReads, StoreError> {
        let path = database_path(dir);
        if !path.exists() {
            return Err(StoreError::Missing(dir.to_owned()));
        }
        let first = connect(&path)?;
        Ok(SqliteReads { path, idle: Mutex::new(vec![first]) })
    }

    /// Asks one question.
    pub(super) fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => connect(&self.path)?,
        };
        let answer = ask(&conn);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(conn);
        }
        answer
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    let (conn, found) = match schema::check(&conn, path) {
        Ok(found) => (conn, found),
        // To read a write-ahead log SQLite shares a file with the writer, and cannot make it in a folder that is not
        // ours to write. Without a log there is nothing to share.
        Err(StoreError::Database(_)) if log_is_empty(path) => {
            let uri = format!("file:{}?immutable=1", escaped(path));
            let conn = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
            let found = schema::check(&conn, path)?;
            (conn, found)
        }
        Err(e) => return Err(e),
    };
    if found < schema::VERSION {
        return Err(StoreError::Older { path: path.to_owned(), found, known: schema::VERSION });
    }
    conn.pragma_update(None, "cache_size", -2_048)?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |m| m.len() == 0)
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

impl Reads for SqliteReads {
    fn instance(&self) -> Result<String, StoreError> {
        self.with(|conn| {
            let bits: u32 = conn.query_row("SELECT value FROM meta WHERE key = 'instance'", [], |row| row.get(0))?;
            Ok(format!("{bits:08x}"))
        })
    }

    fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.with(|conn| run_row(conn, run))
    }

    fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.with(|conn| runs(conn, filter))
    }

    fn detail(&self, run: RunId, attempts: u32) -> Result<Option<RunDetail>, StoreError> {
        self.with(|conn| {
            let tx = conn.unchecked_transaction()?;
            let Some(row) = run_row(&tx, run)? else { return Ok(None) };
            let recovered = recover::run(&tx, run, &mut Flows::default())?;
            detail::fold(row, recovered, attempts).map(Some)
        })
    }

    fn attempts(&self, run: RunId, filter: &AttemptFilter) -> Result<Vec<AttemptDetail>, StoreError> {
        self.with(|conn| detail::attempts(conn, run, filter))
    }

    fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.with(|conn| detail::artifacts(conn, run))
    }

    fn load(&self, run: RunId) -> Result<Option<RecoveredRun>, StoreError> {
        self.with(|conn| {
            let tx = conn.unchecked_transaction()?;
            match run_row(&tx, run)? {
                Some(_) => recover::run(&tx, run, &mut Flows::default()).map(Some),
                None => Ok(None),
            }
        })
    }

    fn outputs(&self, flow: &FlowName, task: &str, partitions: &[String]) -> Result<Vec<Option<Payload>>, StoreError> {
        self.with(|conn| {
            let tx = conn.unchecked_transaction()?;
            let Some(flow) = flow_id(&tx, flow)? else { return Ok(vec![None; partitions.len()]) };
            let mut query =
                tx.prepare_cached("SELECT output FROM success WHERE flow = ?1 AND partition = ?2 AND task = ?3")?;
            let mut outputs = Vec::with_capacity(partitions.len());
            for key in partitions {
                let mut rows = query.query(params![flow, key, task])?;
                outputs.push(rows.next()?.map(|row| json(row, 0)).transpose()?);
            }
            Ok(outputs)
        })
    }

    fn succeeded_partitions(&self, flow: &FlowName) -> Result<BTreeSet<String>, StoreError> {
        self.with(|conn| {
            let Some(flow) = flow_id(conn, flow)? else { return Ok(BTreeSet::new()) };
            let mut query = conn.prepare_cached("SELECT partition FROM partition WHERE flow = ?1 AND state = 1")?;
            let keys = query.query_map([flow], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(keys)
        })
    }

    fn backfill(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError> {
        self.with(|conn| backfills(conn, Some(id), &Tenants::All, 1).map(|mut rows| rows.pop()))
    }

    fn backfills(&self, tenants: &Tenants, limit: u32) -> Result<Vec<BackfillRow>, StoreError> {
        self.with(|conn| backfills(conn, None, tenants, limit))
    }

    fn ticks(&self, flow: Option<&FlowName>, tenants: &Tenants, limit: u32) -> Result<Vec<Tick>, StoreError> {
        self.with(|conn| {
            let id = match flow {
                None => None,
                Some(name) => match flow_id(conn, name)? {
                    None => return Ok(Vec::new()),
                    id => id,
                },
            };
            let (of, order) = match id {
                Some(_) => ("t.flow = ?1", "t.time DESC"),
                None => ("?1 IS NULL", "t.time DESC, t.flow"),
            };
            let (theirs, names) = of_tenants(tenants, "t.flow", 3);
            let mut query = conn.prepare_cached(&format!(
                "SELECT f.tenant, f.name, t.time, t.at, t.end FROM tick t JOIN flow f ON f.id = t.flow \
                 WHERE {of} AND {theirs} ORDER BY {order} LIMIT ?2"
            ))?;
            let mut values: Vec<Value> = vec![id.into(), i64::from(limit).into()];
            values.extend(names);
            let mut rows = query.query(params_from_iter(values))?;
            let mut ticks = Vec::new();
            while let Some(row) = rows.next()? {
                ticks.push(Tick {
                    flow: flow_name(row, 0)?,
                    scheduled_time: Timestamp::from_micros(row.get(2)?),
                    at: Timestamp::from_micros(row.get(3)?),
                    end: serde_json::from_str(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?)?,
                });
            }
            Ok(ticks)
        })
    }

    fn flows(&self) -> Result<Vec<FlowName>, StoreError> {
        self.with(|conn| {
            let mut query = conn.prepare_cached("SELECT tenant, name FROM flow ORDER BY tenant, name")?;
            let mut rows = query.query([])?;
            let mut flows = Vec::new();
            while let Some(row) = rows.next()? {
                flows.push(flow_name(row, 0)?);
            }
            Ok(flows)
        })
    }

    fn is_referenced(&self, tenant: &str, digest: &str) -> Result<bool, StoreError> {
        self.with(|conn| {
            let mut query = conn.prepare_cached("SELECT 1 FROM artifact WHERE tenant = ?1 AND digest = ?2")?;
            Ok(query.exists([tenant, digest])?)
        })
    }

    fn flow_version(&self, digest: &str) -> Result<Option<Arc<Flow>>, StoreError> {
        self.with(|conn| match Flows::default().get(conn, digest) {
            Ok(flow) => Ok(Some(flow)),
            Err(StoreError::UnknownVersion(_)) => Ok(None),
            Err(e) => Err(e),
        })
    }
}

const RUN_COLUMNS: &str = "SELECT r.id, r.state, r.created, r.ended, e.body, v.digest FROM run r \
    JOIN entry e ON e.run = r.id AND e.seq = r.created_seq JOIN flow_version v ON v.id = r.version";

fn run_row(conn: &Connection, run: RunId) -> Result<Option<RunRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!("{RUN_COLUMNS} WHERE r.id = ?1"))?;
    let mut rows = query.query([run.0 as i64])?;
    rows.next()?.map(read_run).transpose()
}

fn runs(conn: &Connection, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
    let (theirs, mut values) = of_tenants(&filter.tenants, "r.flow", 1);
    let mut sql = format!("{RUN_COLUMNS} WHERE {theirs}");
    let mut and = |condition: &str, value: i64| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.push(value.into());
    };
    if let Some(name) = &filter.flow {
        let Some(flow) = flow_id(conn, name)? else { return Ok(Vec::new()) };
        and("r.flow = ?", flow);
    }
    if let Some(state) = filter.state {
        and("r.state = ?", state_number(state));
    }
    if let Some(id) = filter.backfill {
        and("r.backfill = ?", id.0 as i64);
    }
    if let Some(before) = filter.before {
        and("r.id < ?", before.0 as i64);
    }
    sql.push_str(" ORDER BY r.id DESC LIMIT ?");
    values.push(i64::from(filter.limit).into());
    let mut query = conn.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_run(row)?);
    }
    Ok(found)
}

fn read_run(row: &Row<'_>) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        run: RunId(row.get::<_, i64>(0)? as u64),
        state: state_of(row.get(1)?)?,
        created: Timestamp::from_micros(row.get(2)?),
        ended: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
        spec: created(json(row, 4)?)?,
        flow_digest: row.get(5)?,
    })
}

/// The condition that a flow is one of these tenants', and its values: parameters from this number on.
fn of_tenants(tenants: &Tenants, flow: &str, first: usize) -> (String, Vec<Value>) {
    match tenants {
        Tenants::All => ("true".to_owned(), Vec::new()),
        Tenants::Only(names) if names.is_empty() => ("false".to_owned(), Vec::new()),
        Tenants::Only(names) => {
            let numbers: Vec<_> = (first..first + names.len()).map(|n| format!("?{n}")).collect();
            let condition = format!("{flow} IN (SELECT id FROM flow WHERE tenant IN ({}))", numbers.join(", "));
            (condition, names.iter().cloned().map(Value::from).collect())
        }
    }
}

fn backfills(
    conn: &Connection,
    id: Option<BackfillId>,
    tenants: &Tenants,
    limit: u32,
) -> Result<Vec<BackfillRow>, StoreError> {
    let (theirs, names) = of_tenants(tenants, "flow", 3);
    let mut query = conn.prepare_cached(&format!(
        "SELECT id, state, created, cancelled, ended, spec, dropped_succeeded, dropped_failed, dropped_cancelled \
         FROM backfill WHERE (?1 IS NULL OR id = ?1) AND {theirs} ORDER BY id DESC LIMIT ?2"
    ))?;
    let mut counts = conn.prepare_cached("SELECT state, count(*) FROM run WHERE backfill = ?1 GROUP BY state")?;
    let mut values: Vec<Value> = vec![id.map(|b| b.0 as i64).into(), i64::from(limit).into()];
    values.extend(names);
    let mut rows = query.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let count = |column| row.get::<_, i64>(column).map(|n| n as u64);
        let mut runs = RunCounts { running: 0, succeeded: count(6)?, failed: count(7)?, cancelled: count(8)? };
        let mut live = counts.query([id])?;
        while let Some(row) = live.next()? {
            *runs.of(state_of(row.get(0)?)?) += row.get::<_, i64>(1)? as u64;
        }
        let spec: BackfillSpec = json(row, 5)?;
        found.push(BackfillRow {
            backfill: BackfillId(id as u64),
            state: state_of(row.get(1)?)?,
            created: Timestamp::from_micros(row.get(2)?),
            cancelled: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
            ended: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
            spec,
            runs,
        });
    }
    Ok(found)
}

fn flow_id(conn: &Connection, name: &FlowName) -> Result<Option<i64>, StoreError> {
    let id = conn
        .prepare_cached("SELECT id FROM flow WHERE tenant = ?1 AND name = ?2")?
        .query_row([&name.tenant, &name.flow], |row| row.get(0))
        .optional()?;
    Ok(id)
}

/// A flow's name in two columns.
pub(super) fn flow_name(row: &Row<'_>, first: usize) -> Result<FlowName, StoreError> {
    Ok(FlowName { tenant: row.get(first)?, flow: row.get(first + 1)? })
}

/// JSON in a column.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    Ok(serde_json::from_slice(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)?)
}
