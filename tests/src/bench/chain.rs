use super::floor::Floors;
use super::{run_to_end, verdict};
use crate::config;
use crate::serve::Home;
use anyhow::Result;
use serde_json::json;
use std::time::Instant;

/// (b) Hops a second of a chain of 1,000 tasks.
pub(super) async fn hops(floors: &Floors) -> Result<()> {
    let tasks = 1_000_u32;
    let home = Home::new(&(config::head(8) + &config::chain("chain", tasks as usize)))?;
    let serve = home.serve().await?;
    run_to_end(&serve.client, "chain", json!({})).await?;
    let mut best = 0.0_f64;
    for _ in 0..3 {
        let start = Instant::now();
        run_to_end(&serve.client, "chain", json!({})).await?;
        best = best.max(f64::from(tasks) / start.elapsed().as_secs_f64());
    }
    let ratio = best * floors.commit_us / 1e6;
    println!("b  chain of {tasks}          {best:>9.0} hops/s");
    println!("                          {ratio:>9.2} x raw FULL commits, target 0.6: {}", verdict(ratio >= 0.6));
    Ok(())
}
