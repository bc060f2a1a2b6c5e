use crate::api::types::{AttemptDetail, ItemCounts, Progress, RunEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use wharf_core::action::{AttemptKey, TaskEnded};
use wharf_core::event::{Entry, Event, RunId};
use wharf_core::plan::Flow;
use wharf_core::run::Run;
use wharf_core::time::Timestamp;

/// Changes that a slow reader can be behind by; one that is further behind is told so and reads anew.
const BEHIND: usize = 4096;

/// A change of a run.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// This.
    Event(RunEvent),
    /// Something: nobody looked when it was decided, so it was not worked out what.
    Something,
}

/// Tells readers what changed, once it is durable.
#[derive(Debug)]
pub(crate) struct Feed {
    runs: broadcast::Sender<(RunId, Change)>,
    /// Counts runs and backfills that came or ended.
    listed: watch::Sender<u64>,
}

/// What readers hold.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    runs: broadcast::Sender<(RunId, Change)>,
    listed: watch::Receiver<u64>,
}

impl Feed {
    pub(crate) fn new() -> Feed {
        Feed { runs: broadcast::channel(BEHIND).0, listed: watch::channel(0).0 }
    }

    pub(crate) fn readers(&self) -> Readers {
        Readers { runs: self.runs.clone(), listed: self.listed.subscribe() }
    }

    /// Whether anybody looks at runs.
    pub(crate) fn is_watched(&self) -> bool {
        self.runs.receiver_count() > 0
    }

    pub(crate) fn publish_all(&self, changes: Vec<(RunId, Change)>) {
        if self.is_watched() {
            for change in changes {
                // Nobody may look any more.
                let _ = self.runs.send(change);
            }
        }
    }

    pub(crate) fn progress(&self, key: AttemptKey, flow: Option<&Arc<Flow>>, progress: Progress) {
        if let Some(task) = flow.and_then(|f| f.tasks.get(usize::from(key.task))) {
            let task = task.name.clone();
            let event = RunEvent::Progress { task, item: key.item, attempt: key.attempt, progress };
            self.publish_all(vec![(key.run, Change::Event(event))]);
        }
    }

    pub(crate) fn phase(&self, key: AttemptKey, flow: Option<&Arc<Flow>>, phase: String) {
        if let Some(task) = flow.and_then(|f| f.tasks.get(usize::from(key.task))) {
            let task = task.name.clone();
            let event = RunEvent::Phase { task, item: key.item, attempt: key.attempt, phase };
            self.publish_all(vec![(key.run, Change::Event(event))]);
        }
    }

    pub(crate) fn list_changed(&self) {
        self.listed.send_modify(|n| *n += 1);
    }
}

impl Readers {
    pub(crate) fn runs(&self) -> broadcast::Receiver<(RunId, Change)> {
        self.runs.subscribe()
    }

    pub(crate) fn listed(&self) -> watch::Receiver<u64> {
        self.listed.clone()
    }
}

/// What has to be known to tell in words what entries say in numbers.
pub(crate) trait Known {
    /// The flow of a run.
    fn flow(&self, run: RunId) -> Option<&Flow>;
    /// A run that is not final.
    fn run(&self, run: RunId) -> Option<&Run>;
    /// When an attempt was started.
    fn started(&self, attempt: AttemptKey) -> Option<Timestamp>;
}

/// What entries mean to those who look at runs.
pub(crate) fn events(entries: &[Entry], ended: &[TaskEnded], known: &impl Known) -> Vec<(RunId, Change)> {
    let name = |run, task: u16| known.flow(run).and_then(|f| f.tasks.get(usize::from(task))).map(|t| t.name.clone());
    let (mut events, mut touched, mut finals) = (Vec::new(), BTreeSet::new(), Vec::new());
    for entry in entries {
        let Entry::Run { run, at, event } = entry else { continue };
        let (run, at) = (*run, at.to_string());
        let (task, detail) = match event {
            Event::Started { task, item, attempt } => {
                let (item, attempt) = (*item, *attempt);
                let (ended_at, outcome, progress, phase) = (None, None, None, None);
                let begun = AttemptDetail { item, attempt, started_at: at, ended_at, outcome, progress, phase };
                (*task, Some(begun))
            }
            Event::Finished { task, item, attempt, outcome } => {
                let (item, attempt) = (*item, *attempt);
                let started = known.started(AttemptKey { run, task: *task, item, attempt });
                let (started_at, outcome) =
                    (started.map_or_else(|| at.clone(), |t| t.to_string()), Some(*outcome.clone()));
                let (ended_at, progress, phase) = (Some(at), None, None);
                (*task, Some(AttemptDetail { item, attempt, started_at, ended_at, outcome, progress, phase }))
            }
            Event::Expanded { task, .. } | Event::Skipped { task, .. } | Event::Refused { task, .. } => (*task, None),
            Event::Ended { state } => {
                finals.push((run, RunEvent::Ended { state: *state }));
                continue;
            }
            Event::Created(_) | Event::CancelRequested | Event::Retried { .. } => continue,
        };
        touched.insert((run, task));
        if let (Some(task), Some(detail)) = (name(run, task), detail) {
            events.push((run, RunEvent::Attempt { task, detail: Box::new(detail) }));
        }
    }
    let ended: BTreeMap<_, _> = ended.iter().map(|t| ((t.run, t.task), t.state)).collect();
    touched.extend(ended.keys().copied());
    for (run, task) in touched {
        let view = known.run(run).and_then(|r| r.task(task));
        let state = ended.get(&(run, task)).copied().or(view.map(|v| v.state));
        if let (Some(task), Some(state)) = (name(run, task), state) {
            let items = view.and_then(|v| v.items.map(|total| ItemCounts::new(total, &v.counts)));
            events.push((run, RunEvent::Task { task, state: state.into(), items }));
        }
    }
    events.extend(finals);
    events.into_iter().map(|(run, event)| (run, Change::Event(event))).collect()
}

/// The runs that entries are about.
pub(crate) fn touched(entries: &[Entry]) -> Vec<(RunId, Change)> {
    let mut runs: Vec<RunId> = Vec::new();
    for entry in entries {
        if let Entry::Run { run, .. } = entry
            && runs.last() != Some(run)
        {
            runs.push(*run);
        }
    }
    runs.into_iter().map(|run| (run, Change::Something)).collect()
}
