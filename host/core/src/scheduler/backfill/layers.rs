//! Which runs a backfill is made of, and which of them wait for which.

use crate::event::{BackfillSpec, RunState};
use crate::partition::{Granularity, Partition, PartitionError};
use crate::plan::Flow;
use crate::run::{grain, own_grain};
use std::collections::BTreeSet;

/// The runs of one granularity.
#[derive(Debug)]
pub(super) struct Layer {
    /// As the runs have it: none where the flow has one layer only.
    pub(super) granularity: Option<Granularity>,
    /// In order.
    pub(super) parts: Vec<Part>,
}

/// A run that is to be, is, or was.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) partition: Partition,
    /// Parts of the next finer layer that it waits for.
    pub(super) left: u32,
    /// The part of the next coarser layer that waits for it.
    pub(super) parent: Option<usize>,
    pub(super) state: Option<RunState>,
    /// Succeeded before, and nothing that it is made of runs again.
    pub(super) left_out: bool,
}

/// From the finest to the coarsest; only those that have tasks.
pub(super) fn layers(flow: &Flow, spec: &BackfillSpec) -> Result<Vec<Layer>, PartitionError> {
    let Some(partitions) = &flow.partitions else { return Ok(Vec::new()) };
    let grains: BTreeSet<Granularity> = flow.tasks.iter().map(|task| grain(flow, task)).collect();
    let own = own_grain(flow);
    let single = grains.len() == 1 && grains.contains(&own);
    let skip: BTreeSet<&str> = spec.skip.iter().map(String::as_str).collect();
    let fine: Vec<Partition> = partitions.range(&spec.from, &spec.to)?.collect();

    let mut layers: Vec<Layer> = Vec::new();
    for granularity in grains {
        let mut parts: Vec<Part> = Vec::new();
        let coarser =
            |p: &Partition| if granularity == own { Some(p.clone()) } else { partitions.coarser(p, granularity) };
        for partition in fine.iter().filter_map(coarser) {
            if parts.last().is_none_or(|last| last.partition.key != partition.key) {
                parts.push(Part { partition, left: 0, parent: None, state: None, left_out: false });
            }
        }
        if let Some(below) = layers.last_mut() {
            join(below, &mut parts, |p| partitions.coarser(p, granularity));
        }
        for part in &mut parts {
            part.left_out = part.left == 0 && skip.contains(part.partition.key.as_str());
        }
        layers.push(Layer { granularity: (!single).then_some(granularity), parts });
    }
    Ok(layers)
}

/// Lets each part of a layer know its parent in the next one. Both are in the same order.
fn join(below: &mut Layer, above: &mut [Part], parent_of: impl Fn(&Partition) -> Option<Partition>) {
    let mut at = 0;
    for part in &mut below.parts {
        let Some(parent) = parent_of(&part.partition) else { continue };
        while at < above.len() && above[at].partition.key != parent.key {
            at += 1;
        }
        if at == above.len() {
            return;
        }
        part.parent = Some(at);
        above[at].left += u32::from(!part.left_out);
    }
}
