//! All runs at once: what is due, what is next, what is to be done.
//!
//! Inputs (a request, an attempt's end, a changed plan) apply at once in memory. [`Scheduler::decide`] then says in one
//! [`Batch`] what is to be recorded and, once that is durable, performed. Memory may be ahead of the store, the outside
//! world never is. The same inputs at the same times give the same batches.
//!
//! The cost of an input grows with what it touches: the edges of the task, not the flow, the items or the history.

mod backfill;
mod clocks;
mod fire;
mod inputs;
mod live;
mod prepare;
mod queues;
mod read;
mod record;
mod recovered;
mod refusal;
mod request;
mod restore;
mod retry;
mod start;
mod timers;

pub use backfill::BackfillSummary;
pub use inputs::CANCEL_GRACE;
pub use read::{Load, RunSummary, Usage};
pub use recovered::{BackfillRun, Recovered, RecoveredBackfill, RecoveredRun};
pub use refusal::{Refusal, RefusalKind};
pub use request::{BackfillRequest, RunRequest};
pub use restore::Unrecoverable;

use crate::action::{AttemptKey, Batch};
use crate::decide::templates::Templates;
use crate::event::{BackfillId, RunId};
use crate::plan::{Flow, Plan};
use crate::time::Timestamp;
use backfill::Backfill;
use clocks::Clocks;
use live::Live;
use queues::{LaneId, Queues};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use timers::Timers;

/// State of everything that is not over.
#[derive(Debug)]
pub struct Scheduler {
    plan: Arc<Plan>,
    next_run: u64,
    next_backfill: u64,
    runs: BTreeMap<RunId, Live>,
    backfills: BTreeMap<BackfillId, Backfill>,
    clocks: Clocks,
    /// By digest of the flow.
    templates: BTreeMap<String, Arc<Templates>>,
    queues: Queues,
    timers: Timers,
    open: BTreeMap<AttemptKey, Open>,
    /// Tasks to be worked out: they became ready, or what they waited for is there.
    fresh: BTreeSet<(RunId, u16)>,
    /// Runs of which every task is final.
    over: BTreeSet<RunId>,
    /// Final runs that were brought back and have not gone on.
    loaded: BTreeSet<RunId>,
    /// Backfills to be looked at: they may have a run to make, or be over.
    eager: BTreeSet<BackfillId>,
    hold: bool,
    /// The time by the clock that waits are measured with.
    measured: Duration,
    /// What the inputs since the last decision led to.
    out: Batch,
}

/// An attempt that was started and has not ended.
#[derive(Debug)]
struct Open {
    lane: LaneId,
    slots: u32,
    started: Timestamp,
    /// It did not answer long after its timeout, and was told to stop.
    overdue: bool,
}

impl Scheduler {
    /// A scheduler without runs.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Scheduler {
        let mut scheduler = Scheduler {
            plan: Arc::new(Plan::default()),
            next_run: 1,
            next_backfill: 1,
            runs: BTreeMap::new(),
            backfills: BTreeMap::new(),
            clocks: Clocks::default(),
            templates: BTreeMap::new(),
            queues: Queues::default(),
            timers: Timers::default(),
            open: BTreeMap::new(),
            fresh: BTreeSet::new(),
            over: BTreeSet::new(),
            loaded: BTreeSet::new(),
            eager: BTreeSet::new(),
            hold: false,
            measured: Duration::ZERO,
            out: Batch::default(),
        };
        scheduler.set_plan(plan);
        scheduler
    }

    /// Takes a changed plan over. Runs that are not final stay on the flow that they are pinned to; flows that are gone
    /// tick no more, new ones and changed schedules tick from the next decision on.
    pub fn set_plan(&mut self, plan: Arc<Plan>) {
        self.queues.set_bounds(&plan);
        self.clocks.stale = true;
        self.plan = plan;
        let Scheduler { templates, plan, .. } = self;
        templates.retain(|digest, t| Arc::strong_count(t) > 1 || plan.flows.values().any(|f| f.digest == *digest));
    }

    /// Whether anything new is started. While held (the store fails, or the coordinator drains) what ends is still taken
    /// in, and nothing is begun.
    pub fn hold(&mut self, hold: bool) {
        self.hold = hold;
    }

    /// Takes note of the time on a clock that nobody sets, from any beginning on. Nothing is decided by it: it only tells how
    /// long what becomes ready from now on waits ([`crate::action::Start::waited`]), whatever the wall clock does.
    pub fn measure(&mut self, time: Duration) {
        self.measured = time;
    }

    /// What is to be recorded and then done at `now`, all that there is room for.
    ///
    /// Where the clock was set back, what waits goes on waiting as long as it still had to, and not for what the clock lost too.
    pub fn decide(&mut self, now: Timestamp) -> Batch {
        self.timers.at(now);
        for run in std::mem::take(&mut self.loaded) {
            self.runs.remove(&run);
        }
        loop {
            self.fire(now);
            if !self.hold {
                self.tick(now);
                self.make_backfill_runs(now);
                self.prepare_fresh(now);
                self.start(now);
            }
            // A task whose input cannot be worked out ends when it is its turn, and may make others ready.
            let fresh = !self.hold && !self.fresh.is_empty();
            if !self.end_runs(now) && !fresh {
                break;
            }
        }
        let mut batch = std::mem::take(&mut self.out);
        let tick = self.clocks.next().filter(|_| !self.hold && !self.clocks.stopped);
        batch.wake_at = [self.timers.next(), tick].into_iter().flatten().min();
        batch
    }

    fn templates_of(&mut self, flow: &Flow) -> Arc<Templates> {
        let templates = self.templates.entry(flow.digest.clone());
        templates.or_insert_with(|| Arc::new(Templates::new(flow.tasks.len()))).clone()
    }
}
