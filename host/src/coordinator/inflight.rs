use super::feed::Change;
use super::work::Leftover;
use crate::artifacts::Pinned;
use std::collections::VecDeque;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use wharf_core::action::{Action, AttemptKey};
use wharf_core::event::{RunId, RunState};

/// What waits for one batch to be durable.
pub(super) struct InFlight {
    /// The store's number of the batch.
    pub(super) number: u64,
    /// When it was handed over.
    pub(super) since: Instant,
    /// Outcomes in it.
    pub(super) outcomes: usize,
    /// When these were seen, as far as this coordinator saw them.
    pub(super) ends: Vec<Instant>,
    /// The attempts that ended with it, where the executor keeps something of them until it is durable.
    pub(super) recorded: Vec<AttemptKey>,
    /// To be performed.
    pub(super) actions: Vec<Action>,
    /// Answers to those who asked for what is in it.
    pub(super) answers: Vec<Box<dyn FnOnce() + Send>>,
    /// Runs that became final.
    pub(super) finals: Vec<(RunId, RunState)>,
    /// Held until then: artifacts that only this batch names, final runs that it takes up again.
    pub(super) kept: Kept,
    /// For readers.
    pub(super) changes: Vec<(RunId, Change)>,
    /// Whether listings changed.
    pub(super) listed: bool,
}

/// What retention must not touch for now, and what is left to do then.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) artifacts: Vec<Pinned>,
    pub(super) runs: Vec<OwnedMutexGuard<()>>,
    /// What pods of attempts that end with this batch left in stores.
    pub(super) leftovers: Vec<Leftover>,
}

/// Batches that were handed to the store and are not durable yet, oldest first.
#[derive(Default)]
pub(super) struct Queue {
    batches: VecDeque<InFlight>,
}

impl Queue {
    pub(super) fn push(&mut self, batch: InFlight) {
        self.batches.push_back(batch);
    }

    /// Takes out the oldest batch if it is durable.
    pub(super) fn pop(&mut self, durable: u64) -> Option<InFlight> {
        self.batches.pop_front_if(|b| b.number <= durable)
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}
