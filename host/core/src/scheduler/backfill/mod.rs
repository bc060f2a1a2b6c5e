//! Backfills: a run for each partition of a range, then one for each coarser partition whose parts are final.

mod inputs;
mod layers;

use super::recovered::{BackfillRun, RecoveredBackfill};
use crate::event::{BackfillId, BackfillSpec, RunId, RunState};
use crate::partition::{Granularity, PartitionError};
use crate::plan::Flow;
use crate::time::Timestamp;
use layers::{Layer, layers};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A backfill that is not over.
#[derive(Debug)]
pub(super) struct Backfill {
    id: BackfillId,
    spec: BackfillSpec,
    flow: Arc<Flow>,
    created: Timestamp,
    cancelled: bool,
    layers: Vec<Layer>,
    /// Parts whose run can be made, the coarsest first.
    due: BTreeSet<(Reverse<usize>, usize)>,
    active: BTreeMap<RunId, (usize, usize)>,
    total: u32,
    done: u32,
    failed: u32,
}

/// How far a backfill is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillSummary {
    /// Which.
    pub id: BackfillId,
    /// What of.
    pub spec: BackfillSpec,
    /// When it was asked for.
    pub created: Timestamp,
    /// Whether it was asked to stop.
    pub cancelled: bool,
    /// Runs in all.
    pub total: u32,
    /// Runs that are final.
    pub done: u32,
    /// Those of them that did not succeed.
    pub failed: u32,
    /// Runs that are there and not final.
    pub active: u32,
}

impl Backfill {
    fn new(
        id: BackfillId,
        mut spec: BackfillSpec,
        flow: Arc<Flow>,
        created: Timestamp,
    ) -> Result<Backfill, PartitionError> {
        let layers = layers(&flow, &spec)?;
        let parts =
            || layers.iter().enumerate().flat_map(|(l, layer)| layer.parts.iter().enumerate().map(move |p| (l, p)));
        let wanted = parts().filter(|(_, (_, part))| !part.left_out);
        let total = u32::try_from(wanted.clone().count()).unwrap_or(u32::MAX);
        let due = wanted.filter(|(_, (_, part))| part.left == 0).map(|(l, (p, _))| (Reverse(l), p)).collect();
        // What is recorded is what was left out; that gives the same parts again.
        spec.skip = parts().filter(|(_, (_, part))| part.left_out).map(|(_, (_, p))| p.partition.key.clone()).collect();
        let active = BTreeMap::new();
        Ok(Backfill { id, spec, flow, created, cancelled: false, layers, due, active, total, done: 0, failed: 0 })
    }

    /// From what was recorded.
    pub(super) fn recover(recovered: RecoveredBackfill) -> Result<Backfill, PartitionError> {
        let RecoveredBackfill { id, spec, flow, created, cancelled, runs } = recovered;
        let mut backfill = Backfill::new(id, spec, flow, created)?;
        let mut places = BTreeMap::new();
        for (l, layer) in backfill.layers.iter().enumerate() {
            places.extend(
                layer
                    .parts
                    .iter()
                    .enumerate()
                    .map(|(p, part)| ((layer.granularity, part.partition.key.clone()), (l, p))),
            );
        }
        for BackfillRun { run, layer, partition, state } in runs {
            let Some(&place) = places.get(&(layer, partition)) else { continue };
            backfill.began(run, place);
            if state.is_final() {
                backfill.ended(run, state);
            }
        }
        if cancelled {
            backfill.cancel();
        }
        Ok(backfill)
    }

    /// The next part whose run is to be made, if there is room for one.
    fn next(&self) -> Option<(usize, usize)> {
        let room = self.active.len() < self.spec.max_active.max(1) as usize;
        self.due.first().filter(|_| room).map(|(Reverse(layer), part)| (*layer, *part))
    }

    fn began(&mut self, run: RunId, (layer, part): (usize, usize)) {
        self.due.remove(&(Reverse(layer), part));
        self.active.insert(run, (layer, part));
    }

    fn ended(&mut self, run: RunId, state: RunState) {
        let Some((layer, part)) = self.active.remove(&run) else { return };
        self.done += 1;
        self.failed += u32::from(state != RunState::Succeeded);
        let part = &mut self.layers[layer].parts[part];
        part.state = Some(state);
        let Some(parent) = part.parent else { return };
        let above = &mut self.layers[layer + 1].parts[parent];
        above.left -= 1;
        // A part runs once, also where one that it is made of was retried after it.
        let made = above.state.is_some() || self.active.values().any(|place| *place == (layer + 1, parent));
        if above.left == 0 && !made && !self.cancelled {
            self.due.insert((Reverse(layer + 1), parent));
        }
    }

    /// A run that was final is active again.
    fn goes_on(&mut self, run: RunId, granularity: Option<Granularity>, key: &str, before: RunState) {
        let Some(layer) = self.layers.iter().position(|l| l.granularity == granularity) else { return };
        let Some(part) = self.layers[layer].parts.iter().position(|p| p.partition.key == key) else { return };
        self.active.insert(run, (layer, part));
        self.done -= 1;
        self.failed -= u32::from(before != RunState::Succeeded);
        let part = &mut self.layers[layer].parts[part];
        part.state = None;
        if let Some(parent) = part.parent {
            self.layers[layer + 1].parts[parent].left += 1;
            self.due.remove(&(Reverse(layer + 1), parent));
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.due.clear();
    }

    /// How it ended, once every run of it is final and none is to be made.
    fn end_state(&self) -> Option<RunState> {
        if !self.active.is_empty() || !self.due.is_empty() {
            return None;
        }
        Some(match (self.cancelled, self.failed) {
            (true, _) => RunState::Cancelled,
            (false, 0) => RunState::Succeeded,
            (false, _) => RunState::Failed,
        })
    }

    pub(super) fn summary(&self) -> BackfillSummary {
        BackfillSummary {
            id: self.id,
            spec: self.spec.clone(),
            created: self.created,
            cancelled: self.cancelled,
            total: self.total,
            done: self.done,
            failed: self.failed,
            active: u32::try_from(self.active.len()).unwrap_or(u32::MAX),
        }
    }
}
