//! How the loop comes to its end.

use super::core_loop::{Loop, State};
use std::time::Duration;
use tokio::time::Instant;

/// Whether and how the loop is about to end.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) enum Ending {
    #[default]
    No,
    /// What runs may end until then.
    Draining(Instant),
    /// The executor is closed; what it ended by that is still to be recorded, until then.
    Closing(Instant),
    Now,
}

/// How long what is under way may take, and its being recorded.
const CLOSE_TIME: Duration = Duration::from_secs(8);

impl Loop {
    /// Goes on from one stage of the end to the next.
    pub(super) fn ending(&mut self, at: Instant) {
        self.state.ending = match self.state.ending {
            // What goes on by itself is neither waited for nor ended: the next coordinator takes it over.
            Ending::Draining(_) if self.state.open.is_empty() || self.executor.outlives() => {
                self.executor.close(at, &mut self.state.reports);
                Ending::Closing(at + CLOSE_TIME)
            }
            Ending::Draining(until) if until <= at => {
                tracing::warn!(attempts = self.state.open.len(), "ending what still runs");
                self.executor.close(at, &mut self.state.reports);
                Ending::Closing(at + CLOSE_TIME)
            }
            Ending::Closing(until) if until <= at => Ending::Now,
            other => other,
        };
    }

    /// Whether there is nothing left to be done or waited for.
    pub(super) fn is_over(&self) -> bool {
        match self.state.ending {
            Ending::No | Ending::Draining(_) => false,
            Ending::Closing(_) => {
                let State { in_flight, reports, promoting, .. } = &self.state;
                let recorded = in_flight.is_empty() && reports.ended.is_empty() && *promoting == 0;
                self.executor.is_idle() && recorded && self.work.settling.is_idle()
            }
            Ending::Now => true,
        }
    }

    /// Whether it was asked to end.
    pub(super) fn is_ending(&self) -> bool {
        self.state.ending != Ending::No
    }
}
