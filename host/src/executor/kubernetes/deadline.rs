//! How long the runtime's start may wait for what, and how an attempt ends that waits longer. Time is measured between
//! what this coordinator saw, never by the cluster's timestamps.

use super::status::Waiting;
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_core::plan::Kubernetes;

/// How long a refusal that will not go away by itself is waited on: a Secret, a quota or a policy that is just being made
/// may come late, and an admission webhook may hiccup.
pub(super) const REFUSED: Duration = Duration::from_secs(30);
/// How long after the pod's own grace a pod that is being deleted may stay silent before its node counts as lost.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// How long something is waited for, and how the attempt ends then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    /// Counted from the Job's creation without waits for quota, or (where `alone`) from when this wait began.
    after: Duration,
    /// Whether only this wait counts.
    alone: bool,
    /// The end.
    cause: Cause,
}

/// How an attempt ends that waited too long for this.
pub(super) fn cause(waiting: &Waiting) -> Cause {
    match waiting {
        Waiting::PodRejected(_) | Waiting::ContainerConfig(_) => Cause::PodRejected,
        Waiting::Scheduling(_) => Cause::Unschedulable,
        Waiting::Pulling { .. } => Cause::ImagePull,
        // A quota ends no wait.
        Waiting::Created(_) | Waiting::Starting(_) | Waiting::Quota(_) => Cause::StartDeadline,
    }
}

/// The bound of a wait; none for quota, which is waited for without end.
fn bound(waiting: &Waiting, settings: &Kubernetes) -> Option<Bound> {
    let start = Duration::from_micros(settings.start_deadline_us);
    let alone = matches!(waiting, Waiting::PodRejected(_) | Waiting::Pulling { hopeless: true, .. });
    let after = if alone { REFUSED.min(start) } else { start };
    (!matches!(waiting, Waiting::Quota(_))).then(|| Bound { after, alone, cause: cause(waiting) })
}

/// What one attempt has waited for so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Waited before `since`, without waits for quota.
    counted: Duration,
    /// When what it waits for now was noted last.
    since: Instant,
    bound: Option<Bound>,
    /// When the present wait began, where it is bounded alone.
    alone: Option<Instant>,
}

impl Patience {
    /// Of an attempt whose Job is created (or was found) now.
    pub(super) fn new(now: Instant, settings: &Kubernetes) -> Patience {
        let bound = bound(&Waiting::Created(None), settings);
        Patience { counted: Duration::ZERO, since: now, bound, alone: None }
    }

    /// Notes what it waits for from now on.
    pub(super) fn waits(&mut self, waiting: &Waiting, now: Instant, settings: &Kubernetes) {
        if self.bound.is_some() {
            self.counted += now.saturating_duration_since(self.since);
        }
        let next = bound(waiting, settings);
        let goes_on = self.bound.map(|b| b.cause) == next.map(|b| b.cause);
        self.alone = next.filter(|b| b.alone).map(|_| self.alone.filter(|_| goes_on).unwrap_or(now));
        (self.since, self.bound) = (now, next);
    }

    /// When it has waited too long if nothing changes, and how it ends then; none while it waits for quota.
    pub(super) fn ends(&self, settings: &Kubernetes) -> Option<(Instant, Cause)> {
        let bound = self.bound?;
        let start = Duration::from_micros(settings.start_deadline_us);
        let whole = self.since + start.saturating_sub(self.counted);
        let alone = self.alone.map(|since| since + bound.after);
        Some((alone.map_or(whole, |alone| alone.min(whole)), bound.cause))
    }
}

/// By how much a Job's own deadline is moved at a time: one write for a wait of up to half of it.
pub(super) const MOVED_BY: Duration = Duration::from_secs(3_600);

/// How much longer a Job's own deadline allows it to wait for quota. That deadline counts every wait, and a wait for quota is
/// no failure: so it is moved before it can matter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spare {
    /// Since when it waits for quota, if it does.
    since: Option<Instant>,
    /// What was left then.
    left: Duration,
}

impl Spare {
    /// Notes whether it waits for quota from now on.
    pub(super) fn waits(&mut self, for_quota: bool, now: Instant) {
        match (self.since, for_quota) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                let waited = now.saturating_duration_since(since);
                (self.since, self.left) = (None, self.left.saturating_sub(waited));
            }
            (Some(_), true) | (None, false) => {}
        }
    }

    /// When the deadline is to be moved; none while it does not wait for quota.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.left.saturating_sub(MOVED_BY / 2))
    }

    /// Notes that the deadline is moved.
    pub(super) fn moved(&mut self) {
        self.left += MOVED_BY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::kubernetes::manifest::tests::settings;
    use crate::executor::kubernetes::quota::Shortage;

    const START: u64 = 600;

    fn quota() -> Waiting {
        let [quota, resource, requested, used, hard] = ["q", "pods", "1", "3", "3"].map(str::to_owned);
        Waiting::Quota(Shortage { quota, resource, requested, used, hard })
    }

    fn pulling(hopeless: bool) -> Waiting {
        Waiting::Pulling { image: "i".into(), message: "m".into(), hopeless }
    }

    /// Waits for each of these so many seconds; gives when it ends from then on, and how.
    fn check(waits: &[(Waiting, u64)], expect: Option<(u64, Cause)>) {
        let settings = Kubernetes { start_deadline_us: START * 1_000_000, ..settings() };
        let begin = Instant::now();
        let (mut now, mut patience) = (begin, Patience::new(begin, &settings));
        for (waiting, seconds) in waits {
            patience.waits(waiting, now, &settings);
            now += Duration::from_secs(*seconds);
        }
        let ends = patience.ends(&settings).map(|(at, cause)| (at.duration_since(begin).as_secs(), cause));
        assert_eq!(ends, expect, "{waits:?}");
    }

    #[test]
    fn each_wait_has_its_bound_and_its_cause() {
        check(&[], Some((START, Cause::StartDeadline)));
        for (waiting, after, cause) in [
            (Waiting::Created(None), START, Cause::StartDeadline),
            (Waiting::Starting(None), START, Cause::StartDeadline),
            (Waiting::Scheduling(String::new()), START, Cause::Unschedulable),
            (pulling(false), START, Cause::ImagePull),
            (pulling(true), 30, Cause::ImagePull),
            (Waiting::ContainerConfig(String::new()), START, Cause::PodRejected),
            (Waiting::PodRejected(String::new()), 30, Cause::PodRejected),
        ] {
            check(&[(waiting, 0)], Some((after, cause)));
        }
        check(&[(quota(), 100_000)], None);
    }

    #[test]
    fn all_waits_together_have_one_bound_and_quota_does_not_count() {
        let created = || Waiting::Created(None);
        let scheduling = || Waiting::Scheduling(String::new());
        check(&[(created(), 100), (scheduling(), 100), (pulling(false), 0)], Some((START, Cause::ImagePull)));
        check(&[(created(), 100), (quota(), 5_000), (scheduling(), 0)], Some((5_000 + START, Cause::Unschedulable)));
        check(
            &[(quota(), 50), (created(), 10), (quota(), 50), (created(), 0)],
            Some((100 + START, Cause::StartDeadline)),
        );
        check(&[(scheduling(), 1_000)], Some((START, Cause::Unschedulable)));
    }

    #[test]
    fn a_deadline_is_moved_before_waits_for_quota_use_it_up() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let due = |spare: &Spare| spare.due().map(|due| due.duration_since(begin).as_secs());
        let (mut spare, half) = (Spare::default(), MOVED_BY.as_secs() / 2);
        assert_eq!(due(&spare), None);
        // Nothing is spared at first; then one move is enough for a long while.
        spare.waits(true, at(10));
        assert_eq!(due(&spare), Some(10));
        spare.moved();
        spare.waits(true, at(20));
        assert_eq!(due(&spare), Some(10 + half));
        spare.waits(false, at(110));
        assert_eq!(due(&spare), None, "what it waits for otherwise counts");
        spare.waits(true, at(1_000));
        assert_eq!(due(&spare), Some(1_000 + half - 100));
        spare.moved();
        assert_eq!(due(&spare), Some(1_000 + half - 100 + 2 * half));
    }

    #[test]
    fn a_refusal_is_counted_from_when_it_began() {
        let refused = || Waiting::PodRejected(String::new());
        check(&[(Waiting::Created(None), 100), (refused(), 20), (refused(), 0)], Some((130, Cause::PodRejected)));
        check(&[(refused(), 20), (Waiting::Created(None), 50), (refused(), 0)], Some((100, Cause::PodRejected)));
        check(&[(Waiting::Created(None), START - 10), (refused(), 0)], Some((START, Cause::PodRejected)));
        check(&[(pulling(true), 10), (refused(), 0)], Some((40, Cause::PodRejected)));
    }
}
