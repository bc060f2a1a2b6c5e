//! How long an attempt is in which phase, between what this coordinator itself saw of it, by the clock that nobody sets.

use crate::telemetry::AttemptPhase;
use std::time::Duration;
use tokio::time::Instant;

/// The phase that an attempt is in, and since when. Without either: what an earlier coordinator started, until it is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stopwatch {
    phase: Option<AttemptPhase>,
    since: Option<Instant>,
}

impl Stopwatch {
    /// In that phase since then.
    pub(super) fn started(phase: AttemptPhase, since: Instant) -> Stopwatch {
        Stopwatch { phase: Some(phase), since: Some(since) }
    }

    /// When the phase that it is in began, where that was seen.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Takes note of where an attempt is now, and gives the phases that it is through with. One that began and ended between
    /// two looks took no time that was seen. Where it did not go through a phase but ended in it (`to.1` is false), or
    /// where the phase's beginning was not seen, there is nothing to tell of it.
    pub(super) fn reach(&mut self, to: Option<(AttemptPhase, bool)>, now: Instant) -> Vec<(AttemptPhase, Duration)> {
        let Some((to, through)) = to else { return Vec::new() };
        let Some(from) = self.phase else {
            self.phase = Some(to);
            return Vec::new();
        };
        // Only a quota sends back what was let through; else a watch that lags shows what was before.
        if to == from || to < from && to != AttemptPhase::Queued {
            return Vec::new();
        }
        let mut done = Vec::new();
        if through && to > from {
            done.extend(self.since.map(|since| (from, now.saturating_duration_since(since))));
            done.extend(AttemptPhase::ALL.into_iter().filter(|p| *p > from && *p < to).map(|p| (p, Duration::ZERO)));
        }
        *self = Stopwatch::started(to, now);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptPhase::{Created, Guest, Queued, Recorded, Scheduled, Started};

    /// Looks at an attempt at these seconds, and gives what was told.
    fn check(
        mut watch: Stopwatch,
        began: Instant,
        looks: &[(u64, AttemptPhase, bool)],
        expect: &[(AttemptPhase, u64)],
    ) {
        let mut told = Vec::new();
        for (at, phase, through) in looks {
            let done = watch.reach(Some((*phase, *through)), began + Duration::from_secs(*at));
            told.extend(done.into_iter().map(|(phase, time)| (phase, time.as_secs())));
        }
        assert_eq!(told, expect, "{looks:?}");
    }

    #[test]
    fn each_phase_takes_from_its_beginning_to_its_end() {
        let now = Instant::now();
        let queued = || Stopwatch::started(Queued, now);
        let all =
            [(1, Created, true), (3, Scheduled, true), (6, Started, true), (10, Guest, true), (15, Recorded, true)];
        check(queued(), now, &all, &[(Queued, 1), (Created, 2), (Scheduled, 3), (Started, 4), (Guest, 5)]);
        // Looked at again and again, and by a watch that lags.
        let again =
            [(1, Created, true), (2, Created, true), (3, Guest, true), (4, Scheduled, true), (9, Recorded, true)];
        check(queued(), now, &again, &[(Queued, 1), (Created, 2), (Scheduled, 0), (Started, 0), (Guest, 6)]);
        // Sent back by a quota.
        let back = [(1, Created, true), (2, Queued, true), (7, Created, true), (8, Scheduled, true)];
        check(queued(), now, &back, &[(Queued, 1), (Queued, 5), (Created, 1)]);
    }

    #[test]
    fn a_phase_that_was_not_seen_whole_is_not_told_of() {
        let now = Instant::now();
        let looks = [(5, Started, true), (6, Guest, true), (9, Recorded, true)];
        check(Stopwatch::default(), now, &looks, &[(Guest, 3)]);
        check(Stopwatch::default(), now, &[(5, Recorded, true)], &[]);
        // No node took it, and so it ended.
        let looks = [(1, Created, true), (2, Scheduled, true), (600, Recorded, false)];
        check(Stopwatch::started(Queued, now), now, &looks, &[(Queued, 1), (Created, 1)]);
    }

    #[test]
    fn the_end_of_an_attempt_is_when_it_was_seen_first() {
        let now = Instant::now();
        let mut watch = Stopwatch::started(Guest, now);
        for at in [4, 7] {
            watch.reach(Some((Recorded, true)), now + Duration::from_secs(at));
        }
        assert_eq!(watch.since(), Some(now + Duration::from_secs(4)));
    }
}
