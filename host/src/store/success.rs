//! Rows about what succeeded: the latest output of each task of each partition, and who refers to which artifact.

use super::StoreError;
use super::record::{RunInfo, state_number};
use crate::artifacts::named;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::event::{Event, RunId, RunState};
use wharf_core::time::Timestamp;

/// An attempt of a task, or of an item of its fan-out, ended.
pub(super) fn finished(
    conn: &Connection,
    run: RunId,
    info: &RunInfo,
    seq: i64,
    at: Timestamp,
    (task, item): (u16, Option<u32>),
    outcome: &Outcome,
) -> Result<(), StoreError> {
    for artifact in named(outcome) {
        conn.prepare_cached("INSERT OR IGNORE INTO artifact (run, task, tenant, digest) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![run.0 as i64, name(info, task)?, &*info.tenant, artifact.digest])?;
    }
    if info.partition.is_none() || outcome.cause != Cause::Succeeded {
        return Ok(());
    }
    if item.is_none() {
        let output = outcome.output.clone().unwrap_or_else(Payload::null);
        return succeeded(conn, run, info, seq, at, task, &output);
    }
    let missing: Option<i64> = conn
        .prepare_cached("UPDATE fan_out SET missing = missing - 1 WHERE run = ?1 AND task = ?2 RETURNING missing")?
        .query_row(params![run.0 as i64, task], |row| row.get(0))
        .optional()?;
    if missing == Some(0) {
        let output = gathered(conn, run, seq, task)?;
        conn.prepare_cached("DELETE FROM fan_out WHERE run = ?1 AND task = ?2")?
            .execute(params![run.0 as i64, task])?;
        succeeded(conn, run, info, seq, at, task, &output)?;
    }
    Ok(())
}

/// The list of a fan-out was worked out.
pub(super) fn expanded(
    conn: &Connection,
    run: RunId,
    info: &RunInfo,
    seq: i64,
    at: Timestamp,
    task: u16,
    items: u32,
) -> Result<(), StoreError> {
    if info.partition.is_none() {
        return Ok(());
    }
    conn.prepare_cached("INSERT OR REPLACE INTO fan_out (run, task, seq, items, missing) VALUES (?1, ?2, ?3, ?4, ?4)")?
        .execute(params![run.0 as i64, task, seq, items])?;
    if items == 0 {
        succeeded(conn, run, info, seq, at, task, &list(&[])?)?;
    }
    Ok(())
}

/// A run became final.
pub(super) fn ended(
    conn: &Connection,
    run: RunId,
    info: &RunInfo,
    seq: i64,
    state: RunState,
) -> Result<(), StoreError> {
    if info.partition.is_none() {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO partition (flow, partition, run, seq, state) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET run = excluded.run, seq = excluded.seq, state = excluded.state \
         WHERE excluded.seq > seq",
    )?
    .execute(params![info.flow, info.partition, run.0 as i64, seq, state_number(state)])?;
    Ok(())
}

fn name(info: &RunInfo, task: u16) -> Result<&str, StoreError> {
    let found = info.version.tasks.get(usize::from(task)).map(String::as_str);
    found.ok_or_else(|| StoreError::Damaged(format!("an event names task {task} of a flow that has fewer")))
}

fn succeeded(
    conn: &Connection,
    run: RunId,
    info: &RunInfo,
    seq: i64,
    at: Timestamp,
    task: u16,
    output: &Payload,
) -> Result<(), StoreError> {
    let name = name(info, task)?;
    let before: Option<(i64, i64)> = conn
        .prepare_cached("SELECT run, seq FROM success WHERE flow = ?1 AND partition = ?2 AND task = ?3")?
        .query_row(params![info.flow, info.partition, name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if before.is_some_and(|(_, there)| there > seq) {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT OR REPLACE INTO success (flow, partition, task, run, seq, at, output) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        info.flow,
        info.partition,
        name,
        run.0 as i64,
        seq,
        at.as_micros(),
        serde_json::to_vec(output)?
    ])?;
    match before {
        Some((old, _)) if old != run.0 as i64 => release(conn, old, name, at),
        _ => Ok(()),
    }
}

/// Drops the references of a run that is there no more, once its success of a task is not the latest any more.
fn release(conn: &Connection, run: i64, task: &str, at: Timestamp) -> Result<(), StoreError> {
    let there = conn.prepare_cached("SELECT 1 FROM run WHERE id = ?1")?.exists([run])?;
    if there {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT OR IGNORE INTO gone_artifact (tenant, digest, since) \
         SELECT tenant, digest, ?3 FROM artifact WHERE run = ?1 AND task = ?2",
    )?
    .execute(params![run, task, at.as_micros()])?;
    conn.prepare_cached("DELETE FROM artifact WHERE run = ?1 AND task = ?2")?.execute(params![run, task])?;
    Ok(())
}

/// The outputs of a fan-out all of whose items succeeded, in order, as one list. An output that is an artifact stands
/// there as the artifact's description.
fn gathered(conn: &Connection, run: RunId, last: i64, task: u16) -> Result<Payload, StoreError> {
    let (first, items): (i64, u32) = conn
        .prepare_cached("SELECT seq, items FROM fan_out WHERE run = ?1 AND task = ?2")?
        .query_row(params![run.0 as i64, task], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut outputs = vec![RawValue::NULL.to_owned(); items as usize];
    let mut events = conn.prepare_cached("SELECT body FROM entry WHERE run = ?1 AND seq > ?2 AND seq <= ?3")?;
    let mut rows = events.query(params![run.0 as i64, first, last])?;
    while let Some(row) = rows.next()? {
        let event = serde_json::from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?;
        let Event::Finished { task: of, item: Some(item), outcome, .. } = event else { continue };
        if of != task || outcome.cause != Cause::Succeeded {
            continue;
        }
        if let (Some(place), Some(output)) = (outputs.get_mut(item as usize), outcome.output) {
            *place = match output {
                Payload::Json(json) => json,
                Payload::Artifact(artifact) => serde_json::value::to_raw_value(&artifact)?,
            };
        }
    }
    list(&outputs)
}

fn list(outputs: &[Box<RawValue>]) -> Result<Payload, StoreError> {
    Ok(Payload::Json(serde_json::value::to_raw_value(outputs)?))
}
