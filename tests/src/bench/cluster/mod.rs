//! What wharf costs on Kubernetes, beside a raw loop that makes the same writes in the same run.

mod raw;
mod share;
mod throughput;
mod watched;

use crate::cluster::{Cluster, Options};
use crate::cluster_world::World;
use anyhow::{Context, Result};

/// Runs the sections with these letters, or all.
///
/// # Errors
/// Where there is no cluster, something cannot be started, or a run does not succeed.
pub async fn run(only: &[char]) -> Result<()> {
    let wanted = |letter: char| only.is_empty() || only.contains(&letter);
    let cluster = Cluster::alone(&Options { kwok: 1, ..Options::default() }).context("there is no cluster")?;
    let client = watched::client(cluster.kubeconfig()).await?;
    if ['g', 'h', 'i', 'l'].into_iter().any(wanted) {
        throughput::of_jobs(&cluster, &client, wanted).await?;
    }
    if ['j', 'k'].into_iter().any(wanted) {
        share::of_a_start(&world(&cluster, "bench-start")?, &client, wanted).await?;
    }
    Ok(())
}

fn world<'a>(cluster: &'a Cluster, name: &str) -> Result<World<'a>> {
    World::new(cluster, name)?.context("there is no cluster of our own")
}
