//! What wharf costs, beside the floor that this machine sets: raw wasmtime, raw SQLite, a bare process.

mod chain;
pub mod cluster;
mod fan_out;
mod floor;
mod memory;
mod single;
mod start;

use anyhow::Result;
use wharf::api::types::{CreateRun, RunAnswer};
use wharf::client::Client;
use wharf_core::event::RunState;

/// Runs the sections with these letters, or all.
///
/// # Errors
/// Where something cannot be started or a run does not succeed.
pub async fn run(only: &[char]) -> Result<()> {
    let wanted = |letter| only.is_empty() || only.contains(&letter);
    let floors = floor::take()?;
    println!("floor  raw wasmtime       {:>9.1} µs per fresh instance and call", floors.invocation_us);
    println!(
        "floor  raw SQLite         {:>9.1} µs per FULL commit ({:.0}/s)",
        floors.commit_us,
        1e6 / floors.commit_us
    );
    println!("floor  raw SQLite         {:>9.2} µs per row in grouped FULL commits", floors.row_us);
    if wanted('a') {
        fan_out::durable(&floors).await?;
    }
    if wanted('b') {
        chain::hops(&floors).await?;
    }
    if wanted('c') {
        single::latency(&floors).await?;
    }
    if wanted('d') {
        fan_out::flat().await?;
    }
    if wanted('e') {
        memory::resident().await?;
    }
    if wanted('f') {
        start::process()?;
    }
    Ok(())
}

/// Asks for a run and waits until it is final and recorded.
async fn run_to_end(client: &Client, flow: &str, params: serde_json::Value) -> Result<RunAnswer> {
    let params = params.as_object().cloned().unwrap_or_default();
    let request = CreateRun { flow: flow.into(), params, partition: None };
    let answer: RunAnswer = client.post("/v1/runs?wait=true", &request).await?;
    anyhow::ensure!(answer.state == RunState::Succeeded, "run {} of {flow} ended as {:?}", answer.run, answer.state);
    Ok(answer)
}

/// `met` or `MISSED`.
fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
