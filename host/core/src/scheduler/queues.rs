//! Which task is next, within the bounds on how much runs at one time.
//!
//! Each (tenant, pool) is a lane with its own order. A lane whose first task does not fit is set aside until a slot of the
//! bound that stopped it is given back: until then it costs nothing.

use crate::event::RunId;
use crate::plan::Plan;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A task in line. The order is the one in which tasks start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) flow_priority: Reverse<i32>,
    pub(crate) task_priority: Reverse<i32>,
    pub(crate) run: RunId,
    pub(crate) task: u16,
}

pub(crate) type LaneId = usize;

#[derive(Debug, Default)]
pub(crate) struct Queues {
    running: u32,
    parallelism: u32,
    tenants: BTreeMap<String, usize>,
    pools: BTreeMap<String, usize>,
    bounds: Vec<Bound>,
    lanes: Vec<Lane>,
    lane_ids: BTreeMap<(usize, Option<usize>), LaneId>,
    /// The first place of each lane that is not set aside.
    heads: BTreeSet<(Place, LaneId)>,
}

#[derive(Debug, Default)]
struct Bound {
    used: u32,
    /// None: no bound.
    size: Option<u32>,
    /// Lanes that wait for it.
    aside: BTreeSet<LaneId>,
}

#[derive(Debug)]
struct Lane {
    tenant: usize,
    pool: Option<usize>,
    places: BTreeSet<Place>,
    aside: bool,
}

impl Bound {
    /// What takes more than there is at all may run alone. A bound of 0 lets nothing through.
    fn fits(&self, slots: u32) -> bool {
        self.size.is_none_or(|size| size > 0 && (self.used == 0 || self.used.saturating_add(slots) <= size))
    }
}

impl Queues {
    /// Takes over the bounds of a plan. A tenant or pool that it has not has no bound: what is pinned to it can end.
    pub(crate) fn set_bounds(&mut self, plan: &Plan) {
        self.parallelism = plan.coordinator.parallelism;
        for (name, &bound) in &self.tenants {
            self.bounds[bound].size = plan.tenants.get(name).and_then(|t| t.parallelism);
        }
        for (name, &bound) in &self.pools {
            self.bounds[bound].size = plan.coordinator.pools.get(name).copied();
        }
        for bound in 0..self.bounds.len() {
            self.recall(bound);
        }
    }

    /// The lane of a tenant's tasks of a pool.
    pub(crate) fn lane(&mut self, plan: &Plan, tenant: &str, pool: Option<&str>) -> LaneId {
        let size = |name: &str| plan.tenants.get(name).and_then(|t| t.parallelism);
        let tenant = bound_of(&mut self.tenants, &mut self.bounds, tenant, size);
        let size = |name: &str| plan.coordinator.pools.get(name).copied();
        let pool = pool.map(|pool| bound_of(&mut self.pools, &mut self.bounds, pool, size));
        *self.lane_ids.entry((tenant, pool)).or_insert_with(|| {
            self.lanes.push(Lane { tenant, pool, places: BTreeSet::new(), aside: false });
            self.lanes.len() - 1
        })
    }

    pub(crate) fn push(&mut self, lane: LaneId, place: Place) {
        self.change(lane, |places| {
            places.insert(place);
        });
    }

    pub(crate) fn remove(&mut self, lane: LaneId, place: Place) {
        self.change(lane, |places| {
            places.remove(&place);
        });
    }

    fn change(&mut self, id: LaneId, change: impl FnOnce(&mut BTreeSet<Place>)) {
        let lane = &mut self.lanes[id];
        let before = lane.places.first().copied();
        change(&mut lane.places);
        let after = lane.places.first().copied();
        if before == after {
            return;
        }
        // Another first task may fit where the one before did not.
        if lane.aside {
            lane.aside = false;
        } else if let Some(before) = before {
            self.heads.remove(&(before, id));
        }
        if let Some(after) = after {
            self.heads.insert((after, id));
        }
    }

    /// The next task, if there is room for anything at all.
    pub(crate) fn next(&self) -> Option<(Place, LaneId)> {
        if self.running >= self.parallelism { None } else { self.heads.first().copied() }
    }

    /// Takes room for an attempt of the lane's first task. Where there is none, sets the lane aside and says no.
    pub(crate) fn take(&mut self, id: LaneId, slots: u32) -> bool {
        let Lane { tenant, pool, .. } = self.lanes[id];
        let full = if !self.bounds[tenant].fits(1) {
            Some(tenant)
        } else {
            pool.filter(|pool| !self.bounds[*pool].fits(slots))
        };
        if let Some(full) = full {
            self.bounds[full].aside.insert(id);
            let lane = &mut self.lanes[id];
            lane.aside = true;
            if let Some(&first) = lane.places.first() {
                self.heads.remove(&(first, id));
            }
            return false;
        }
        self.occupy(id, slots);
        true
    }

    /// Takes room without asking whether there is any: for attempts that run already.
    pub(crate) fn occupy(&mut self, id: LaneId, slots: u32) {
        let Lane { tenant, pool, .. } = self.lanes[id];
        self.running += 1;
        self.bounds[tenant].used += 1;
        if let Some(pool) = pool {
            self.bounds[pool].used += slots;
        }
    }

    /// Gives the room of an attempt back.
    pub(crate) fn release(&mut self, id: LaneId, slots: u32) {
        let Lane { tenant, pool, .. } = self.lanes[id];
        self.running -= 1;
        self.bounds[tenant].used -= 1;
        self.recall(tenant);
        if let Some(pool) = pool {
            self.bounds[pool].used -= slots;
            self.recall(pool);
        }
    }

    /// Lanes that waited for a bound are looked at again.
    fn recall(&mut self, bound: usize) {
        for id in std::mem::take(&mut self.bounds[bound].aside) {
            let lane = &mut self.lanes[id];
            lane.aside = false;
            if let Some(&first) = lane.places.first() {
                self.heads.insert((first, id));
            }
        }
    }

    /// Attempts that run.
    pub(crate) fn running(&self) -> u32 {
        self.running
    }

    /// Tenants by name, with what they use.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&str, u32, Option<u32>)> {
        self.tenants.iter().map(|(name, &b)| (name.as_str(), self.bounds[b].used, self.bounds[b].size))
    }

    /// Pools by name, with what is used of them.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (&str, u32, Option<u32>)> {
        self.pools.iter().map(|(name, &b)| (name.as_str(), self.bounds[b].used, self.bounds[b].size))
    }

    /// Every task in line.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.lanes.iter().flat_map(|lane| &lane.places)
    }
}

fn bound_of(
    names: &mut BTreeMap<String, usize>,
    bounds: &mut Vec<Bound>,
    name: &str,
    size: impl FnOnce(&str) -> Option<u32>,
) -> usize {
    if let Some(&bound) = names.get(name) {
        return bound;
    }
    bounds.push(Bound { size: size(name), ..Bound::default() });
    names.insert(name.to_owned(), bounds.len() - 1);
    bounds.len() - 1
}
