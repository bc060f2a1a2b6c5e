//! Retention: what goes, a little at a time.
//!
//! A run that goes loses its row at once, so that no reader finds half of it. Its entries follow over as many calls as
//! they take, and its number stays in `gone_run` until its files are removed too.

use super::StoreError;
use super::record::state_of;
use super::types::{Expired, ExpiredRun, Keep, KeptRuns};
use rusqlite::{Connection, OptionalExtension, params};
use wharf_core::event::{RunId, RunState};
use wharf_core::plan::FlowName;
use wharf_core::time::Timestamp;

/// Entries that one call drops for each run that it may name.
const ENTRIES_PER_RUN: u32 = 64;
/// Ends of ticks that are kept of a flow, where nothing else takes them.
const TICKS: i64 = 10_000;

/// Runs that nothing keeps, as many as one call may drop. Looks at every final run, and so is asked of a connection that
/// holds nobody up.
pub(super) fn candidates(conn: &Connection, keep: &Keep, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
    let mut found = Vec::new();
    for (id, name) in flows(conn)? {
        let kept = keep.flows.get(&name).unwrap_or(&keep.others);
        let left = keep.at_most - found.len() as u32;
        found.extend(final_runs(conn, id, kept, oldest(keep, now), left)?);
    }
    Ok(found)
}

/// Drops these runs and what else nothing keeps, as much as one call may.
pub(super) fn expire(conn: &Connection, runs: &[RunId], keep: &Keep, now: Timestamp) -> Result<Expired, StoreError> {
    let oldest = oldest(keep, now);
    for run in runs {
        drop_run(conn, run.0 as i64, now)?;
    }
    for (id, _) in flows(conn)? {
        drop_ticks(conn, id, oldest, keep.at_most)?;
    }
    drop_backfills(conn, oldest, keep.at_most)?;
    drop_versions(conn, keep.at_most)?;
    let entries_left = drop_entries(conn, keep.at_most.saturating_mul(ENTRIES_PER_RUN))?;
    let mut expired = Expired { more: runs.len() == keep.at_most as usize || entries_left, ..Expired::default() };
    let mut gone = conn.prepare_cached(
        "SELECT run, tenant FROM gone_run g WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.run = g.run) \
         ORDER BY run LIMIT ?1",
    )?;
    for run in gone.query_map([keep.at_most], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))? {
        let (run, tenant) = run?;
        expired.runs.push(ExpiredRun { run: RunId(run as u64), tenant });
    }
    expired.artifacts = drop_artifacts(conn, keep, now)?;
    expired.more |= [expired.runs.len(), expired.artifacts.len()].contains(&(keep.at_most as usize));
    Ok(expired)
}

/// The files of what was dropped are removed.
pub(super) fn removed(conn: &Connection, expired: &Expired) -> Result<(), StoreError> {
    for run in &expired.runs {
        conn.prepare_cached("DELETE FROM gone_run WHERE run = ?1")?.execute([run.run.0 as i64])?;
    }
    for (tenant, digest) in &expired.artifacts {
        conn.prepare_cached("DELETE FROM gone_artifact WHERE tenant = ?1 AND digest = ?2")?
            .execute([tenant, digest])?;
    }
    Ok(())
}

/// Notes those artifacts that nothing refers to.
pub(super) fn suspect(conn: &Connection, tenant: &str, digests: &[String], now: Timestamp) -> Result<(), StoreError> {
    let mut note = conn.prepare_cached(
        "INSERT OR IGNORE INTO gone_artifact (tenant, digest, since) SELECT ?1, ?2, ?3 \
         WHERE NOT EXISTS (SELECT 1 FROM artifact WHERE tenant = ?1 AND digest = ?2)",
    )?;
    for digest in digests {
        note.execute(params![tenant, digest, now.as_micros()])?;
    }
    Ok(())
}

fn oldest(keep: &Keep, now: Timestamp) -> Option<i64> {
    keep.retention_us.map(|us| now.as_micros().saturating_sub(i64::try_from(us).unwrap_or(i64::MAX)))
}

fn flows(conn: &Connection) -> Result<Vec<(i64, FlowName)>, StoreError> {
    let mut query = conn.prepare_cached("SELECT id, tenant, name FROM flow ORDER BY id")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, FlowName { tenant: row.get(1)?, flow: row.get(2)? })))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Final runs of a flow that nothing keeps, the oldest first.
fn final_runs(
    conn: &Connection,
    flow: i64,
    kept: &KeptRuns,
    oldest: Option<i64>,
    at_most: u32,
) -> Result<Vec<RunId>, StoreError> {
    // The newest ones of each kind stay. What lies behind them goes, and what ended too long ago.
    let mut query = conn.prepare_cached(
        "SELECT id FROM (
           SELECT id, backfill, ended, row_number() OVER (PARTITION BY state = 1 ORDER BY id DESC) AS place, state
           FROM run WHERE flow = ?1 AND state <> 0)
         WHERE (place > CASE state WHEN 1 THEN ?2 ELSE ?3 END OR ended < ?4)
           AND (backfill IS NULL OR backfill NOT IN (SELECT id FROM backfill WHERE state = 0))
         ORDER BY id LIMIT ?5",
    )?;
    let rows = query.query_map(params![flow, kept.successful, kept.failed, oldest, at_most], |row| {
        row.get::<_, i64>(0).map(|id| RunId(id as u64))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn drop_run(conn: &Connection, run: i64, now: Timestamp) -> Result<(), StoreError> {
    // One that goes on since it was chosen stays.
    let dropped: Option<(i64, Option<i64>, i64)> = conn
        .prepare_cached("DELETE FROM run WHERE id = ?1 AND state <> 0 RETURNING state, backfill, flow")?
        .query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((state, backfill, flow)) = dropped else { return Ok(()) };
    if let Some(backfill) = backfill {
        let column = match state_of(state)? {
            RunState::Cancelled => "dropped_cancelled",
            RunState::Failed => "dropped_failed",
            RunState::Running | RunState::Succeeded => "dropped_succeeded",
        };
        conn.prepare_cached(&format!("UPDATE backfill SET {column} = {column} + 1 WHERE id = ?1"))?
            .execute([backfill])?;
    }
    // What the latest success of a task refers to stays.
    const ITS_ARTIFACTS: &str =
        "FROM artifact WHERE run = ?1 AND task NOT IN (SELECT task FROM success WHERE run = ?1)";
    conn.prepare_cached(&format!(
        "INSERT OR IGNORE INTO gone_artifact (tenant, digest, since) SELECT tenant, digest, ?2 {ITS_ARTIFACTS}"
    ))?
    .execute([run, now.as_micros()])?;
    conn.prepare_cached(&format!("DELETE {ITS_ARTIFACTS}"))?.execute([run])?;
    conn.prepare_cached("DELETE FROM fan_out WHERE run = ?1")?.execute([run])?;
    conn.prepare_cached("DELETE FROM run_version WHERE run = ?1")?.execute([run])?;
    conn.prepare_cached("INSERT INTO gone_run (run, tenant) SELECT ?1, tenant FROM flow WHERE id = ?2")?
        .execute([run, flow])?;
    Ok(())
}

/// Drops entries of runs that went. Answers whether there are more.
fn drop_entries(conn: &Connection, at_most: u32) -> Result<bool, StoreError> {
    let mut left = i64::from(at_most);
    let mut query = conn.prepare_cached("SELECT run FROM gone_run ORDER BY run")?;
    let runs = query.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut drop = conn.prepare_cached(
        "DELETE FROM entry WHERE run = ?1 AND seq <= \
         (SELECT max(seq) FROM (SELECT seq FROM entry WHERE run = ?1 ORDER BY seq LIMIT ?2))",
    )?;
    for run in runs {
        left -= drop.execute([run, left])? as i64;
        if left <= 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn drop_artifacts(conn: &Connection, keep: &Keep, now: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
    let grace = i64::try_from(keep.artifact_grace_us).unwrap_or(i64::MAX);
    let until = now.as_micros().saturating_sub(grace);
    let mut query = conn.prepare_cached(
        "SELECT tenant, digest, EXISTS (SELECT 1 FROM artifact a WHERE a.tenant = g.tenant AND a.digest = g.digest) \
         FROM gone_artifact g WHERE since <= ?1 LIMIT ?2",
    )?;
    let rows = query.query_map(params![until, keep.at_most], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    })?;
    let mut expired = Vec::new();
    for (tenant, digest, referred) in rows.collect::<Result<Vec<_>, _>>()? {
        if referred {
            // It was written again meanwhile.
            conn.prepare_cached("DELETE FROM gone_artifact WHERE tenant = ?1 AND digest = ?2")?
                .execute([&tenant, &digest])?;
        } else {
            expired.push((tenant, digest));
        }
    }
    Ok(expired)
}

fn drop_ticks(conn: &Connection, flow: i64, oldest: Option<i64>, at_most: u32) -> Result<(), StoreError> {
    let newest_that_goes: Option<i64> = conn
        .prepare_cached("SELECT time FROM tick WHERE flow = ?1 ORDER BY time DESC LIMIT 1 OFFSET ?2")?
        .query_row([flow, TICKS], |row| row.get(0))
        .optional()?;
    conn.prepare_cached(
        "DELETE FROM tick WHERE flow = ?1 AND time IN \
         (SELECT time FROM tick WHERE flow = ?1 AND (time <= ?2 OR time < ?3) ORDER BY time LIMIT ?4)",
    )?
    .execute(params![flow, newest_that_goes, oldest, at_most])?;
    Ok(())
}

/// A backfill that is over goes some time after its last run.
fn drop_backfills(conn: &Connection, oldest: Option<i64>, at_most: u32) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM backfill WHERE id IN (SELECT id FROM backfill b WHERE state <> 0 AND ended < ?1 \
         AND NOT EXISTS (SELECT 1 FROM run r WHERE r.backfill = b.id) LIMIT ?2)",
    )?
    .execute(params![oldest, at_most])?;
    Ok(())
}

/// Whoever pins a version hands it over again, so one that nothing refers to is not needed.
fn drop_versions(conn: &Connection, at_most: u32) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM flow_version WHERE id IN (SELECT id FROM flow_version v \
         WHERE NOT EXISTS (SELECT 1 FROM run_version r WHERE r.version = v.id) \
         AND NOT EXISTS (SELECT 1 FROM backfill b WHERE b.version = v.id) LIMIT ?1)",
    )?
    .execute([at_most])?;
    Ok(())
}
