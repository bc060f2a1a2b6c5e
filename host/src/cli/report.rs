//! How a run or a backfill ended, in words or as JSON.

use super::exit::{Exit, Failure};
use super::out::{Out, Paint};
use super::screen::safe;
use super::{follow, human};
use crate::api::types::{BackfillSummary, RunDetail, RunSummary};
use crate::artifacts::Artifacts;
use std::path::Path;
use std::time::Duration;
use wharf_contract::Artifact;
use wharf_core::event::RunState;
use wharf_core::time::Timestamp;
use wharf_depot::{Digest, keys};

/// The colour of a state.
pub(super) fn paint(state: RunState) -> Paint {
    match state {
        RunState::Running => Paint::Busy,
        RunState::Succeeded => Paint::Good,
        RunState::Failed => Paint::Bad,
        RunState::Cancelled => Paint::Busy,
    }
}

/// How long something took, or nothing where it is not over.
pub(super) fn took(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    Some(Timestamp::parse_rfc3339(to?)?.since(Timestamp::parse_rfc3339(from?)?))
}

/// One line on how a run ended, or all of it as JSON. Gives the exit code that says the same.
pub(super) fn run_line(out: &Out, detail: &RunDetail) -> Result<Exit, Failure> {
    if out.json() {
        out.value(detail)?;
    } else {
        out.line(ended(&detail.summary, out.color))?;
    }
    Ok(follow::exit_of(detail.summary.state))
}

/// `run 17 of acme/daily succeeded in 1.2 s`.
pub(super) fn ended(summary: &RunSummary, color: bool) -> String {
    let state = paint(summary.state).on(summary.state.as_str(), color);
    let took = took(Some(&summary.created_at), summary.ended_at.as_deref())
        .map_or_else(String::new, |d| format!(" in {}", human::duration(d)));
    format!("run {} of {} {state}{took}", summary.run, summary.flow)
}

/// One line on how a backfill ended, or all of it as JSON.
pub(super) fn backfill_line(out: &Out, summary: &BackfillSummary) -> Result<(), Failure> {
    if out.json() {
        return out.value(summary);
    }
    let runs = &summary.runs;
    let mut counts = vec![format!("{} succeeded", runs.succeeded)];
    for (n, what) in [(runs.failed, "failed"), (runs.cancelled, "cancelled"), (runs.skipped, "left out")] {
        if n > 0 {
            counts.push(format!("{n} {what}"));
        }
    }
    let state = paint(summary.state).on(summary.state.as_str(), out.color);
    out.line(format!("backfill {} {state}: {}", summary.backfill, counts.join(", ")))?;
    if runs.failed > 0 {
        out.note(format!(
            "hint: `wharf runs --backfill {} --state failed` lists what failed, and the same backfill again runs only that",
            summary.backfill
        ));
    }
    Ok(())
}

/// Where the artifacts of a tenant lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The state folder: those of attempts on this machine. None where the coordinator is elsewhere.
    pub(super) state: Option<&'a Path>,
    pub(super) tenant: &'a str,
    /// Those of attempts in pods; none where there are none, or where nobody knows.
    pub(super) store: Option<&'a str>,
}

impl Place<'_> {
    /// The path or the address of an artifact; its digest where that is all that is known.
    pub(super) fn of(&self, digest: &str) -> String {
        let path = self.state.and_then(|state| Artifacts::new(state).path(self.tenant, digest)).unwrap_or_default();
        match (self.store, Digest::parse(digest)) {
            _ if path.exists() => path.display().to_string(),
            (Some(store), Some(parsed)) => format!("{store}/{}", keys::artifact(&parsed)),
            _ => digest.to_owned(),
        }
    }

    /// `chart.svg  12 KiB  image/svg+xml  PATH`.
    pub(super) fn line(&self, artifact: &Artifact) -> String {
        let kind = artifact.media_type.as_deref().map_or_else(String::new, |m| format!("  {}", safe(m)));
        let place = self.of(&artifact.digest);
        format!("{}  {}{kind}  {place}", safe(&artifact.name), human::bytes(artifact.size))
    }
}
