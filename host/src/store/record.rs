//! Entries to rows, inside a transaction.

use super::types::Append;
use super::{StoreError, success};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;
use wharf_core::event::{BackfillSpec, Entry, Event, RunId, RunSpec, RunState, Trigger};
use wharf_core::plan::{Flow, FlowName};
use wharf_core::time::Timestamp;

/// What the events of a run do not say and its rows need.
#[derive(Debug)]
pub(super) struct RunInfo {
    pub(super) flow: i64,
    pub(super) tenant: Arc<str>,
    pub(super) partition: Option<String>,
    pub(super) version: Arc<Version>,
}

/// A version of a flow, as far as rows need it.
#[derive(Debug)]
pub(super) struct Version {
    id: i64,
    flow: i64,
    tenant: Arc<str>,
    /// Names by position.
    pub(super) tasks: Vec<String>,
}

/// Writes entries. What it remembers is a copy of what the database holds: after a transaction that failed, make a new one.
#[derive(Debug)]
pub(super) struct Recorder {
    seq: i64,
    /// Numbers up to this one may be given out; none above was.
    reserved: i64,
    flows: HashMap<FlowName, i64>,
    versions: HashMap<String, Arc<Version>>,
    runs: HashMap<RunId, Arc<RunInfo>>,
    body: Vec<u8>,
}

/// Numbers that are reserved at a time: to note each one would cost every commit a page.
const RESERVE: i64 = 1 << 20;

pub(super) fn state_number(state: RunState) -> i64 {
    match state {
        RunState::Running => 0,
        RunState::Succeeded => 1,
        RunState::Failed => 2,
        RunState::Cancelled => 3,
    }
}

pub(super) fn state_of(number: i64) -> Result<RunState, StoreError> {
    match number {
        0 => Ok(RunState::Running),
        1 => Ok(RunState::Succeeded),
        2 => Ok(RunState::Failed),
        3 => Ok(RunState::Cancelled),
        other => Err(StoreError::Damaged(format!("{other} is no state of a run"))),
    }
}

impl Recorder {
    pub(super) fn new(conn: &Connection) -> Result<Recorder, StoreError> {
        let seq = conn.query_row("SELECT value FROM meta WHERE key = 'seq'", [], |row| row.get(0))?;
        Ok(Recorder {
            seq,
            reserved: seq,
            flows: HashMap::new(),
            versions: HashMap::new(),
            runs: HashMap::new(),
            body: Vec::new(),
        })
    }

    /// Writes batches. The caller holds a transaction, and commits or rolls it back.
    pub(super) fn append(&mut self, conn: &Connection, batches: &[Append]) -> Result<(), StoreError> {
        let mut insert = conn.prepare_cached("INSERT INTO entry (run, seq, at, body) VALUES (?1, ?2, ?3, ?4)")?;
        for batch in batches {
            for flow in &batch.flows {
                self.put_version(conn, flow)?;
            }
            for entry in &batch.entries {
                match entry {
                    Entry::Run { run, at, event } => {
                        self.seq += 1;
                        self.body.clear();
                        serde_json::to_writer(&mut self.body, event)?;
                        insert.execute(params![run.0 as i64, self.seq, at.as_micros(), self.body])?;
                        self.project(conn, *run, self.seq, *at, event)?;
                    }
                    Entry::Tick(tick) => {
                        let flow = self.flow(conn, &tick.flow)?;
                        conn.prepare_cached(
                            "INSERT OR REPLACE INTO tick (flow, time, at, end) VALUES (?1, ?2, ?3, ?4)",
                        )?
                        .execute(params![
                            flow,
                            tick.scheduled_time.as_micros(),
                            tick.at.as_micros(),
                            serde_json::to_string(&tick.end)?
                        ])?;
                    }
                    Entry::Cursor { flow, at } => {
                        let flow = self.flow(conn, flow)?;
                        conn.prepare_cached("UPDATE flow SET cursor = ?2 WHERE id = ?1")?
                            .execute(params![flow, at.as_micros()])?;
                    }
                    Entry::BackfillCreated { id, at, spec } => self.backfill(conn, id.0 as i64, *at, spec)?,
                    Entry::BackfillCancelled { id, at } => {
                        conn.prepare_cached("UPDATE backfill SET cancelled = ?2 WHERE id = ?1")?
                            .execute(params![id.0 as i64, at.as_micros()])?;
                    }
                    Entry::BackfillEnded { id, at, state } => {
                        conn.prepare_cached("UPDATE backfill SET ended = ?2, state = ?3 WHERE id = ?1")?
                            .execute(params![id.0 as i64, at.as_micros(), state_number(*state)])?;
                    }
                }
            }
        }
        if self.seq > self.reserved {
            self.reserved = self.seq + RESERVE;
            raise(conn, "seq", self.reserved)?;
        }
        Ok(())
    }

    /// Brings the rows that follow from events up to one more.
    pub(super) fn project(
        &mut self,
        conn: &Connection,
        run: RunId,
        seq: i64,
        at: Timestamp,
        event: &Event,
    ) -> Result<(), StoreError> {
        match event {
            Event::Created(spec) => self.created(conn, run, seq, at, spec),
            Event::Finished { task, item, outcome, .. } => {
                // Most of what ends refers to nothing and is of no partition: nothing to look up then.
                let info = self.run(conn, run)?;
                success::finished(conn, run, &info, seq, at, (*task, *item), outcome)
            }
            Event::Expanded { task, items } => {
                let info = self.run(conn, run)?;
                success::expanded(conn, run, &info, seq, at, *task, *items)
            }
            Event::Ended { state } => {
                let info = self.run(conn, run)?;
                conn.prepare_cached("UPDATE run SET state = ?2, ended = ?3 WHERE id = ?1")?.execute(params![
                    run.0 as i64,
                    state_number(*state),
                    at.as_micros()
                ])?;
                self.runs.remove(&run);
                success::ended(conn, run, &info, seq, *state)
            }
            Event::Retried { flow_digest, .. } => {
                let version = self.version(conn, flow_digest)?;
                conn.prepare_cached("UPDATE run SET state = 0, ended = NULL, version = ?2 WHERE id = ?1")?
                    .execute([run.0 as i64, version.id])?;
                conn.prepare_cached("INSERT OR IGNORE INTO run_version (version, run) VALUES (?1, ?2)")?
                    .execute([version.id, run.0 as i64])?;
                self.runs.remove(&run);
                Ok(())
            }
            Event::Started { .. } | Event::Skipped { .. } | Event::Refused { .. } | Event::CancelRequested => Ok(()),
        }
    }

    fn created(
        &mut self,
        conn: &Connection,
        run: RunId,
        seq: i64,
        at: Timestamp,
        spec: &RunSpec,
    ) -> Result<(), StoreError> {
        let version = self.version(conn, &spec.flow_digest)?;
        let backfill = match spec.trigger {
            Trigger::Backfill(id) => Some(id.0 as i64),
            Trigger::Manual | Trigger::Schedule => None,
        };
        let partition = spec.partition.as_ref().map(|p| p.key.clone());
        conn.prepare_cached(
            "INSERT INTO run (id, flow, version, state, backfill, partition, created, created_seq) \
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![run.0 as i64, version.flow, version.id, backfill, partition, at.as_micros(), seq])?;
        conn.prepare_cached("INSERT INTO run_version (version, run) VALUES (?1, ?2)")?
            .execute([version.id, run.0 as i64])?;
        raise(conn, "run", run.0 as i64)?;
        let info = RunInfo { flow: version.flow, tenant: version.tenant.clone(), partition, version };
        self.runs.insert(run, Arc::new(info));
        Ok(())
    }

    fn backfill(&mut self, conn: &Connection, id: i64, at: Timestamp, spec: &BackfillSpec) -> Result<(), StoreError> {
        let version = self.version(conn, &spec.flow_digest)?;
        conn.prepare_cached(
            "INSERT INTO backfill (id, flow, version, created, spec, state) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        )?
        .execute(params![id, version.flow, version.id, at.as_micros(), serde_json::to_vec(spec)?])?;
        raise(conn, "backfill", id)
    }

    fn flow(&mut self, conn: &Connection, name: &FlowName) -> Result<i64, StoreError> {
        if let Some(id) = self.flows.get(name) {
            return Ok(*id);
        }
        conn.prepare_cached("INSERT OR IGNORE INTO flow (tenant, name) VALUES (?1, ?2)")?
            .execute([&name.tenant, &name.flow])?;
        let id = conn
            .prepare_cached("SELECT id FROM flow WHERE tenant = ?1 AND name = ?2")?
            .query_row([&name.tenant, &name.flow], |row| row.get(0))?;
        self.flows.insert(name.clone(), id);
        Ok(id)
    }

    fn put_version(&mut self, conn: &Connection, flow: &Flow) -> Result<(), StoreError> {
        if self.versions.contains_key(&flow.digest) {
            return Ok(());
        }
        let id = self.flow(conn, &flow.name)?;
        conn.prepare_cached("INSERT OR IGNORE INTO flow_version (flow, digest, body) VALUES (?1, ?2, ?3)")?
            .execute(params![id, flow.digest, serde_json::to_vec(flow)?])?;
        self.version(conn, &flow.digest).map(|_| ())
    }

    fn version(&mut self, conn: &Connection, digest: &str) -> Result<Arc<Version>, StoreError> {
        if let Some(version) = self.versions.get(digest) {
            return Ok(version.clone());
        }
        let found = conn
            .prepare_cached("SELECT id, flow, body FROM flow_version WHERE digest = ?1")?
            .query_row([digest], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))
            .optional()?;
        let (id, flow, body) = found.ok_or_else(|| StoreError::UnknownVersion(digest.to_owned()))?;
        let body: Flow = serde_json::from_slice(&body)?;
        let tasks = body.tasks.into_iter().map(|t| t.name).collect();
        let version = Arc::new(Version { id, flow, tenant: body.name.tenant.into(), tasks });
        self.versions.insert(digest.to_owned(), version.clone());
        Ok(version)
    }

    fn run(&mut self, conn: &Connection, run: RunId) -> Result<Arc<RunInfo>, StoreError> {
        if let Some(info) = self.runs.get(&run) {
            return Ok(info.clone());
        }
        let (digest, partition): (String, Option<String>) = conn
            .prepare_cached(
                "SELECT v.digest, r.partition FROM run r JOIN flow_version v ON v.id = r.version WHERE r.id = ?1",
            )?
            .query_row([run.0 as i64], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(StoreError::UnknownRun(run.0))?;
        let version = self.version(conn, &digest)?;
        let info = Arc::new(RunInfo { flow: version.flow, tenant: version.tenant.clone(), partition, version });
        self.runs.insert(run, info.clone());
        Ok(info)
    }
}

fn raise(conn: &Connection, key: &str, value: i64) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE meta SET value = max(value, ?2) WHERE key = ?1")?.execute(params![key, value])?;
    Ok(())
}
