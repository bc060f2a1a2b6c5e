//! Is a failed attempt followed by another one, when, and with how much memory?

use crate::event::RunId;
use crate::plan::Retry;
use std::time::Duration;
use wharf_contract::{Fault, Outcome};

/// A task cannot ask for a longer pause than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The pause before the next attempt; nothing where there is none. `own` and `lost` are the failed attempts so far, the
/// last one among them, that were the task's own and the platform's.
pub(crate) fn retry(
    policy: &Retry,
    key: (RunId, u16, u32, u32),
    own: u16,
    lost: u16,
    outcome: &Outcome,
) -> Option<Duration> {
    let again = match outcome.cause.fault() {
        Fault::None => false,
        Fault::Task | Fault::Limit => {
            u32::from(own) < policy.attempts
                && outcome.cause.may_change()
                && policy.on.as_ref().is_none_or(|on| on.contains(&outcome.cause))
        }
        Fault::Platform | Fault::Wharf => u32::from(lost) <= policy.platform_attempts,
    };
    let asked = outcome.retry_after.map_or(Duration::ZERO, Duration::from_millis).min(LONGEST_PAUSE);
    again.then(|| pause(policy, key, u32::from(own) + u32::from(lost)).max(asked))
}

/// The pause doubles with each failure up to its greatest length; of that, at least one half is kept, and chance that
/// depends on the attempt alone decides about the other.
fn pause(policy: &Retry, (run, task, item, attempt): (RunId, u16, u32, u32), failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(63);
    let whole = policy.backoff_min_us.saturating_mul(1 << doublings).min(policy.backoff_max_us);
    let half = whole / 2;
    let chance = [u64::from(task), u64::from(item), u64::from(attempt)].into_iter().fold(mix(run.0), |h, n| mix(h ^ n));
    Duration::from_micros(half + chance % (whole - half + 1))
}

/// The finalizer of splitmix64.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Memory limit of the attempt after one that ran into it; 0 for the task's own. `now` is that of the last one likewise.
pub(crate) fn grown(policy: &Retry, own: u64, now: u64) -> u64 {
    let now = if now == 0 { own } else { now };
    let more = u128::from(now) * u128::from(policy.memory_factor_percent.max(100)) / 100;
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    let most = policy.memory_max.unwrap_or(u64::MAX).max(now);
    match more.min(most) {
        same if same == own => 0,
        grown => grown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::Cause;

    fn policy() -> Retry {
        Retry {
            attempts: 3,
            platform_attempts: 2,
            backoff_min_us: 1_000_000,
            backoff_max_us: 5_000_000,
            on: None,
            memory_factor_percent: 150,
            memory_max: Some(400),
        }
    }

    fn check(policy: &Retry, cause: Cause, own: u16, lost: u16, expect: bool) {
        let outcome = Outcome::failed(cause, "");
        let got = retry(policy, (RunId(1), 0, 0, 1), own, lost, &outcome);
        assert_eq!(got.is_some(), expect, "{cause} own={own} lost={lost}");
    }

    #[test]
    fn budgets_are_counted_apart() {
        let p = policy();
        check(&p, Cause::Retryable, 2, 9, true);
        check(&p, Cause::Retryable, 3, 0, false);
        check(&p, Cause::MemoryLimit, 2, 0, true);
        check(&p, Cause::Permanent, 1, 0, false);
        check(&p, Cause::WorkerLost, 9, 2, true);
        check(&p, Cause::WorkerLost, 0, 3, false);
        let only = Retry { on: Some(vec![Cause::Timeout]), ..policy() };
        check(&only, Cause::Timeout, 1, 0, true);
        check(&only, Cause::Trap, 1, 0, false);
        check(&only, Cause::WorkerLost, 1, 1, true);
        check(&Retry { on: Some(vec![Cause::Permanent]), ..policy() }, Cause::Permanent, 1, 0, false);
    }

    #[test]
    fn what_a_cluster_does_is_not_the_tasks_fault() {
        let p = policy();
        for lost in [
            Cause::OomKilled,
            Cause::Evicted,
            Cause::NodeLost,
            Cause::PodDeleted,
            Cause::Unschedulable,
            Cause::ImagePull,
            Cause::DeadlineExceeded,
        ] {
            // The task's own budget is used up, the platform's is not; then the other way round.
            check(&p, lost, 3, 2, true);
            check(&p, lost, 0, 3, false);
            // Whatever the task wants to try again.
            check(&Retry { on: Some(vec![Cause::Timeout]), ..policy() }, lost, 0, 1, true);
            check(&Retry { platform_attempts: 0, ..policy() }, lost, 0, 1, false);
        }
        // What the cluster refuses as it is, it will refuse again.
        check(&p, Cause::PodRejected, 1, 0, false);
    }

    #[test]
    fn the_pause_doubles_between_half_and_whole_and_is_the_same_each_time() {
        let p = policy();
        for (failures, whole) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (200, 5.0)] {
            let pauses: Vec<_> =
                (0..100).map(|item| pause(&p, (RunId(7), 1, item, 1), failures).as_secs_f64()).collect();
            assert!(pauses.iter().all(|s| (whole / 2.0..=whole).contains(s)), "{failures}: {pauses:?}");
            let spread = pauses.iter().copied().fold(0.0, f64::max) - pauses.iter().copied().fold(f64::MAX, f64::min);
            assert!(spread > whole * 0.4, "{failures}: all alike");
        }
        assert_eq!(pause(&p, (RunId(7), 1, 2, 1), 1), pause(&p, (RunId(7), 1, 2, 1), 1));
    }

    #[test]
    fn the_task_can_ask_for_a_longer_pause_but_not_for_a_shorter_or_endless_one() {
        let p = policy();
        let pause = |ms| {
            let outcome = Outcome { retry_after: Some(ms), ..Outcome::failed(Cause::Retryable, "") };
            retry(&p, (RunId(1), 0, 0, 1), 1, 0, &outcome).unwrap()
        };
        assert_eq!(pause(60_000), Duration::from_secs(60));
        assert!(pause(1) >= Duration::from_millis(500));
        assert_eq!(pause(u64::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn memory_grows_up_to_its_maximum() {
        let p = policy();
        assert_eq!(grown(&p, 200, 0), 300);
        assert_eq!(grown(&p, 200, 300), 400);
        assert_eq!(grown(&p, 200, 400), 400);
        assert_eq!(grown(&p, 500, 0), 0);
        assert_eq!(grown(&Retry { memory_factor_percent: 100, ..policy() }, 200, 0), 0);
    }
}
