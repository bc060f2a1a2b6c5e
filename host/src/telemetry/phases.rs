//! How long attempts are in which phase. Whoever sees an attempt go through a phase tells how long it took, by the clock that
//! nobody sets; `METRICS.md` says from what to what each one lasts.

use super::word::Word;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Upper bounds in seconds: from a worker at hand on this machine to a cluster that has to find a node first.
const BOUNDS: [f64; 19] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
    7200.0,
];

/// What an attempt goes through, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptPhase {
    /// It could be started, and waits for a slot, for its intent to be durable, for a quota or for a worker.
    Queued,
    /// Its Job is being made.
    Created,
    /// Its Job is there, and no node has its pod.
    Scheduled,
    /// A node has its pod, or a worker has it, and its guest does not run.
    Started,
    /// Its guest runs; on a cluster: the runtime's container.
    Guest,
    /// It ended, and that is not durable.
    Recorded,
}

impl AttemptPhase {
    /// All of them, in order.
    pub const ALL: [AttemptPhase; 6] = [
        AttemptPhase::Queued,
        AttemptPhase::Created,
        AttemptPhase::Scheduled,
        AttemptPhase::Started,
        AttemptPhase::Guest,
        AttemptPhase::Recorded,
    ];

    /// Its name as a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AttemptPhase::Queued => "queued",
            AttemptPhase::Created => "created",
            AttemptPhase::Scheduled => "scheduled",
            AttemptPhase::Started => "started",
            AttemptPhase::Guest => "guest",
            AttemptPhase::Recorded => "recorded",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: Word,
}

/// The time that attempts spend in phases. Clones count together.
#[derive(Debug, Clone)]
pub struct PhaseTimes {
    times: Family<PhaseLabels, Histogram, fn() -> Histogram>,
}

impl Default for PhaseTimes {
    fn default() -> PhaseTimes {
        PhaseTimes { times: Family::new_with_constructor(|| Histogram::new(BOUNDS)) }
    }
}

impl PhaseTimes {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("attempt_phase_seconds", "Time that attempts spend in a phase", self.times.clone());
    }

    /// An attempt is through with a phase, which took so long.
    pub fn took(&self, phase: AttemptPhase, time: Duration) {
        self.times.get_or_create(&PhaseLabels { phase: Word(phase.as_str()) }).observe(time.as_secs_f64());
    }
}
