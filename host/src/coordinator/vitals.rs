use super::phase::Phase;
use super::request::{Input, Request};
use crate::telemetry::{Format, Metrics};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long the loop may take to say its metrics: less than a scrape waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process tells of its coordinator from its own start to its end: how far it is, and its metrics. Clones are one.
#[derive(Debug, Clone)]
pub struct Vitals {
    phase: watch::Sender<Phase>,
    /// To the loop, once there is one.
    inputs: watch::Sender<Option<mpsc::Sender<Input>>>,
}

impl Default for Vitals {
    fn default() -> Vitals {
        Vitals { phase: watch::Sender::new(Phase::default()), inputs: watch::Sender::new(None) }
    }
}

impl Vitals {
    /// Of a coordinator that is to wait for its turn.
    #[must_use]
    pub fn standby() -> Vitals {
        Vitals { phase: watch::Sender::new(Phase::Standby), ..Vitals::default() }
    }

    /// How far the coordinator is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// For whoever waits for a phase.
    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The coordinator has come to this phase. It never goes back: an earlier one says nothing.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let on = phase > *now;
            *now = phase.max(*now);
            on
        });
    }

    /// There is a loop now.
    pub(super) fn begin(&self, inputs: mpsc::Sender<Input>) {
        self.inputs.send_replace(Some(inputs));
        self.enter(Phase::Leading);
    }

    /// The metrics as text. Before there is a loop they are those of one that has done nothing; none
    /// once it has ended, or does not answer, so that no counter seems to begin anew.
    pub(crate) async fn metrics(&self, format: Format) -> Option<String> {
        let Some(inputs) = self.inputs.borrow().clone() else {
            let metrics = Metrics::default();
            metrics.leader.set(self.phase().is_leader().into());
            return Some(metrics.text(format));
        };
        let (answer, answered) = oneshot::channel();
        let asked = async {
            inputs.send(Input::Request(Request::Metrics { format, answer })).await.ok()?;
            answered.await.ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_never_left_for_an_earlier_one() {
        let vitals = Vitals::standby();
        let mut seen = vitals.phases();
        for (enter, expect, told) in [
            (Phase::Standby, Phase::Standby, false),
            (Phase::Leading, Phase::Leading, true),
            (Phase::Starting, Phase::Leading, false),
            (Phase::Draining, Phase::Draining, true),
            (Phase::Leading, Phase::Draining, false),
        ] {
            vitals.enter(enter);
            assert_eq!((vitals.phase(), seen.has_changed().unwrap()), (expect, told), "{enter:?}");
            seen.mark_unchanged();
        }
    }

    #[tokio::test]
    async fn who_waits_does_not_lead_and_a_loop_that_has_ended_says_nothing() {
        let vitals = Vitals::standby();
        assert!(vitals.metrics(Format::Prometheus).await.unwrap().contains("\nwharf_leader 0\n"));
        vitals.enter(Phase::Starting);
        assert!(vitals.metrics(Format::Prometheus).await.unwrap().contains("\nwharf_leader 1\n"));
        let (inputs, ended) = mpsc::channel(1);
        vitals.begin(inputs);
        drop(ended);
        assert_eq!(vitals.metrics(Format::Prometheus).await, None);
    }
}
