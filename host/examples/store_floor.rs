//! What the store costs beside what SQLite costs: `cargo run --release -p wharf --example store_floor [FOLDER]`.
//!
//! The floor is a table of a number and 150 bytes, with the same settings. Ours are entries of a fan-out as the
//! coordinator records them: an intent, then an outcome with a small output.

#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests, which need more")]
#[path = "../tests/store/support.rs"]
mod support;

use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wharf::store::{Append, SqliteStore, Store};
use wharf_contract::{Outcome, Payload};
use wharf_core::event::{Entry, Event, RunId};
use wharf_core::time::Timestamp;

const ROWS: u64 = 200_000;
const COMMITS: u64 = 1_000;
/// Entries of one turn of a busy coordinator.
const TURN: u64 = 256;
/// Batches that it lets wait.
const IN_FLIGHT: u64 = 8;

fn main() -> anyhow::Result<()> {
    let dir = match std::env::args_os().nth(1) {
        Some(dir) => tempfile::tempdir_in(PathBuf::from(dir))?,
        None => tempfile::tempdir()?,
    };
    let floor_commits = raw_commits(&dir.path().join("commits.db"))?;
    let floor_rows = raw_rows(&dir.path().join("rows.db"))?;
    let commits = our_commits(&dir.path().join("commits"))?;
    println!("                                    raw SQLite         store    ratio");
    line("FULL commits/s, one row each", floor_commits, commits);
    for (what, partition) in [("entries/s, 256 a batch", None), ("entries/s, of a partition", Some("2012-01-05"))] {
        let (rate, cpu) = our_entries(&dir.path().join(what.replace(['/', ' '], "-")), partition)?;
        line(what, floor_rows, rate);
        println!("  {:.2} us of processor time an entry, of all threads", cpu.as_secs_f64() * 1e6 / ROWS as f64);
    }
    Ok(())
}

fn line(what: &str, floor: f64, ours: f64) {
    println!("{what:<34}{floor:>12.0}  {ours:>12.0}  {:>6.2}x", ours / floor);
}

fn raw(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
    Ok(conn)
}

fn raw_commits(path: &Path) -> anyhow::Result<f64> {
    let conn = raw(path)?;
    let start = Instant::now();
    for _ in 0..COMMITS {
        conn.prepare_cached("INSERT INTO t (body) VALUES (?1)")?.execute(params![[7_u8; 150]])?;
    }
    Ok(COMMITS as f64 / start.elapsed().as_secs_f64())
}

fn raw_rows(path: &Path) -> anyhow::Result<f64> {
    let mut conn = raw(path)?;
    let start = Instant::now();
    for _ in 0..ROWS / TURN {
        let tx = conn.transaction()?;
        let mut insert = tx.prepare_cached("INSERT INTO t (body) VALUES (?1)")?;
        for _ in 0..TURN {
            insert.execute(params![[7_u8; 150]])?;
        }
        drop(insert);
        tx.commit()?;
    }
    Ok(ROWS as f64 / start.elapsed().as_secs_f64())
}

fn events(item: u64, now: i64) -> anyhow::Result<[Entry; 2]> {
    let item = Some(u32::try_from(item)?);
    let output = serde_json::value::to_raw_value(&serde_json::json!({"square": item}))?;
    let mut outcome = Outcome::succeeded(Payload::Json(output));
    outcome.usage.setup_us = 41;
    outcome.usage.run_us = 113;
    outcome.usage.memory_bytes = 1_114_112;
    let of = |event| Entry::Run { run: RunId(1), at: Timestamp::from_micros(1_700_000_000_000_000 + now), event };
    Ok([
        of(Event::Started { task: 0, item, attempt: 1 }),
        of(Event::Finished { task: 0, item, attempt: 1, outcome: Box::new(outcome) }),
    ])
}

fn our_commits(dir: &Path) -> anyhow::Result<f64> {
    let (store, flow) = (SqliteStore::open(dir)?, support::flow("fan", 1, &["each"]));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut durable = store.durable();
    let mut last =
        store.append(Append { entries: vec![support::created(1, 0, support::spec(&flow, None))], flows: vec![flow] });
    let start = Instant::now();
    for n in 0..COMMITS {
        let [entry, _] = events(n, 0)?;
        runtime.block_on(durable.wait_for(|done| *done >= last))?;
        last = store.append(Append { entries: vec![entry], flows: Vec::new() });
    }
    runtime.block_on(durable.wait_for(|done| *done >= last))?;
    Ok(COMMITS as f64 / start.elapsed().as_secs_f64())
}

fn our_entries(dir: &Path, partition: Option<&str>) -> anyhow::Result<(f64, Duration)> {
    let (store, flow) = (SqliteStore::open(dir)?, support::flow("fan", 1, &["each"]));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut durable = store.durable();
    let expanded = Event::Expanded { task: 0, items: u32::try_from(ROWS)? };
    let expanded = Entry::Run { run: RunId(1), at: Timestamp::from_micros(0), event: expanded };
    store.append(Append {
        entries: vec![support::created(1, 0, support::spec(&flow, partition)), expanded],
        flows: vec![flow],
    });
    let mut batches = Vec::new();
    for turn in 0..ROWS / TURN {
        let items = (0..TURN / 2).map(|n| events(turn * TURN / 2 + n, n as i64 * 97));
        let entries = items.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
        batches.push(Append { entries, flows: Vec::new() });
    }
    let (start, cpu) = (Instant::now(), processor_time());
    let mut last = 0;
    for batch in batches {
        last = store.append(batch);
        runtime.block_on(durable.wait_for(|done| *done + IN_FLIGHT >= last))?;
    }
    runtime.block_on(durable.wait_for(|done| *done >= last))?;
    Ok((ROWS as f64 / start.elapsed().as_secs_f64(), processor_time() - cpu))
}

/// Of this process, all threads, with what the kernel did for it.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
