//! What others may know.

use super::{BackfillSummary, Scheduler};
use crate::event::{BackfillId, RunId, RunState};
use crate::plan::{FlowName, Plan};
use crate::run::{AttemptView, Counts, Run, TaskState};
use crate::time::Timestamp;
use std::sync::Arc;

/// A live run in a few numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Which.
    pub run: RunId,
    /// Of which flow.
    pub flow: FlowName,
    /// Where it stands.
    pub state: RunState,
    /// Tasks that are waiting or ready.
    pub waiting: u32,
    /// Tasks that are active.
    pub active: u32,
    /// Tasks that are final.
    pub ended: u32,
    /// Items of all fan-outs that were worked out, and plain tasks, by where they stand.
    pub items: Counts,
}

/// How much of a bound is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Name of the tenant or pool.
    pub name: String,
    /// Attempts of a tenant, slots of a pool.
    pub used: u32,
    /// None: no bound.
    pub size: Option<u32>,
}

/// How busy the scheduler is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Runs that are not final.
    pub runs: usize,
    /// Attempts that are open.
    pub running: u32,
    /// Attempts at one time.
    pub parallelism: u32,
    /// Attempts that could be started, had they room.
    pub queued: u64,
    /// Since when the first task in line has been ready.
    pub oldest: Option<Timestamp>,
    /// By name; those that ever had an attempt.
    pub tenants: Vec<Usage>,
    /// By name; those that ever had an attempt.
    pub pools: Vec<Usage>,
}

impl Scheduler {
    /// The plan that is in force.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// A run that is not final.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.runs.get(&run).map(|live| &live.run)
    }

    /// Every run that is not final, ascending by number.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|live| &live.run)
    }

    /// Attempts that are started and not finished, by run, task and item.
    pub fn open_attempts(&self) -> impl Iterator<Item = AttemptView> + '_ {
        self.open.iter().map(|(attempt, open)| AttemptView { attempt: *attempt, started: open.started })
    }

    /// Whether there is nothing to be done and nothing to wait for but ticks.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let nothing_out = self.out.entries.is_empty() && self.out.actions.is_empty();
        self.runs.is_empty() && self.backfills.is_empty() && nothing_out
    }

    /// A backfill that is not over.
    #[must_use]
    pub fn backfill_summary(&self, id: BackfillId) -> Option<BackfillSummary> {
        self.backfills.get(&id).map(super::Backfill::summary)
    }

    /// Every backfill that is not over, ascending by number.
    pub fn backfills(&self) -> impl Iterator<Item = BackfillSummary> + '_ {
        self.backfills.values().map(super::Backfill::summary)
    }

    /// A live run in a few numbers. Costs as much as its flow has tasks.
    #[must_use]
    pub fn summary(&self, run: RunId) -> Option<RunSummary> {
        let run = self.run(run)?;
        let mut summary = RunSummary {
            run: run.id(),
            flow: run.spec().flow.clone(),
            state: run.state(),
            waiting: 0,
            active: 0,
            ended: 0,
            items: Counts::default(),
        };
        for task in run.tasks() {
            match task.state {
                TaskState::Waiting | TaskState::Ready => summary.waiting += 1,
                TaskState::Active => summary.active += 1,
                _ => summary.ended += 1,
            }
            summary.items.waiting += task.counts.waiting;
            summary.items.open += task.counts.open;
            summary.items.retrying += task.counts.retrying;
            summary.items.succeeded += task.counts.succeeded;
            summary.items.failed += task.counts.failed;
            summary.items.cancelled += task.counts.cancelled;
        }
        Some(summary)
    }

    /// How busy it is. Costs as much as there are tasks in line.
    #[must_use]
    pub fn load(&self) -> Load {
        let (mut queued, mut oldest) = (0, None);
        for place in self.queues.places() {
            let Some(live) = self.runs.get(&place.run) else { continue };
            let t = live.run.task_run(place.task);
            let due = live.due.get(&place.task).map_or(0, std::collections::BTreeMap::len);
            queued += u64::from(t.total() - t.cursor) + due as u64;
            oldest = Some(oldest.map_or(t.since, |o: Timestamp| o.min(t.since)));
        }
        let usage = |(name, used, size): (&str, u32, Option<u32>)| Usage { name: name.to_owned(), used, size };
        Load {
            runs: self.runs.len(),
            running: self.queues.running(),
            parallelism: self.plan.coordinator.parallelism,
            queued,
            oldest,
            tenants: self.queues.tenants().map(usage).collect(),
            pools: self.queues.pools().map(usage).collect(),
        }
    }
}
