use super::super::{median, verdict};
use super::watched;
use crate::binaries::{binary, component};
use crate::cluster_world::{Setup, World};
use anyhow::{Context, Result};
use kube::Client;
use serde_json::json;
use std::process::Command;
use std::time::Instant;
use wharf::api::types::{CreateRun, RunAnswer, RunDetail};
use wharf_contract::Usage;

/// (j) wharf's own share of the time from asking for a task to its first instruction on a real node, and (k) what the
/// runtime takes up to there: the start of a process, timed outside of the container, and the setup that the attempt in the
/// pod reports. What the runtime does between the two is in neither. Every other moment is one that this process saw on its own
/// clock.
pub(super) async fn of_a_start(world: &World<'_>, client: &Client, wanted: impl Fn(char) -> bool) -> Result<()> {
    let one_task = json!({"tasks": [{
        "name": "sleep",
        "component": {"path": component("misbehave")},
        "input": {"mode": "sleep", "milliseconds": 2_000},
    }]});
    let home = world.home(&(world.head(&Setup::default()) + &world.flow("one", &one_task)))?;
    let serve = home.serve().await?;
    let mut starts = Vec::new();
    for round in 0..11 {
        let start = one(world, client, &serve.client).await?;
        // The first one compiles, and pulls the image.
        if round > 0 {
            starts.push(start);
        }
    }
    let process = process_ms()?;
    let of = |pick: fn(&Start) -> f64| median(starts.iter().map(pick).collect());
    let (asked, running) = (of(|s| s.job_ms), of(|s| s.running_ms));
    let (fetch, setup) = (of(|s| s.usage.fetch_us as f64 / 1e3), of(|s| s.usage.setup_us as f64 / 1e3));
    if wanted('j') {
        let ours = asked + process + fetch + setup;
        let share = ours / running * 100.0;
        println!("j  submit to running      {running:>9.0} ms median, as the watch sees it");
        println!("j  wharf's own share      {share:>9.1} %, target 5: {}", verdict(share <= 5.0));
        println!(
            "                          {ours:>9.1} ms: {asked:.1} up to the Job, {process:.1} process start, {fetch:.1} fetch, {setup:.1} setup"
        );
    }
    if wanted('k') {
        let first = process + setup;
        println!(
            "k  start in a pod         {first:>9.2} ms: a process outside, and the setup that the pod tells; target 5: {}",
            verdict(first <= 5.0)
        );
        println!("                          {process:>9.2} ms process, {setup:.2} setup; fetch apart: {fetch:.2} ms");
    }
    Ok(())
}

/// One attempt's way.
struct Start {
    /// From asking to the Job.
    job_ms: f64,
    /// From asking to the container that runs.
    running_ms: f64,
    usage: Usage,
}

async fn one(world: &World<'_>, cluster: &Client, client: &wharf::client::Client) -> Result<Start> {
    let namespace = world.tenant();
    watched::wait_empty(cluster, namespace).await?;
    let job = watched::next_job(cluster, namespace).await?;
    let running = watched::next_running(cluster, namespace).await?;
    let start = Instant::now();
    let request = CreateRun { flow: "one".into(), params: serde_json::Map::new(), partition: None };
    let answer: RunAnswer = client.post("/v1/runs?wait=true", &request).await?;
    let ms = |at: Instant| (at - start).as_secs_f64() * 1e3;
    let (job, running) = (job.await??, running.await??);
    let detail: RunDetail = client.get(&format!("/v1/runs/{}", answer.run)).await?;
    let outcome = detail.tasks.first().and_then(|t| t.attempts.last()).and_then(|a| a.outcome.as_ref());
    let outcome = outcome.with_context(|| format!("run {} has no outcome: {:?}", answer.run, answer.state))?;
    anyhow::ensure!(outcome.cause == wharf_contract::Cause::Succeeded, "{outcome:?}");
    Ok(Start { job_ms: ms(job.at), running_ms: ms(running.at), usage: outcome.usage })
}

/// Milliseconds of a runtime that only says which version it is.
fn process_ms() -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        let output = Command::new(binary("wharf-runtime")).arg("--version").output()?;
        anyhow::ensure!(output.status.success(), "wharf-runtime --version: {}", output.status);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}
