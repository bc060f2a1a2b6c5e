//! What is known of a Job that compiles, and what follows from it. Pure: what watches say goes in, time is an argument.

use crate::executor::Failure;
use crate::executor::kubernetes::deadline::{Patience, SILENCE};
use crate::executor::kubernetes::manifest::GRACE;
use crate::executor::kubernetes::single::{Known, Saw};
use crate::executor::kubernetes::status::{End, Observation, Waiting};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_contract::pod::{PodReport, StoredObject};
use wharf_core::plan::Kubernetes;

/// How long after a Job's own deadline it is waited for: the cluster ends it sooner, unless the cluster itself does not work.
const MARGIN: Duration = Duration::from_secs(120);

/// What is known of the Job.
#[derive(Debug)]
pub(super) struct State {
    known: Known,
    patience: Patience,
    shown: Option<Waiting>,
    stopping: Option<Instant>,
    running: bool,
    /// When it is given up whatever is seen of it.
    end: Instant,
}

/// What follows.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Wait for more, but not beyond this.
    Until(Instant),
    /// The cluster must be asked for the Job's pods, for a watch may lag behind: without one, it ended so.
    Unless(Failure),
    /// It is over.
    Over(Result<StoredObject, Failure>),
}

impl State {
    /// Of a Job with this UID, created or found now, that the cluster ends after `deadline`.
    pub(super) fn new(uid: String, deadline: Duration, now: Instant, settings: &Kubernetes) -> State {
        State {
            known: Known::new(uid),
            patience: Patience::new(now, settings),
            shown: None,
            stopping: None,
            running: false,
            end: now + deadline + MARGIN,
        }
    }

    /// Takes in what a watch says.
    pub(super) fn take(&mut self, saw: Saw) {
        self.known.take(saw);
    }

    /// What follows from what is known.
    pub(super) fn judge(&mut self, now: Instant, settings: &Kubernetes) -> Verdict {
        if let Some(observation) = self.known.observe() {
            self.running = observation == Observation::Running;
            match observation {
                Observation::Ended(ending) => {
                    let pod = ending.pod.is_some();
                    let over = result(ending.end);
                    return match over {
                        Err(failure) if !pod => Verdict::Unless(failure),
                        over => Verdict::Over(over),
                    };
                }
                Observation::Gone => {
                    let why = "somebody deleted the Job that compiles its component";
                    return Verdict::Unless(Failure::new(Cause::PodDeleted, why));
                }
                Observation::Stopping(cause, why) => {
                    let since = *self.stopping.get_or_insert(now);
                    if now >= since + GRACE + SILENCE {
                        return Verdict::Over(Err(about(cause, &why)));
                    }
                }
                Observation::Waiting(waiting) => {
                    if self.shown.as_ref() != Some(&waiting) {
                        self.patience.waits(&waiting, now, settings);
                        self.shown = Some(waiting);
                    }
                    if let Some((at, cause)) = self.patience.ends(settings)
                        && now >= at
                    {
                        let why = self.shown.as_ref().map(ToString::to_string).unwrap_or_default();
                        return Verdict::Over(Err(about(cause, &why)));
                    }
                }
                Observation::Running => {}
            }
        }
        if now >= self.end {
            let why = "it was not over long after its deadline";
            return Verdict::Over(Err(about(Cause::DeadlineExceeded, why)));
        }
        Verdict::Until(self.due(settings))
    }

    /// When to judge anew if nothing more is seen.
    fn due(&self, settings: &Kubernetes) -> Instant {
        let waits = !self.running && self.stopping.is_none() && self.shown.is_some();
        let patience = waits.then(|| self.patience.ends(settings)).flatten().map(|(at, _)| at);
        let stopping = self.stopping.map(|since| since + GRACE + SILENCE);
        [patience, stopping].into_iter().flatten().fold(self.end, Instant::min)
    }
}

/// The end of an attempt whose component could not be compiled.
fn about(cause: Cause, why: &str) -> Failure {
    Failure::new(cause, format!("its component was not compiled: {why}"))
}

/// What a Job that compiles has to say at its end.
fn result(end: End) -> Result<StoredObject, Failure> {
    match end {
        End::Report(report) => match *report {
            PodReport::Compiled { object } => Ok(object),
            PodReport::NotCompiled { cause, message } => Err(about(cause, &message)),
            PodReport::Outcome(_) | PodReport::Stored(_) => {
                Err(about(Cause::Internal, "the pod reports an attempt, and was to compile"))
            }
        },
        End::Fallback(Cause::OomKilled, _) => {
            let why =
                "the pod used more memory than its limit; give the Coordinator's `kubernetes.compile.resources` more";
            Err(about(Cause::CompileLimit, why))
        }
        End::Fallback(cause, why) => Err(about(cause, &why)),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
