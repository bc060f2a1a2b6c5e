use super::floor::Floors;
use super::{run_to_end, verdict};
use crate::config;
use crate::serve::Home;
use anyhow::Result;
use serde_json::json;
use std::time::Instant;
use wharf::api::types::RunDetail;

/// (a) Durable attempts a second of a fan-out of 10,000.
pub(super) async fn durable(floors: &Floors) -> Result<()> {
    let home = Home::new(&(config::head(64) + &config::fan_out("fan")))?;
    let serve = home.serve().await?;
    run_to_end(&serve.client, "fan", json!({"n": 200})).await?;
    let items = 10_000_u32;
    let mut best = 0.0_f64;
    for _ in 0..3 {
        let start = Instant::now();
        let answer = run_to_end(&serve.client, "fan", json!({"n": items})).await?;
        best = best.max(f64::from(items) / start.elapsed().as_secs_f64());
        let path = format!("/v1/runs/{}?attempts={items}", answer.run);
        let detail: RunDetail = serve.client.get(&path).await?;
        let read = detail.tasks.iter().flat_map(|t| &t.attempts);
        let outputs = read.filter(|a| a.outcome.as_ref().is_some_and(|o| o.output.is_some())).count();
        anyhow::ensure!(outputs == items as usize, "{outputs} outputs can be read of {items}");
    }
    let us = 1e6 / best;
    println!("a  fan-out of {items}      {best:>9.0} durable attempts/s, target 10,000: {}", verdict(best >= 10_000.0));
    println!("                          {:>9.2} x one thread of raw wasmtime", best * floors.invocation_us / 1e6);
    println!("                          {us:>9.1} µs each; two raw rows cost {:.1} µs of it", 2.0 * floors.row_us);
    Ok(())
}

/// (d) Time per task at 1k, 10k and 100k items.
pub(super) async fn flat() -> Result<()> {
    let home = Home::new(&(config::head(64) + &config::fan_out("fan")))?;
    let serve = home.serve().await?;
    run_to_end(&serve.client, "fan", json!({"n": 200})).await?;
    let mut times = Vec::new();
    for (items, repeats) in [(1_000_u32, 9), (10_000, 3), (100_000, 1)] {
        let mut best = f64::MAX;
        for _ in 0..repeats {
            let start = Instant::now();
            run_to_end(&serve.client, "fan", json!({"n": items})).await?;
            best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(items));
        }
        println!("d  {items:>7} items          {best:>9.1} µs per task");
        times.push(best);
    }
    let (low, high) = times.iter().fold((f64::MAX, 0.0_f64), |(l, h), t| (l.min(*t), h.max(*t)));
    println!("d  flat within            {:>9.2} x, target 1.3: {}", high / low, verdict(high / low <= 1.3));
    Ok(())
}
