//! Back from what was recorded.

use super::backfill::Backfill;
use super::timers::{Timer, What};
use super::{Live, Recovered, RecoveredRun, Scheduler};
use crate::event::{BackfillId, RunId, Trigger};
use crate::partition::PartitionError;
use crate::run::{Illegal, Phase, Run, TaskState, position};

/// What was recorded does not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrecoverable {
    /// An event of a run.
    #[error("{0}")]
    Run(#[from] Illegal),
    /// The range of a backfill.
    #[error("backfill {id}: {why}")]
    Backfill {
        /// Which.
        id: BackfillId,
        /// What is wrong with it.
        why: PartitionError,
    },
}

impl Scheduler {
    /// Takes over what a store gives back. To be called once, before any input and any decision. Attempts that are open
    /// afterwards ([`Scheduler::open_attempts`]) are the caller's to end.
    ///
    /// # Errors
    /// What was recorded does not fit together; the scheduler cannot be used then.
    pub fn restore(&mut self, recovered: Recovered) -> Result<(), Unrecoverable> {
        self.next_run = self.next_run.max(recovered.next_run.0);
        self.next_backfill = self.next_backfill.max(recovered.next_backfill.0);
        self.clocks.cursors = recovered.cursors;
        for RecoveredRun { id, flows, events } in recovered.runs {
            if let Some((at, _)) = events.last() {
                self.timers.recorded(*at);
            }
            let run = Run::replay(id, flows, events.iter().map(|(at, event)| (*at, event)))?;
            if run.spec().trigger == Trigger::Schedule && !run.state().is_final() {
                self.clocks.began(&run.spec().flow, id);
            }
            self.adopt(run);
        }
        for backfill in recovered.backfills {
            let id = backfill.id;
            self.backfills.insert(id, Backfill::recover(backfill).map_err(|why| Unrecoverable::Backfill { id, why })?);
            self.eager.insert(id);
        }
        Ok(())
    }

    /// Works out anew what hangs on a run.
    pub(super) fn adopt(&mut self, run: Run) {
        let id = run.id();
        self.next_run = self.next_run.max(id.0.saturating_add(1));
        let templates = self.templates_of(&run.flow().clone());
        let over = run.end_state().is_some();
        self.runs.insert(id, Live::new(run, templates));
        if over {
            self.over.insert(id);
        }
        self.reopen(id);
        self.await_tasks(id);
    }

    /// The books on open attempts.
    fn reopen(&mut self, id: RunId) {
        let Some(live) = self.runs.get(&id) else { return };
        let flow = live.flow().clone();
        let attempts: Vec<_> = live.run.open_attempts().collect();
        for view in attempts {
            let spec = &flow.tasks[usize::from(view.attempt.task)];
            let lane = self.queues.lane(&self.plan, &flow.name.tenant, spec.pool.as_deref());
            self.queues.occupy(lane, spec.slots);
            self.opened(view.attempt, spec, lane, view.started);
        }
    }

    /// What is ready, and what waits for its next attempt.
    pub(super) fn await_tasks(&mut self, id: RunId) {
        let Some(live) = self.runs.get(&id) else { return };
        let (mut ready, mut retries) = (Vec::new(), Vec::new());
        for task in 0..live.flow().tasks.len() {
            let task = position(task);
            let t = live.run.task_run(task);
            if !matches!(t.state, TaskState::Ready | TaskState::Active) || live.run.is_cancelling() {
                continue;
            }
            if t.cursor < t.total() {
                ready.push(task);
            }
            let units = t.units.iter().enumerate().filter(|(_, u)| u.phase == Phase::Retrying);
            retries.extend(units.map(|(item, u)| (task, u32::try_from(item).unwrap_or(u32::MAX), u.at)));
        }
        ready.into_iter().for_each(|task| self.await_start(id, task));
        for (task, item, at) in retries {
            self.timers.set(Timer { run: id, task, item, what: What::Retry }, at);
        }
    }
}
