use crate::Refusal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Stands for "never" where a time is kept as microseconds.
const NEVER: u64 = u64::MAX;

/// Why the runtime ended a guest that had not ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The task's timeout passed.
    Timeout,
    /// It was asked to stop, and its grace passed.
    Cancelled,
    /// It went over a limit at a place where a host call cannot fail.
    Refused(Refusal),
}

/// The strings by which a running attempt is held: from any thread, without waiting for it.
#[derive(Debug)]
pub struct Control {
    base: Instant,
    cancelled: AtomicBool,
    /// Microseconds since `base`.
    deadline: AtomicU64,
    /// Microseconds since `base`: when the grace of a cancel has passed.
    kill: AtomicU64,
    refused: OnceLock<Refusal>,
    wake: Notify,
}

impl Control {
    /// Of an attempt that was taken at `base`.
    #[must_use]
    pub fn new(base: Instant) -> Control {
        Control {
            base,
            cancelled: AtomicBool::new(false),
            deadline: AtomicU64::new(NEVER),
            kill: AtomicU64::new(NEVER),
            refused: OnceLock::new(),
            wake: Notify::new(),
        }
    }

    /// When the attempt was taken.
    #[must_use]
    pub fn taken(&self) -> Instant {
        self.base
    }

    /// Asks the attempt to stop; it is ended when `grace` has passed. Asked again, the earlier end counts.
    pub fn cancel(&self, now: Instant, grace: Duration) {
        self.kill.fetch_min(self.since_base(now.checked_add(grace)), Ordering::SeqCst);
        self.cancelled.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Ends the attempt, for a reason that no host call could give to the guest.
    pub fn refuse(&self, refusal: Refusal) {
        drop(self.refused.set(refusal));
        self.wake.notify_one();
    }

    /// Lets the attempt run until `timeout` has passed.
    pub fn arm(&self, now: Instant, timeout: Option<Duration>) {
        let at = timeout.map_or(NEVER, |t| self.since_base(now.checked_add(t)));
        self.deadline.store(at, Ordering::SeqCst);
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Time until the timeout ends it; none if it has none.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        let at = self.deadline.load(Ordering::SeqCst);
        (at != NEVER).then(|| Duration::from_micros(at.saturating_sub(self.since_base(Some(now)))))
    }

    /// Why it must end by now, if it must.
    #[must_use]
    pub fn ended(&self, now: Instant) -> Option<Stop> {
        if let Some(refusal) = self.refused.get() {
            return Some(Stop::Refused(refusal.clone()));
        }
        let now = self.since_base(Some(now));
        let deadline = self.deadline.load(Ordering::SeqCst);
        let kill = self.kill.load(Ordering::SeqCst);
        if now < deadline.min(kill) {
            return None;
        }
        Some(if kill <= deadline { Stop::Cancelled } else { Stop::Timeout })
    }

    /// Waits until the attempt must end.
    pub async fn wait(&self) -> Stop {
        loop {
            if let Some(stop) = self.ended(Instant::now()) {
                return stop;
            }
            let woken = self.wake.notified();
            let at = self.deadline.load(Ordering::SeqCst).min(self.kill.load(Ordering::SeqCst));
            match self.base.checked_add(Duration::from_micros(at)).filter(|_| at != NEVER) {
                Some(at) => drop(tokio::time::timeout_at(at.into(), woken).await),
                None => woken.await,
            }
        }
    }

    fn since_base(&self, at: Option<Instant>) -> u64 {
        at.and_then(|at| u64::try_from(at.saturating_duration_since(self.base).as_micros()).ok()).unwrap_or(NEVER - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_end_counts() {
        let t0 = Instant::now();
        let s = Duration::from_secs;
        let c = Control::new(t0);
        assert_eq!(c.ended(t0 + s(1000)), None);
        assert_eq!(c.remaining(t0), None);
        c.arm(t0, Some(s(10)));
        assert_eq!(c.remaining(t0 + s(4)), Some(s(6)));
        assert_eq!(c.ended(t0 + s(9)), None);
        assert_eq!(c.ended(t0 + s(10)), Some(Stop::Timeout));
        c.cancel(t0 + s(1), s(5));
        assert!(c.is_cancelled());
        assert_eq!(c.ended(t0 + s(5)), None);
        assert_eq!(c.ended(t0 + s(6)), Some(Stop::Cancelled));
        c.cancel(t0 + s(1), s(60));
        assert_eq!(c.ended(t0 + s(6)), Some(Stop::Cancelled));
        c.cancel(t0 + s(2), s(0));
        assert_eq!(c.ended(t0 + s(2)), Some(Stop::Cancelled));
    }

    #[test]
    fn a_grace_longer_than_the_timeout_ends_by_the_timeout() {
        let t0 = Instant::now();
        let c = Control::new(t0);
        c.arm(t0, Some(Duration::from_secs(1)));
        c.cancel(t0, Duration::MAX);
        assert_eq!(c.ended(t0 + Duration::from_secs(1)), Some(Stop::Timeout));
    }
}
