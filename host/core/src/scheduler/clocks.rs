//! The ticks of the flows' schedules, and the ledger of how each ended.

use super::Scheduler;
use crate::decide::missed::{is_late, is_past_deadline, missed};
use crate::event::{Entry, RunId, RunSpec, Tick, TickEnd, TickSkip, Trigger};
use crate::plan::{ConcurrencyPolicy, Flow, FlowName, Missed};
use crate::schedule::Schedule;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Missed ticks that are looked at one by one, where `missed` does not ask for more; older ones are passed over.
const MOST_TICKS: usize = 100;

/// The clocks of all flows with a schedule.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// Up to when the ticks of a flow need no more looking at.
    pub(super) cursors: BTreeMap<FlowName, Timestamp>,
    by_flow: BTreeMap<FlowName, Clock>,
    alarms: BTreeSet<(Timestamp, FlowName)>,
    /// Runs of schedules that are not final.
    active: BTreeMap<FlowName, BTreeSet<RunId>>,
    /// The plan has changed since the clocks were set.
    pub(super) stale: bool,
    pub(super) stopped: bool,
}

#[derive(Debug)]
struct Clock {
    schedule: Schedule,
    /// The newest tick that was looked at, or when the flow was first seen.
    seen: Timestamp,
    /// A tick that waits for the active run to end.
    held: Option<Timestamp>,
    alarm: Option<Timestamp>,
}

impl Clocks {
    /// When a clock is to be looked at next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.alarms.first().map(|(at, _)| *at)
    }

    pub(super) fn began(&mut self, flow: &FlowName, run: RunId) {
        self.active.entry(flow.clone()).or_default().insert(run);
    }

    /// A run of a schedule is final: a tick that waited for it is looked at again.
    pub(super) fn ended(&mut self, flow: &FlowName, run: RunId, now: Timestamp) {
        let Some(active) = self.active.get_mut(flow) else { return };
        active.remove(&run);
        if active.is_empty() {
            self.active.remove(flow);
            if self.by_flow.get(flow).is_some_and(|clock| clock.held.is_some()) {
                self.set_alarm(flow, Some(now));
            }
        }
    }

    fn set_alarm(&mut self, flow: &FlowName, at: Option<Timestamp>) {
        let Some(clock) = self.by_flow.get_mut(flow) else { return };
        if let Some(before) = std::mem::replace(&mut clock.alarm, at) {
            self.alarms.remove(&(before, flow.clone()));
        }
        if let Some(at) = at {
            self.alarms.insert((at, flow.clone()));
        }
    }

    fn drop_clock(&mut self, flow: &FlowName) {
        self.set_alarm(flow, None);
        self.by_flow.remove(flow);
    }
}

impl Scheduler {
    /// Whether ticks of schedules become runs. They do unless told otherwise; ticks that come meanwhile are missed ones.
    pub fn run_schedules(&mut self, on: bool) {
        self.clocks.stopped = !on;
    }

    /// Everything that is due by the clocks.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if self.clocks.stopped {
            return;
        }
        if self.clocks.stale {
            self.set_clocks(now);
        }
        while let Some((at, name)) = self.clocks.alarms.first().cloned() {
            if at > now {
                break;
            }
            self.clocks.set_alarm(&name, None);
            match self.plan.flows.get(&name).cloned() {
                Some(flow) => self.flow_due(&flow, now),
                None => self.clocks.drop_clock(&name),
            }
        }
    }

    /// Makes the clocks those of the plan.
    fn set_clocks(&mut self, now: Timestamp) {
        self.clocks.stale = false;
        let plan = self.plan.clone();
        let gone: Vec<_> = self.clocks.by_flow.keys().filter(|name| !plan.flows.contains_key(name)).cloned().collect();
        gone.iter().for_each(|name| self.clocks.drop_clock(name));
        for (name, flow) in &plan.flows {
            let schedule = flow.schedule.as_deref().and_then(|text| Schedule::parse(text, flow.time_zone).ok());
            let known = self.clocks.by_flow.get(name);
            if known.map(|clock| &clock.schedule) == schedule.as_ref() {
                continue;
            }
            // Another schedule does not make up for ticks that it would have had.
            let changed = known.is_some();
            self.clocks.drop_clock(name);
            let Some(schedule) = schedule else { continue };
            let seen = match self.clocks.cursors.get(name) {
                Some(cursor) if !changed => *cursor,
                _ => self.move_cursor(name, now),
            };
            self.clocks.by_flow.insert(name.clone(), Clock { schedule, seen, held: None, alarm: None });
            self.set_next_alarm(flow);
        }
    }

    fn move_cursor(&mut self, flow: &FlowName, at: Timestamp) -> Timestamp {
        self.clocks.cursors.insert(flow.clone(), at);
        self.out.entries.push(Entry::Cursor { flow: flow.clone(), at });
        at
    }

    fn set_next_alarm(&mut self, flow: &Flow) {
        let Some(clock) = self.clocks.by_flow.get(&flow.name) else { return };
        let tick = clock.schedule.next_after(clock.seen);
        let deadline = clock.held.zip(flow.starting_deadline_us);
        // The deadline has passed a microsecond after it.
        let deadline = deadline.map(|(held, us)| held.plus(Duration::from_micros(us.saturating_add(1))));
        let next = [tick, deadline].into_iter().flatten().min();
        self.clocks.set_alarm(&flow.name, next);
    }

    fn flow_due(&mut self, flow: &Arc<Flow>, now: Timestamp) {
        let Some(mut clock) = self.clocks.by_flow.remove(&flow.name) else { return };
        let done = self.look_at(&mut clock, flow, now);
        self.clocks.by_flow.insert(flow.name.clone(), clock);
        if let Some(done) = done {
            self.move_cursor(&flow.name, done);
        }
        self.set_next_alarm(flow);
    }

    /// Looks at the ticks that have come. Gives the one up to which all have ended.
    fn look_at(&mut self, clock: &mut Clock, flow: &Arc<Flow>, now: Timestamp) -> Option<Timestamp> {
        let most = match flow.missed {
            Missed::All { max } => MOST_TICKS.max(max as usize),
            Missed::Skip | Missed::Last => MOST_TICKS,
        };
        let mut done = None;
        if let Some(held) = clock.held {
            let past = is_past_deadline(flow, held, now);
            if past || flow.suspend {
                self.skip_tick(flow, held, if past { TickSkip::StartingDeadline } else { TickSkip::Suspended }, now);
                (clock.held, done) = (None, Some(held));
            } else if !self.is_active(flow) {
                self.run_tick(flow, held, now);
                (clock.held, done) = (None, Some(held));
            }
        }
        let ticks = clock.schedule.ticks_between(clock.seen, now, most).newest;
        for (&tick, skip) in ticks.iter().zip(missed(flow, &ticks, now)) {
            clock.seen = tick;
            // Ticks end in their order, so that one instant says which have: a newer one ends the one that is held.
            if let Some(older) = clock.held.take() {
                self.skip_tick(flow, older, TickSkip::Forbidden, now);
                done = Some(older);
            }
            if let Some(skip) = skip {
                self.skip_tick(flow, tick, skip, now);
            } else if flow.concurrency_policy == ConcurrencyPolicy::Forbid && self.is_active(flow) {
                clock.held = Some(tick);
            } else {
                self.run_tick(flow, tick, now);
            }
            if clock.held.is_none() {
                done = Some(tick);
            }
        }
        done
    }

    fn is_active(&self, flow: &Flow) -> bool {
        self.clocks.active.contains_key(&flow.name)
    }

    fn run_tick(&mut self, flow: &Arc<Flow>, tick: Timestamp, now: Timestamp) {
        let partition = match &flow.partitions {
            None => None,
            Some(partitions) => match partitions.of_tick(tick, flow.partition_offset) {
                Some(partition) => Some(partition),
                None => return self.skip_tick(flow, tick, TickSkip::NoPartition, now),
            },
        };
        if flow.concurrency_policy == ConcurrencyPolicy::Replace {
            let active = self.clocks.active.get(&flow.name).cloned().unwrap_or_default();
            for run in active {
                // One that is being cancelled already stays so.
                let _ = self.cancel_run(run, now);
            }
        }
        let spec = RunSpec {
            flow: flow.name.clone(),
            flow_digest: flow.digest.clone(),
            trigger: Trigger::Schedule,
            scheduled_time: Some(tick),
            partition,
            layer: None,
            params: flow.params.defaults.clone(),
        };
        // The check of a config refuses a flow without tasks, which is all that could be wrong.
        let Ok(run) = self.new_run(flow, spec, now) else { return };
        let end = if is_late(tick, now) { TickEnd::Late(run) } else { TickEnd::Ran(run) };
        self.ledger(flow, tick, end, now);
    }

    fn skip_tick(&mut self, flow: &Flow, tick: Timestamp, skip: TickSkip, now: Timestamp) {
        self.ledger(flow, tick, TickEnd::Skipped(skip), now);
    }

    fn ledger(&mut self, flow: &Flow, scheduled_time: Timestamp, end: TickEnd, now: Timestamp) {
        self.out.entries.push(Entry::Tick(Tick { flow: flow.name.clone(), scheduled_time, at: now, end }));
    }
}
