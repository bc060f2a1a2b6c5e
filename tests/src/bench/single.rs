use super::floor::Floors;
use super::{run_to_end, verdict};
use crate::config;
use crate::serve::Home;
use anyhow::Result;
use serde_json::json;
use std::time::Instant;

/// (c) One task through a running `serve`, from the request to the recorded result.
pub(super) async fn latency(floors: &Floors) -> Result<()> {
    let home = Home::new(&(config::head(8) + &config::chain("one", 1)))?;
    let serve = home.serve().await?;
    for _ in 0..20 {
        run_to_end(&serve.client, "one", json!({})).await?;
    }
    let mut times = Vec::new();
    for _ in 0..500 {
        let start = Instant::now();
        run_to_end(&serve.client, "one", json!({})).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let floor = (2.0 * floors.commit_us + floors.invocation_us) / 1e3;
    println!("c  one task, median       {median:>9.2} ms, target 2: {}", verdict(median <= 2.0));
    println!("c  one task, 99 of 100    {:>9.2} ms", times[times.len() * 99 / 100]);
    println!("                          {:>9.2} x two raw commits and one raw invocation", median / floor);
    Ok(())
}
