use crate::binaries::binary;
use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use std::process::Command;
use std::time::Instant;

/// What the machine can do at best, taken in this run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floors {
    /// Microseconds of a fresh instance of the trivial component, its call and its end, one thread.
    pub(super) invocation_us: f64,
    /// Microseconds of a commit of one small row with `synchronous=FULL`.
    pub(super) commit_us: f64,
    /// Microseconds of a row where 200 share a commit.
    pub(super) row_us: f64,
}

pub(super) fn take() -> Result<Floors> {
    Ok(Floors { invocation_us: invocation()?, commit_us: commits(1, 1_000)?, row_us: commits(200, 200)? / 200.0 })
}

fn invocation() -> Result<f64> {
    let output = Command::new(binary("examples/floor")).arg("1").output()?;
    let value: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the floor said: {}", String::from_utf8_lossy(&output.stderr)))?;
    value["invokePooledUs"].as_f64().context("the floor has no invokePooledUs")
}

/// Microseconds per commit of `rows` rows of the size of an event.
fn commits(rows: usize, commits: usize) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let mut db = Connection::open(dir.path().join("floor.db"))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.execute_batch(
        "create table event (run integer, seq integer, at integer, body blob, primary key (run, seq)) without rowid",
    )?;
    let body = vec![b'x'; 120];
    let mut seq = 0_i64;
    let start = Instant::now();
    for _ in 0..commits {
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare_cached("insert into event values (1, ?, ?, ?)")?;
            for _ in 0..rows {
                seq += 1;
                insert.execute(params![seq, seq, body])?;
            }
        }
        tx.commit()?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / commits as f64)
}
