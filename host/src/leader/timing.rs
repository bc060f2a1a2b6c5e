use std::fmt;
use std::time::Duration;

/// The periods of an election, with the names and the defaults that Kubernetes' own components have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why periods make no election, in words that say what to do after a semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimingError(String);

impl fmt::Display for TimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TimingError {}

impl Timing {
    /// How long others wait for a leader that is silent.
    pub const LEASE_DURATION: Duration = Duration::from_secs(15);
    /// How long a leader goes on that cannot renew.
    pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
    /// From one try to the next.
    pub const RETRY_PERIOD: Duration = Duration::from_secs(2);

    /// Periods that fit together: a leader that cannot renew gives up before anybody may take its place, and has time to
    /// try more than once.
    ///
    /// # Errors
    /// [`TimingError`]: they do not fit.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Timing, TimingError> {
        let refused = |text: String| Err(TimingError(text));
        if lease_duration < Duration::from_secs(1) || lease_duration > Duration::from_secs(86_400) {
            return refused(format!(
                "--leader-elect-lease-duration is {lease_duration:?}; give it from 1s to 24h: a Lease counts in seconds"
            ));
        }
        if retry_period < Duration::from_millis(100) {
            return refused(format!("--leader-elect-retry-period is {retry_period:?}; give it at least 100ms"));
        }
        if lease_duration <= renew_deadline {
            return refused(format!(
                "--leader-elect-lease-duration ({lease_duration:?}) must be greater than --leader-elect-renew-deadline \
                 ({renew_deadline:?}); a leader has to give up before another one may begin"
            ));
        }
        if renew_deadline <= retry_period.mul_f64(1.2) {
            return refused(format!(
                "--leader-elect-renew-deadline ({renew_deadline:?}) must be greater than 1.2 times \
                 --leader-elect-retry-period ({retry_period:?}); a leader has to try more than once"
            ));
        }
        Ok(Timing { lease_duration, renew_deadline, retry_period })
    }

    /// How long others wait for a leader that is silent.
    #[must_use]
    pub fn lease_duration(&self) -> Duration {
        self.lease_duration
    }

    /// How long a leader goes on that cannot renew.
    #[must_use]
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// From one try to the next.
    #[must_use]
    pub fn retry_period(&self) -> Duration {
        self.retry_period
    }

    /// The lease's duration in whole seconds, as a Lease has it: never less than what is meant.
    #[must_use]
    pub fn lease_seconds(&self) -> i32 {
        let whole = self.lease_duration.as_secs() + u64::from(self.lease_duration.subsec_nanos() > 0);
        i32::try_from(whole).unwrap_or(i32::MAX)
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            lease_duration: Timing::LEASE_DURATION,
            renew_deadline: Timing::RENEW_DEADLINE,
            retry_period: Timing::RETRY_PERIOD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lease: u64, deadline: u64, retry: u64, expect: Result<(), &str>) {
        let ms = Duration::from_millis;
        let made = Timing::new(ms(lease), ms(deadline), ms(retry));
        match (made, expect) {
            (Ok(timing), Ok(())) => assert!(u64::try_from(timing.lease_seconds()).unwrap() * 1000 >= lease),
            (Err(e), Err(part)) => assert!(e.to_string().contains(part), "{e}"),
            (made, expect) => panic!("{lease} {deadline} {retry}: {made:?}, {expect:?}"),
        }
    }

    #[test]
    fn periods_that_would_let_two_lead_or_nobody_are_refused() {
        check(15_000, 10_000, 2_000, Ok(()));
        check(1_500, 1_000, 200, Ok(()));
        check(
            10_000,
            10_000,
            2_000,
            Err("lease-duration (10s) must be greater than --leader-elect-renew-deadline (10s)"),
        );
        check(15_000, 2_400, 2_000, Err("renew-deadline (2.4s) must be greater than 1.2 times"));
        check(15_000, 2_401, 2_000, Ok(()));
        check(900, 500, 100, Err("lease-duration is 900ms; give it from 1s"));
        check(86_400_001, 10_000, 2_000, Err("to 24h"));
        check(15_000, 10_000, 0, Err("retry-period is 0ns"));
        let usual = Timing::default();
        let again = Timing::new(usual.lease_duration, usual.renew_deadline, usual.retry_period);
        assert_eq!(again, Ok(usual));
    }
}
