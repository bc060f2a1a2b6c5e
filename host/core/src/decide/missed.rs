//! What becomes of the ticks that have come?

use crate::event::TickSkip;
use crate::plan::{Flow, Missed};
use crate::time::Timestamp;
use std::time::Duration;

/// A tick that is run later than this after its time is late, and was missed.
pub(crate) const LATE: Duration = Duration::from_secs(60);

/// Whether a run for the tick would be late.
pub(crate) fn is_late(tick: Timestamp, now: Timestamp) -> bool {
    now.since(tick) > LATE
}

/// Whether the tick may not be started any more.
pub(crate) fn is_past_deadline(flow: &Flow, tick: Timestamp, now: Timestamp) -> bool {
    flow.starting_deadline_us.is_some_and(|us| now.since(tick) > Duration::from_micros(us))
}

/// For each of the ticks (ascending, all of them due) why it becomes no run, or nothing where it is to become one.
///
/// A tick that is in time always becomes one. Of those that are late, `missed` says which are made up for; `last` means
/// the newest tick of all, so that one in time stands for those before it.
pub(crate) fn missed(flow: &Flow, ticks: &[Timestamp], now: Timestamp) -> Vec<Option<TickSkip>> {
    let kept = match flow.missed {
        Missed::Skip => 0,
        Missed::Last => 1,
        Missed::All { max } => max as usize,
    };
    let first_kept = ticks.len().saturating_sub(kept);
    let judge = |(i, tick): (usize, &Timestamp)| {
        if flow.suspend {
            Some(TickSkip::Suspended)
        } else if is_past_deadline(flow, *tick, now) {
            Some(TickSkip::StartingDeadline)
        } else {
            (is_late(*tick, now) && i < first_kept).then_some(TickSkip::Missed)
        }
    };
    ticks.iter().enumerate().map(judge).collect()
}
