//! One candidate's part in an election by a Lease. Pure: what the API server says goes in, what to do next comes out, time
//! is an argument, on a clock that nobody sets.
//!
//! Timestamps in the Lease are for people; no clock is compared with another one. A candidate takes a Lease only when
//! nothing of it changed for the Lease's duration since the candidate itself saw it so; a leader counts its own deadline,
//! which is shorter, from before it sent the last renewal that was acknowledged. What a candidate saw was written before it
//! saw it, and sent before it was written: so the leader gives up first, however wrong any clock is set, as long as all
//! run about equally fast. (A process that stands still notices when it goes on. What it had under way by then is fenced
//! elsewhere: by the epoch in the store, by names and UIDs in the cluster.)

use super::Timing;
use super::lost::Lost;
use std::time::Duration;
use tokio::time::Instant;

/// The Lease as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Changes with every write, by whomever.
    pub(super) version: String,
    /// Who holds it; none: nobody.
    pub(super) holder: Option<String>,
    /// How long its holder may be silent; none where it does not say.
    pub(super) duration: Option<Duration>,
}

/// What looking at the Lease came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looked {
    Lease(Record),
    /// There is none.
    Nothing,
    /// No answer, or none that says how the Lease is.
    Failed,
}

/// What to write. All but [`Write::Create`] take effect only if the Lease is still as it was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// A Lease that this candidate holds, where there is none.
    Create,
    /// That this candidate holds it now.
    Take,
    /// That its holder is there.
    Renew,
    /// That nobody holds it any more.
    Release,
}

/// What writing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrote {
    /// It is written; the Lease's version by that.
    Done(String),
    /// Somebody else wrote first.
    Conflict,
    /// No answer, or a refusal. It may be written all the same.
    Failed,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Look at the Lease, and tell [`Election::looked`].
    Look,
    /// Write to the Lease, and tell [`Election::wrote`].
    Write(Write),
    /// Nothing until then.
    Wait(Instant),
    /// It led, and may not do anything any more. Nothing comes after it.
    Lost(Lost),
    /// It let go, as it was told. Nothing comes after it.
    Released,
}

/// One candidate.
#[derive(Debug)]
pub(super) struct Election {
    me: String,
    timing: Timing,
    seen: Option<Seen>,
    /// While it leads: when the last write that was acknowledged had been sent.
    renewed: Option<Instant>,
    /// It is to let go.
    letting_go: bool,
    turn: Turn,
}

/// The Lease as it was seen last.
#[derive(Debug)]
struct Seen {
    record: Record,
    /// When it was first seen so.
    since: Instant,
}

#[derive(Debug)]
enum Turn {
    LookAt(Instant),
    WriteAt(Instant, Write),
    Lost(Lost),
    Released,
}

impl Election {
    /// A candidate with a name that no other one ever has.
    pub(super) fn new(me: String, timing: Timing, now: Instant) -> Election {
        Election { me, timing, seen: None, renewed: None, letting_go: false, turn: Turn::LookAt(now) }
    }

    /// Whether it may act as the leader.
    pub(super) fn leads(&self, now: Instant) -> bool {
        !self.letting_go && !self.is_over() && self.gives_up().is_some_and(|until| now < until)
    }

    /// By when a call that begins now has to be answered to be worth waiting for.
    pub(super) fn patience(&self, now: Instant) -> Instant {
        let until = now + self.timing.renew_deadline() / 2;
        self.gives_up().map_or(until, |deadline| deadline.min(until))
    }

    /// Who holds the Lease, as far as it was seen.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.record.holder.as_deref()
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Instant) -> Step {
        self.look_at_deadline(now);
        match &self.turn {
            Turn::Lost(why) => Step::Lost(why.clone()),
            Turn::Released => Step::Released,
            Turn::LookAt(at) | Turn::WriteAt(at, _) if now < *at => {
                Step::Wait(self.gives_up().map_or(*at, |deadline| deadline.min(*at)))
            }
            Turn::LookAt(_) => Step::Look,
            Turn::WriteAt(_, write) => Step::Write(*write),
        }
    }

    /// Takes in what looking came to.
    pub(super) fn looked(&mut self, looked: Looked, now: Instant) {
        self.look_at_deadline(now);
        if self.is_over() {
            return;
        }
        self.turn = match looked {
            Looked::Failed => self.later(now),
            Looked::Nothing => self.missing(now),
            Looked::Lease(record) => {
                if self.seen.as_ref().is_none_or(|seen| seen.record.version != record.version) {
                    self.seen = Some(Seen { record, since: now });
                }
                self.judge(now)
            }
        };
    }

    /// Takes in what a write came to that was sent at that time.
    pub(super) fn wrote(&mut self, write: Write, wrote: Wrote, sent: Instant, now: Instant) {
        self.look_at_deadline(now);
        if self.is_over() {
            return;
        }
        self.turn = match wrote {
            Wrote::Done(_) if write == Write::Release => Turn::Released,
            Wrote::Done(version) => {
                let record =
                    Record { version, holder: Some(self.me.clone()), duration: Some(self.timing.lease_duration()) };
                self.seen = Some(Seen { record, since: now });
                self.renewed = Some(sent);
                match self.letting_go {
                    true => Turn::WriteAt(now, Write::Release),
                    false => Turn::WriteAt(sent + self.timing.retry_period(), Write::Renew),
                }
            }
            Wrote::Conflict => Turn::LookAt(now),
            Wrote::Failed => self.later(now),
        };
    }

    /// It is to let go of the Lease, so that others need not wait. It must not act as the leader any more.
    pub(super) fn let_go(&mut self, now: Instant) {
        self.look_at_deadline(now);
        if self.is_over() {
            return;
        }
        self.letting_go = true;
        self.turn = match self.renewed {
            // What was under way when it was told may have changed the Lease: looking tells.
            Some(_) => Turn::LookAt(now),
            None => Turn::Released,
        };
    }

    /// There is no Lease. One that was seen and is gone counts as long as if it were still there: its holder does not know
    /// yet.
    fn missing(&self, now: Instant) -> Turn {
        match self.expires() {
            _ if self.letting_go => Turn::Released,
            Some(at) if self.renewed.is_none() && now < at => self.look_again(now, at),
            _ => Turn::WriteAt(now, Write::Create),
        }
    }

    /// There is a Lease.
    fn judge(&self, now: Instant) -> Turn {
        let holder = self.holder();
        if holder == Some(&self.me) {
            // Also a write of our own whose answer was lost.
            return Turn::WriteAt(now, if self.letting_go { Write::Release } else { Write::Renew });
        }
        if self.letting_go {
            return Turn::Released;
        }
        if self.renewed.is_some() {
            return Turn::Lost(Lost::Taken { by: holder.map(str::to_owned) });
        }
        match self.expires() {
            Some(at) if now < at => self.look_again(now, at),
            _ => Turn::WriteAt(now, Write::Take),
        }
    }

    /// When the Lease that was seen may be taken from its holder; none: it has none.
    fn expires(&self) -> Option<Instant> {
        let seen = self.seen.as_ref()?;
        seen.record.holder.as_ref()?;
        Some(seen.since + seen.record.duration.unwrap_or(self.timing.lease_duration()))
    }

    fn look_again(&self, now: Instant, expires: Instant) -> Turn {
        Turn::LookAt((now + self.timing.retry_period()).min(expires))
    }

    fn later(&self, now: Instant) -> Turn {
        Turn::LookAt(now + self.timing.retry_period())
    }

    fn gives_up(&self) -> Option<Instant> {
        self.renewed.map(|sent| sent + self.timing.renew_deadline())
    }

    fn look_at_deadline(&mut self, now: Instant) {
        if !self.is_over() && self.gives_up().is_some_and(|until| until <= now) {
            self.turn = match self.letting_go {
                true => Turn::Released,
                false => Turn::Lost(Lost::NotRenewed { within: self.timing.renew_deadline() }),
            };
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.turn, Turn::Lost(_) | Turn::Released)
    }
}

#[cfg(test)]
#[path = "election_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "election_walk.rs"]
mod walk;
