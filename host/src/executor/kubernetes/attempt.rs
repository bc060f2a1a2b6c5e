//! One attempt, from its start until its last trace in the cluster is gone. Pure: what happens goes in, what is to be done
//! comes out, time is an argument.

use super::deadline::{Patience, SILENCE, Spare};
use super::status::{End, Ending, Observation, Waiting};
use crate::executor::Staged;
use crate::telemetry::AttemptPhase;
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::{Cause, Outcome};
use wharf_core::plan::Kubernetes;

/// How long a Job that was created may take to show in a watch before the API server itself is asked for it.
const UNSEEN: Duration = Duration::from_secs(30);
/// How long an attempt that was asked to stop may take beyond its pod's grace.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// How far an attempt is.
#[derive(Debug)]
pub(super) struct Attempt {
    stage: Stage,
    /// Past it an attempt that was asked to stop is taken for stopped.
    asked: Option<Instant>,
    /// Its pod's grace.
    grace: Duration,
    /// Whether the coordinator ends.
    closed: bool,
    /// Whether anything of it was ever seen in the cluster.
    seen: bool,
    /// Whether a node was ever seen to have its pod.
    bound: bool,
    /// Whether its runtime was ever seen to run, or to have run.
    ran: bool,
    /// What it waits for, for a person.
    shown: Option<String>,
}

#[derive(Debug)]
enum Stage {
    /// A coordinator before this one started it. Until all is listed nobody knows how far it got.
    Inherited,
    /// Waits for room in a quota; nothing of it is in the cluster.
    Held,
    /// A task makes its Job.
    Making,
    /// Its Job is in the cluster.
    Live(Live),
    /// It ended without a word, and what it wrote to its log is fetched.
    Reading(Box<Outcome>, Staged),
    /// Its end was told, and is not recorded yet.
    Ended,
    /// Its end is recorded, and what is left of it is removed.
    Clearing,
}

#[derive(Debug)]
struct Live {
    patience: Patience,
    spare: Spare,
    /// Past it the API server is asked whether there is anything of it; none once it was seen.
    unseen: Option<Instant>,
    /// The API server is being asked.
    verifying: bool,
    /// When it began to end, and how it ended if nothing more is heard of it.
    stopping: Option<(Instant, Cause, String)>,
    /// The runtime runs: nothing is waited for.
    running: bool,
}

/// What can happen.
#[derive(Debug)]
pub(super) enum Input {
    /// There is room for it in the quotas.
    Room,
    /// There is no room.
    Short(String),
    /// Its Job is created.
    Made,
    /// Its Job cannot be created; nothing of it is in the cluster.
    NotMade(Box<Outcome>),
    /// Its Job was not created because the attempt was to stop.
    Withdrawn,
    /// It goes on trying, for this reason.
    Trying(String),
    /// What a watch shows of it.
    Saw(Observation),
    /// What the API server itself shows of it.
    Verified(Observation),
    /// What it wrote was fetched, or cannot be.
    Read,
    /// It is to stop.
    Stop,
    /// The coordinator ends: what is not in the cluster yet does not get there.
    Close,
    /// Its end is recorded.
    Recorded,
    /// Nothing is left of it.
    Cleared,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Effect {
    /// Make its Job.
    Make,
    /// Do not make its Job if that is still possible; say what became of it in any case.
    Withdraw,
    /// Delete its Job, which ends its pod with its grace.
    Delete,
    /// Move the deadline that its Job has of its own.
    Extend,
    /// Ask the API server itself what there is of it.
    Verify,
    /// Fetch what the runtime wrote.
    Read,
    /// Tell its end.
    End(Box<Outcome>, Staged),
    /// Remove what is left of it: its Job, and the finalizers of its pods.
    Clear,
    /// Forget it.
    Forget,
}

impl Attempt {
    /// One that is to be started.
    pub(super) fn new(grace: Duration) -> Attempt {
        let (stage, asked, shown) = (Stage::Held, None, None);
        Attempt { stage, asked, grace, closed: false, seen: false, bound: false, ran: false, shown }
    }

    /// One that a coordinator before this one started.
    pub(super) fn inherited(grace: Duration) -> Attempt {
        Attempt { stage: Stage::Inherited, ..Attempt::new(grace) }
    }

    /// Whether this coordinator asked it to stop.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether it waits for room in a quota.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Held)
    }

    /// Whether an earlier coordinator started it, and nothing of it was seen yet.
    pub(super) fn is_inherited(&self) -> bool {
        matches!(self.stage, Stage::Inherited)
    }

    /// Whether its Job is being made, or made and not over.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Making | Stage::Live(_))
    }

    /// Whether its runtime runs.
    pub(super) fn is_running(&self) -> bool {
        matches!(&self.stage, Stage::Live(live) if live.running)
    }

    /// The phase that it is in, and whether it went through all phases before; none where that is not known yet.
    pub(super) fn phase(&self) -> Option<(AttemptPhase, bool)> {
        match self.stage {
            Stage::Inherited => None,
            Stage::Held => Some((AttemptPhase::Queued, true)),
            Stage::Making => Some((AttemptPhase::Created, true)),
            Stage::Live(_) if self.ran => Some((AttemptPhase::Guest, true)),
            Stage::Live(_) if self.bound => Some((AttemptPhase::Started, true)),
            Stage::Live(_) => Some((AttemptPhase::Scheduled, true)),
            Stage::Reading(..) | Stage::Ended | Stage::Clearing => Some((AttemptPhase::Recorded, self.ran)),
        }
    }

    /// Whether anything of it was ever seen in the cluster.
    pub(super) fn was_seen(&self) -> bool {
        self.seen
    }

    /// Whether its Job is being made, or its end is being seen to: what a coordinator that ends should wait for.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Making | Stage::Reading(..) | Stage::Clearing)
    }

    /// What it waits for, for a person; none where it waits for nothing.
    pub(super) fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// When [`Input::Tick`] may have something to do.
    pub(super) fn due(&self, settings: &Kubernetes) -> Option<Instant> {
        let Stage::Live(live) = &self.stage else { return None };
        if live.verifying {
            return None;
        }
        let waited = (!live.running && live.stopping.is_none()).then(|| live.patience.ends(settings)).flatten();
        let stopping = live.stopping.as_ref().map(|(since, ..)| *since + self.grace + SILENCE);
        let extend = live.spare.due().filter(|_| self.asked.is_none());
        [self.asked, live.unseen, waited.map(|(at, _)| at), stopping, extend].into_iter().flatten().min()
    }

    /// Takes in what happened.
    pub(super) fn on(&mut self, input: Input, now: Instant, settings: &Kubernetes) -> Vec<Effect> {
        match input {
            Input::Room if self.is_held() => {
                self.stage = Stage::Making;
                self.shown = None;
                vec![Effect::Make]
            }
            Input::Short(why) if matches!(self.stage, Stage::Held | Stage::Making) => {
                self.show(&why);
                let unasked = matches!(self.stage, Stage::Held) || !(self.is_asked() || self.closed);
                self.stage = Stage::Held;
                if unasked { Vec::new() } else { self.unmade() }
            }
            Input::Made if matches!(self.stage, Stage::Making) => {
                self.stage = Stage::Live(Live::new(now, settings, true));
                self.show("waiting for its pod");
                if self.asked.is_some() { self.ask(now) } else { Vec::new() }
            }
            Input::NotMade(outcome) if matches!(self.stage, Stage::Making) => self.end(*outcome, Staged::Nowhere),
            Input::Withdrawn if matches!(self.stage, Stage::Making) => self.unmade(),
            Input::Trying(why) if matches!(self.stage, Stage::Making) => {
                self.show(&why);
                Vec::new()
            }
            Input::Saw(observation) => self.saw(observation, false, now, settings),
            Input::Verified(observation) => {
                if let Stage::Live(live) = &mut self.stage {
                    live.verifying = false;
                }
                self.saw(observation, true, now, settings)
            }
            Input::Read => match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Reading(outcome, staged) => self.end(*outcome, staged),
                other => {
                    self.stage = other;
                    Vec::new()
                }
            },
            Input::Stop => self.stop(now),
            Input::Close => {
                self.closed = true;
                match &self.stage {
                    Stage::Held => self.unmade(),
                    Stage::Making => vec![Effect::Withdraw],
                    _ => Vec::new(),
                }
            }
            Input::Recorded if matches!(self.stage, Stage::Ended) => {
                self.stage = Stage::Clearing;
                vec![Effect::Clear]
            }
            Input::Cleared if matches!(self.stage, Stage::Clearing) => vec![Effect::Forget],
            Input::Tick => self.tick(now, settings),
            // A late answer to what was overtaken meanwhile.
            Input::Room
            | Input::Short(_)
            | Input::Made
            | Input::NotMade(_)
            | Input::Withdrawn
            | Input::Trying(_)
            | Input::Recorded
            | Input::Cleared => Vec::new(),
        }
    }

    /// Takes in what its objects say: the API server's own word where `sure`, else a watch's, which may lag.
    fn saw(&mut self, observation: Observation, sure: bool, now: Instant, settings: &Kubernetes) -> Vec<Effect> {
        self.seen |= observation != Observation::Gone;
        match &observation {
            Observation::Waiting(waiting) => self.bound |= waiting.has_node(),
            Observation::Running => self.ran = true,
            Observation::Ended(ending) => self.ran |= ending.started,
            Observation::Gone | Observation::Stopping(..) => {}
        }
        if matches!(self.stage, Stage::Inherited) {
            if observation == Observation::Gone {
                // What is not even listed is known only when all is.
                return match sure {
                    true => self.end(Outcome::failed(Cause::WorkerLost, UNKNOWN), Staged::Nowhere),
                    false => Vec::new(),
                };
            }
            self.stage = Stage::Live(Live::new(now, settings, false));
            if self.asked.is_some() {
                let mut effects = self.ask(now);
                effects.extend(self.saw(observation, sure, now, settings));
                return effects;
            }
        }
        let Stage::Live(live) = &mut self.stage else { return Vec::new() };
        let lost = match &observation {
            Observation::Gone => true,
            Observation::Ended(ending) => ending.pod.is_none(),
            _ => false,
        };
        if live.verifying || lost && !sure && (live.unseen.is_some() && observation == Observation::Gone) {
            // Nothing was seen of it yet, or the answer that counts is under way.
            return Vec::new();
        }
        if lost && !sure {
            live.verifying = true;
            return vec![Effect::Verify];
        }
        live.unseen = None;
        match observation {
            Observation::Gone => {
                let outcome = match (self.asked, live.stopping.take()) {
                    (Some(_), _) => silent_stop(),
                    (None, Some((_, cause, message))) => Outcome::failed(cause, message),
                    (None, None) => Outcome::failed(Cause::PodDeleted, VANISHED),
                };
                self.end(outcome, Staged::Nowhere)
            }
            Observation::Waiting(waiting) => {
                (live.running, live.stopping) = (false, None);
                live.patience.waits(&waiting, now, settings);
                live.spare.waits(matches!(waiting, Waiting::Quota(_)), now);
                self.show(&waiting.to_string());
                self.extend(now)
            }
            Observation::Running => {
                (live.running, live.stopping) = (true, None);
                live.spare.waits(false, now);
                self.shown = None;
                Vec::new()
            }
            Observation::Stopping(cause, message) => {
                let since = live.stopping.as_ref().map_or(now, |(since, ..)| *since);
                live.spare.waits(false, now);
                self.shown = Some(format!("ending: {message}"));
                live.stopping = Some((since, cause, message));
                Vec::new()
            }
            Observation::Ended(ending) => self.ended(&ending),
        }
    }

    fn ended(&mut self, ending: &Ending) -> Vec<Effect> {
        let (outcome, object) = ending.outcome();
        let staged = match &ending.pod {
            Some(uid) => Staged::Pod { uid: uid.clone(), outcome: object },
            None => Staged::Nowhere,
        };
        // Where the runtime left no word, what it wrote may say more.
        if ending.started && ending.pod.is_some() && matches!(ending.end, End::Fallback(..)) {
            self.stage = Stage::Reading(Box::new(outcome), staged);
            return vec![Effect::Read];
        }
        self.end(outcome, staged)
    }

    fn stop(&mut self, now: Instant) -> Vec<Effect> {
        if self.asked.is_some() {
            return Vec::new();
        }
        match &self.stage {
            Stage::Held => {
                self.asked = Some(now);
                self.unmade()
            }
            Stage::Making => {
                self.asked = Some(now + self.grace + STOP_MARGIN);
                vec![Effect::Withdraw]
            }
            Stage::Live(_) => self.ask(now),
            Stage::Inherited => {
                self.asked = Some(now + self.grace + STOP_MARGIN);
                Vec::new()
            }
            Stage::Reading(..) | Stage::Ended | Stage::Clearing => Vec::new(),
        }
    }

    /// Has its Job deleted, now that there is one.
    fn ask(&mut self, now: Instant) -> Vec<Effect> {
        self.asked = Some(now + self.grace + STOP_MARGIN);
        self.show("asked to stop");
        vec![Effect::Delete]
    }

    fn tick(&mut self, now: Instant, settings: &Kubernetes) -> Vec<Effect> {
        let is_due = self.due(settings).is_some_and(|due| due <= now);
        let Stage::Live(live) = &mut self.stage else { return Vec::new() };
        if !is_due {
            return Vec::new();
        }
        if self.asked.is_some_and(|until| until <= now) {
            return self.end(silent_stop(), Staged::Nowhere);
        }
        if live.unseen.is_some_and(|until| until <= now) {
            (live.unseen, live.verifying) = (None, true);
            return vec![Effect::Verify];
        }
        if let Some((since, cause, message)) = &live.stopping {
            if *since + self.grace + SILENCE <= now {
                let outcome = Outcome::failed(*cause, format!("{message}; nothing more was heard of it"));
                return self.end(outcome, Staged::Nowhere);
            }
            return Vec::new();
        }
        let effects = self.extend(now);
        let Stage::Live(live) = &mut self.stage else { return effects };
        match live.patience.ends(settings) {
            Some((at, cause)) if at <= now && !live.running => {
                let waited = self.shown.take().unwrap_or_default();
                self.end(Outcome::failed(cause, format!("it was not started in time: {waited}")), Staged::Nowhere)
            }
            _ => effects,
        }
    }

    /// Sees to it that its Job's own deadline does not pass while it waits for quota.
    fn extend(&mut self, now: Instant) -> Vec<Effect> {
        let Stage::Live(live) = &mut self.stage else { return Vec::new() };
        if self.asked.is_some() || live.spare.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        live.spare.moved();
        vec![Effect::Extend]
    }

    /// Ends one of which nothing is in the cluster.
    fn unmade(&mut self) -> Vec<Effect> {
        let outcome = match self.asked {
            Some(_) => Outcome::failed(Cause::Cancelled, UNMADE),
            None => Outcome::failed(Cause::WorkerLost, CLOSED),
        };
        self.end(outcome, Staged::Nowhere)
    }

    fn end(&mut self, outcome: Outcome, staged: Staged) -> Vec<Effect> {
        self.stage = Stage::Ended;
        self.shown = None;
        vec![Effect::End(Box::new(outcome), staged)]
    }

    fn show(&mut self, what: &str) {
        if self.shown.as_deref() != Some(what) {
            self.shown = Some(what.to_owned());
        }
    }
}

impl Live {
    fn new(now: Instant, settings: &Kubernetes, unseen: bool) -> Live {
        Live {
            patience: Patience::new(now, settings),
            spare: Spare::default(),
            unseen: unseen.then(|| now + UNSEEN),
            verifying: false,
            stopping: None,
            running: false,
        }
    }
}

const UNKNOWN: &str = "the coordinator ended before the attempt's Job was in the cluster";
const CLOSED: &str = "its Job was not made: the coordinator stops";
const UNMADE: &str = "cancelled before its Job was made";
const VANISHED: &str = "somebody deleted its Job and its pod";

fn silent_stop() -> Outcome {
    Outcome::failed(Cause::Cancelled, "it was asked to stop, and left no outcome")
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
