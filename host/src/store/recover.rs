//! What is not over, read back.

use super::StoreError;
use super::reads::{flow_name, json};
use super::record::state_of;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::sync::Arc;
use wharf_core::event::{BackfillId, Event, RunId, RunSpec};
use wharf_core::plan::Flow;
use wharf_core::scheduler::{BackfillRun, Recovered, RecoveredBackfill, RecoveredRun};
use wharf_core::time::Timestamp;

/// Versions of flows, each read once.
#[derive(Debug, Default)]
pub(super) struct Flows(HashMap<String, Arc<Flow>>);

impl Flows {
    pub(super) fn get(&mut self, conn: &Connection, digest: &str) -> Result<Arc<Flow>, StoreError> {
        if let Some(flow) = self.0.get(digest) {
            return Ok(flow.clone());
        }
        let body: Option<Vec<u8>> = conn
            .prepare_cached("SELECT body FROM flow_version WHERE digest = ?1")?
            .query_row([digest], |row| row.get(0))
            .optional()?;
        let body = body.ok_or_else(|| StoreError::UnknownVersion(digest.to_owned()))?;
        let flow: Arc<Flow> = Arc::new(serde_json::from_slice(&body)?);
        self.0.insert(digest.to_owned(), flow.clone());
        Ok(flow)
    }
}

/// Reads all that is not over, as of one moment.
pub(super) fn recover(conn: &Connection) -> Result<Recovered, StoreError> {
    let tx = conn.unchecked_transaction()?;
    let mut flows = Flows::default();
    let mut recovered = Recovered {
        next_run: RunId(highest(&tx, "run")? + 1),
        next_backfill: BackfillId(highest(&tx, "backfill")? + 1),
        ..Recovered::default()
    };
    let mut cursors = tx.prepare("SELECT tenant, name, cursor FROM flow WHERE cursor IS NOT NULL")?;
    let mut rows = cursors.query([])?;
    while let Some(row) = rows.next()? {
        recovered.cursors.insert(flow_name(row, 0)?, Timestamp::from_micros(row.get(2)?));
    }
    let mut open = tx.prepare("SELECT id FROM run WHERE state = 0 ORDER BY id")?;
    for id in open.query_map([], |row| row.get::<_, i64>(0))? {
        recovered.runs.push(run(&tx, RunId(id? as u64), &mut flows)?);
    }
    let mut open = tx.prepare("SELECT id, created, cancelled, spec FROM backfill WHERE state = 0 ORDER BY id")?;
    let mut rows = open.query([])?;
    while let Some(row) = rows.next()? {
        let spec: wharf_core::event::BackfillSpec = json(row, 3)?;
        let id = row.get::<_, i64>(0)?;
        recovered.backfills.push(RecoveredBackfill {
            id: BackfillId(id as u64),
            flow: flows.get(&tx, &spec.flow_digest)?,
            spec,
            created: Timestamp::from_micros(row.get(1)?),
            cancelled: row.get::<_, Option<i64>>(2)?.is_some(),
            runs: backfill_runs(&tx, id)?,
        });
    }
    Ok(recovered)
}

/// A run with all its events, final or not.
pub(super) fn run(conn: &Connection, id: RunId, flows: &mut Flows) -> Result<RecoveredRun, StoreError> {
    let mut found = RecoveredRun { id, flows: Vec::new(), events: Vec::new() };
    let mut events = conn.prepare_cached("SELECT at, body FROM entry WHERE run = ?1 ORDER BY seq")?;
    let mut rows = events.query([id.0 as i64])?;
    while let Some(row) = rows.next()? {
        let event: Event = json(row, 1)?;
        let pinned = match &event {
            Event::Created(spec) => Some(&spec.flow_digest),
            Event::Retried { flow_digest, .. } => Some(flow_digest),
            _ => None,
        };
        if let Some(digest) = pinned.filter(|d| found.flows.iter().all(|f| f.digest != **d)) {
            found.flows.push(flows.get(conn, digest)?);
        }
        found.events.push((Timestamp::from_micros(row.get(0)?), event));
    }
    Ok(found)
}

fn backfill_runs(conn: &Connection, backfill: i64) -> Result<Vec<BackfillRun>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT r.id, r.state, e.body FROM run r JOIN entry e ON e.run = r.id AND e.seq = r.created_seq \
         WHERE r.backfill = ?1 ORDER BY r.id",
    )?;
    let mut rows = query.query([backfill])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let spec = created(json(row, 2)?)?;
        runs.push(BackfillRun {
            run: RunId(row.get::<_, i64>(0)? as u64),
            layer: spec.layer,
            partition: spec.partition.map(|p| p.key).unwrap_or_default(),
            state: state_of(row.get(1)?)?,
        });
    }
    Ok(runs)
}

/// The spec in a run's first event.
pub(super) fn created(event: Event) -> Result<RunSpec, StoreError> {
    match event {
        Event::Created(spec) => Ok(*spec),
        other => Err(StoreError::Damaged(format!("a run begins with {other:?}"))),
    }
}

fn highest(conn: &Connection, key: &str) -> Result<u64, StoreError> {
    let value: i64 = conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?;
    Ok(value as u64)
}
