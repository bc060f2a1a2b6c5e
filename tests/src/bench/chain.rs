use super::floor::Floors;
use super::{run_to_end, verdict};
use crate::config;
use crate::serve::Home;
use anyhow::{Context, Result};
use serde_json::json;
use std::time::Instant;
use wharf::client::Client;

/// (b) Hops a second of a chain of 1,000 tasks.
pub(super) async fn hops(floors: &Floors) -> Result<()> {
    let tasks = 1_000_u32;
    let home = Home::new(&(config::head(8) + &config::chain("chain", tasks as usize)))?;
    let serve = home.serve().await?;
    run_to_end(&serve.client, "chain", json!({})).await?;
    let before = Spent::read(&serve.client).await?;
    let repeats = 3_u32;
    let mut best = 0.0_f64;
    let mut all = 0.0_f64;
    for _ in 0..repeats {
        let start = Instant::now();
        run_to_end(&serve.client, "chain", json!({})).await?;
        let seconds = start.elapsed().as_secs_f64();
        all += seconds;
        best = best.max(f64::from(tasks) / seconds);
    }
    let ratio = best * floors.commit_us / 1e6;
    println!("b  chain of {tasks}          {best:>9.0} hops/s");
    println!("                          {ratio:>9.2} x raw FULL commits, target 0.6: {}", verdict(ratio >= 0.6));
    let after = Spent::read(&serve.client).await?;
    let per_hop = |a: f64, b: f64| (a - b) * 1e6 / f64::from(repeats * tasks);
    let (commit, guest) = (per_hop(after.commit, before.commit), per_hop(after.guest, before.guest));
    let hop = all * 1e6 / f64::from(repeats * tasks);
    println!("                          {hop:>9.0} µs a hop: {commit:.0} from append to durable as the loop sees it,");
    println!(
        "                                    {guest:.0} in the sandbox, {:.0} between the processes",
        hop - commit - guest
    );
    Ok(())
}

/// Seconds that the coordinator says were spent so far.
struct Spent {
    commit: f64,
    guest: f64,
}

impl Spent {
    async fn read(client: &Client) -> Result<Spent> {
        let text = client.get_text("/metrics").await?;
        let sum = |name: &str| -> Result<f64> {
            let line = text.lines().find_map(|l| l.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            Ok(line.trim().parse()?)
        };
        Ok(Spent {
            commit: sum("wharf_store_commit_seconds_sum")?,
            guest: sum("wharf_attempt_setup_seconds_sum")? + sum("wharf_attempt_run_seconds_sum")?,
        })
    }
}
