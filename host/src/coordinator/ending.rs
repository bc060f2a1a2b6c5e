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
    /// Workers are closed; what they held is still to be recorded, until then.
    Closing(Instant),
    Now,
}

/// How long the end of workers may take to be recorded.
const CLOSE_TIME: Duration = Duration::from_secs(8);

impl Loop {
    /// Goes on from one stage of the end to the next.
    pub(super) fn ending(&mut self, at: Instant) {
        self.state.ending = match self.state.ending {
            Ending::Draining(_) if self.state.open.is_empty() => {
                self.local.close(at, &mut self.state.reports);
                Ending::Closing(at + CLOSE_TIME)
            }
            Ending::Draining(until) if until <= at => {
                tracing::warn!(attempts = self.state.open.len(), "ending what still runs");
                self.local.close(at, &mut self.state.reports);
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
                self.local.workers() == 0 && in_flight.is_empty() && reports.ended.is_empty() && *promoting == 0
            }
            Ending::Now => true,
        }
    }

    /// Whether it was asked to end.
    pub(super) fn is_ending(&self) -> bool {
        self.state.ending != Ending::No
    }
}
