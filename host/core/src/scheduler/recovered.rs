use crate::event::{BackfillId, BackfillSpec, Event, RunId, RunState};
use crate::partition::Granularity;
use crate::plan::{Flow, FlowName};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a store gives back after a start: all that is not over.
#[derive(Debug)]
pub struct Recovered {
    /// For each flow the latest instant that an [`crate::event::Entry::Cursor`] of it names.
    pub cursors: BTreeMap<FlowName, Timestamp>,
    /// The lowest number that no run has had.
    pub next_run: RunId,
    /// The lowest number that no backfill has had.
    pub next_backfill: BackfillId,
    /// Runs that are not final, ascending by number.
    pub runs: Vec<RecoveredRun>,
    /// Backfills that are not over, ascending by number.
    pub backfills: Vec<RecoveredBackfill>,
}

/// The first numbers are 1.
impl Default for Recovered {
    fn default() -> Recovered {
        Recovered {
            cursors: BTreeMap::new(),
            next_run: RunId(1),
            next_backfill: BackfillId(1),
            runs: Vec::new(),
            backfills: Vec::new(),
        }
    }
}

/// A run as recorded.
#[derive(Debug)]
pub struct RecoveredRun {
    /// Which.
    pub id: RunId,
    /// Every flow that it was ever pinned to, in any order: those whose digests its `Created` and `Retried` events name.
    pub flows: Vec<Arc<Flow>>,
    /// All its events, in the order of recording, `Created` first.
    pub events: Vec<(Timestamp, Event)>,
}

/// A backfill that is not over.
#[derive(Debug)]
pub struct RecoveredBackfill {
    /// Which.
    pub id: BackfillId,
    /// As recorded.
    pub spec: BackfillSpec,
    /// The flow of the digest that `spec` names.
    pub flow: Arc<Flow>,
    /// When it was asked for.
    pub created: Timestamp,
    /// Whether it was asked to stop.
    pub cancelled: bool,
    /// Every run made for it, live or final, ascending by number.
    pub runs: Vec<BackfillRun>,
}

/// A run of a backfill.
#[derive(Debug, Clone)]
pub struct BackfillRun {
    /// Which.
    pub run: RunId,
    /// [`crate::event::RunSpec::layer`] of it.
    pub layer: Option<Granularity>,
    /// Key of its partition.
    pub partition: String,
    /// Where it stands.
    pub state: RunState,
}
