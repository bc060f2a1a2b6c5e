//! The demo's flow with an audit: `extract` appends a line to a journal each time that it runs.

use crate::binaries::root;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wharf::store::{AttemptFilter, Reads, RunFilter, SqliteReads};
use wharf_contract::Cause;
use wharf_core::event::RunId;

/// The demo's config, moved into `dir`: paths absolute, all history kept, `extract` journalled to `dir/journal/journal`.
///
/// # Errors
/// Where the demo's config does not have the lines that are replaced here.
pub fn config(dir: &Path) -> Result<String> {
    let root = root();
    let text = std::fs::read_to_string(root.join("deploy/examples/weather/weather.yaml"))?;
    let journal = dir.join("journal");
    std::fs::create_dir_all(&journal)?;
    let journal = journal.display();
    let data = root.join("deploy/examples/weather/data");
    let mut text = text;
    for (old, new) in [
        ("../../../plugins/dist/", format!("{}/", root.join("plugins/dist").display())),
        (
            "hostPath: {path: data}",
            format!("hostPath: {{path: {}}}\n    - name: journal\n      hostPath: {{path: {journal}}}", data.display()),
        ),
        (
            "mounts: [{name: data, path: /data, readOnly: true}]",
            "mounts: [{name: data, path: /data, readOnly: true}, {name: journal, path: /journal, readOnly: false}]"
                .into(),
        ),
        ("date: \"{{ partition.key }}\"", "date: \"{{ partition.key }}\"\n        journal: /journal/journal".into()),
        (
            "  suspend: true\n",
            "  suspend: true\n  successfulJobsHistoryLimit: 5000\n  failedJobsHistoryLimit: 5000\n".into(),
        ),
    ] {
        anyhow::ensure!(text.contains(old), "the demo's config has no `{old}`");
        text = text.replace(old, &new);
    }
    Ok(text)
}

/// Lines of the journal: executions of `extract` that came as far as writing one.
#[must_use]
pub fn executions(dir: &Path) -> usize {
    std::fs::read_to_string(dir.join("journal/journal")).map_or(0, |t| t.lines().count())
}

/// What is recorded in a store of the weather flow.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Output of each (partition, task) as JSON text or digest; each recorded exactly once.
    pub outputs: BTreeMap<(String, String), String>,
    /// Content of each artifact by (partition, task, name).
    pub artifacts: BTreeMap<(String, String, String), Vec<u8>>,
}

/// Reads all that is recorded, and fails where anything was recorded twice.
///
/// # Errors
/// A partition with two runs, a task with two successes, an artifact that is not there.
pub fn recorded(state: &Path) -> Result<Recorded> {
    let reads = SqliteReads::open(state)?;
    let mut recorded = Recorded::default();
    for row in reads.runs(&RunFilter { limit: 10_000, ..RunFilter::default() })? {
        let flow = reads.flow_version(&row.flow_digest)?.context("no such flow version")?;
        let partition = row.spec.partition.as_ref().map_or_else(String::new, |p| p.key.clone());
        for attempt in reads.attempts(row.run, &AttemptFilter { limit: 10_000, ..AttemptFilter::default() })? {
            let Some(outcome) = attempt.outcome.filter(|o| o.cause == Cause::Succeeded) else { continue };
            let task = flow.tasks[usize::from(attempt.task)].name.clone();
            let output = serde_json::to_string(&outcome.output)?;
            let before = recorded.outputs.insert((partition.clone(), task.clone()), output);
            anyhow::ensure!(before.is_none(), "{task} of {partition} is recorded as succeeded twice");
            for artifact in outcome.artifacts {
                let bytes = std::fs::read(artifact_path(state, &flow.name.tenant, &artifact.digest)?)?;
                recorded.artifacts.insert((partition.clone(), task.clone(), artifact.name), bytes);
            }
        }
    }
    Ok(recorded)
}

/// Attempts whose intent is recorded and whose end is not.
///
/// # Errors
/// Where the store cannot be read.
pub fn open_attempts(state: &Path) -> Result<Vec<(RunId, String, u32)>> {
    let reads = SqliteReads::open(state)?;
    let running =
        RunFilter { state: Some(wharf_core::event::RunState::Running), limit: 10_000, ..RunFilter::default() };
    let mut open = Vec::new();
    for row in reads.runs(&running)? {
        let flow = reads.flow_version(&row.flow_digest)?.context("no such flow version")?;
        for attempt in reads.attempts(row.run, &AttemptFilter { limit: 10_000, ..AttemptFilter::default() })? {
            if attempt.outcome.is_none() {
                open.push((row.run, flow.tasks[usize::from(attempt.task)].name.clone(), attempt.attempt));
            }
        }
    }
    Ok(open)
}

/// How many attempts ended so.
///
/// # Errors
/// Where the store cannot be read.
pub fn ended_as(state: &Path, cause: Cause) -> Result<usize> {
    let reads = SqliteReads::open(state)?;
    let mut count = 0;
    for row in reads.runs(&RunFilter { limit: 10_000, ..RunFilter::default() })? {
        let attempts = reads.attempts(row.run, &AttemptFilter { limit: 10_000, ..AttemptFilter::default() })?;
        count += attempts.iter().filter(|a| a.outcome.as_ref().is_some_and(|o| o.cause == cause)).count();
    }
    Ok(count)
}

fn artifact_path(state: &Path, tenant: &str, digest: &str) -> Result<PathBuf> {
    let hex = digest.strip_prefix("sha256:").context("a digest without sha256:")?;
    Ok(state.join("artifacts").join(tenant).join(&hex[..2]).join(hex))
}
