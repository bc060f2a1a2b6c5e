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
    let world = World::new(&cluster, "bench")?.context("there is no cluster of our own")?;
    let client = watched::client(cluster.kubeconfig()).await?;
    if ['g', 'h', 'i', 'l'].into_iter().any(wanted) {
        throughput::of_jobs(&world, &client, wanted).await?;
    }
    if ['j', 'k'].into_iter().any(wanted) {
        share::of_a_start(&world, &client, wanted).await?;
    }
    Ok(())
}
