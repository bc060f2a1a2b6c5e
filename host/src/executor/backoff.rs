use std::time::Duration;
use tokio::time::Instant;

/// First wait after a worker that was of no use.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// When a tenant's next worker may be started. A worker that ended an attempt was of use; each one that went away without
/// doubles the wait.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// A worker went away unasked.
    pub(super) fn lost(&mut self, was_of_use: bool, now: Instant) {
        if was_of_use {
            self.failures = 0;
            self.until = None;
            return;
        }
        self.until = Some(now + (FIRST * 2u32.saturating_pow(self.failures.min(16))).min(LONGEST));
        self.failures += 1;
    }

    /// When the next may be started; none: now.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|t| *t > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound_and_forgets() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        assert_eq!(backoff.until(now), None);
        for millis in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
            backoff.lost(false, now);
            assert_eq!(backoff.until(now), Some(now + Duration::from_millis(millis)));
            assert_eq!(backoff.until(now + Duration::from_millis(millis)), None);
        }
        backoff.lost(true, now);
        assert_eq!(backoff.until(now), None);
        backoff.lost(false, now);
        assert_eq!(backoff.until(now), Some(now + FIRST));
    }
}
