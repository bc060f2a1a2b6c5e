use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wharf_contract::Artifact;
use wharf_core::event::{BackfillId, BackfillSpec, Entry, RunId, RunSpec, RunState};
use wharf_core::plan::{Flow, FlowName};
use wharf_core::time::Timestamp;

/// What is recorded together, all or none.
#[derive(Debug, Clone, Default)]
pub struct Append {
    /// In this order.
    pub entries: Vec<Entry>,
    /// The versions of flows that the entries pin: of each `Created`, `Retried` and `BackfillCreated` among them.
    pub flows: Vec<Arc<Flow>>,
}

/// Whether what is handed over gets recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreState {
    /// It does.
    Ok,
    /// It does not, and is tried again and again; in words, why.
    Failing(String),
}

/// How many final runs of a flow are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRuns {
    /// Succeeded ones.
    pub successful: u32,
    /// Failed and cancelled ones.
    pub failed: u32,
}

/// What is kept. A final run goes when there are enough newer ones of its flow that ended alike, or when it ended too
/// long ago. A run of a backfill that is not over stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Per flow.
    pub flows: BTreeMap<FlowName, KeptRuns>,
    /// For a flow that is not in `flows`, say because the config has it no more.
    pub others: KeptRuns,
    /// Microseconds that a final run or the end of a tick is kept; none: for ever.
    pub retention_us: Option<u64>,
    /// Microseconds that an artifact's file is kept after nothing refers to it any more, for whoever just reads it.
    pub artifact_grace_us: u64,
    /// Runs and artifacts that one call may name; its work on the database is a small multiple of it.
    pub at_most: u32,
}

/// What retention dropped: files that are to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// Runs whose logs and state files go.
    pub runs: Vec<ExpiredRun>,
    /// Artifacts that go: tenant and digest.
    pub artifacts: Vec<(String, String)>,
    /// Whether another call would find more to do at once.
    pub more: bool,
}

/// A run that retention dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredRun {
    /// Which.
    pub run: RunId,
    /// Whose; empty for one that was dropped before this was noted.
    pub tenant: String,
}

/// Whose: what others may not know of is left out where it is read, so that a page is as long as it can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tenants {
    /// Everybody's.
    #[default]
    All,
    /// Of these alone, whether they are still in the config or not.
    Only(BTreeSet<String>),
}

impl Tenants {
    /// Whether a tenant is one of them.
    #[must_use]
    pub fn has(&self, tenant: &str) -> bool {
        match self {
            Tenants::All => true,
            Tenants::Only(names) => names.contains(tenant),
        }
    }
}

/// Which runs. All conditions hold at once.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of these tenants.
    pub tenants: Tenants,
    /// Of this flow.
    pub flow: Option<FlowName>,
    /// In this state.
    pub state: Option<RunState>,
    /// Of this backfill.
    pub backfill: Option<BackfillId>,
    /// With a lower number: the last one of the page before.
    pub before: Option<RunId>,
    /// This many at the most; the newest come first.
    pub limit: u32,
}

/// A run in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// Which.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// When it was made.
    pub created: Timestamp,
    /// When it became final; none while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What it is of.
    pub spec: RunSpec,
    /// Digest of the version of its flow that it is pinned to: another one than `spec` says after a retry.
    pub flow_digest: String,
}

/// A backfill in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackfillRow {
    /// Which.
    pub backfill: BackfillId,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was asked to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Timestamp>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What it is of.
    pub spec: BackfillSpec,
    /// Runs made so far by state, with those that retention took.
    pub runs: RunCounts,
}

/// Runs by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct RunCounts {
    pub running: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
}

impl RunCounts {
    /// The count of a state.
    pub fn of(&mut self, state: RunState) -> &mut u64 {
        match state {
            RunState::Running => &mut self.running,
            RunState::Succeeded => &mut self.succeeded,
            RunState::Failed => &mut self.failed,
            RunState::Cancelled => &mut self.cancelled,
        }
    }
}

/// Which attempts of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptFilter {
    /// Of the task at this position.
    pub task: Option<u16>,
    /// Of this item of the fan-out.
    pub item: Option<u32>,
    /// After this many that also fit.
    pub skip: u32,
    /// This many at the most.
    pub limit: u32,
}

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactRow {
    /// The task that wrote it.
    pub task: String,
    /// Position in the fan-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The attempt that wrote it.
    pub attempt: u32,
    /// What it is.
    pub artifact: Artifact,
}
