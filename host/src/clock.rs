//! The only place of this crate that asks for the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use wharf_core::time::Timestamp;

/// Longest time that a timer is set for. The wall clock may be set while a timer runs, so it is looked at this often.
const LONGEST: Duration = Duration::from_secs(10);

/// The wall clock.
#[must_use]
pub fn now() -> Timestamp {
    // Before 1970 is no time that a machine with a working clock shows.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    #[cfg(feature = "failpoints")]
    let micros = micros.saturating_add(*OFFSET);
    Timestamp::from_micros(micros)
}

/// Microseconds by which a test sets this clock wrong: `WHARF_CLOCK_OFFSET_MS`, milliseconds, either sign.
#[cfg(feature = "failpoints")]
static OFFSET: std::sync::LazyLock<i64> = std::sync::LazyLock::new(|| {
    let offset = std::env::var("WHARF_CLOCK_OFFSET_MS").ok();
    offset.map_or(0, |text| match text.parse::<i64>() {
        Ok(ms) => ms.saturating_mul(1000),
        Err(_) => panic!("WHARF_CLOCK_OFFSET_MS: `{text}` is no number of milliseconds"),
    })
});

/// The clock that nobody sets: for deadlines of this process.
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// When a timer for an instant of the wall clock has to ring; never later than in ten seconds, after which the wall clock
/// is looked at anew.
#[must_use]
pub fn timer(wake_at: Option<Timestamp>) -> Instant {
    let wait = wake_at.map_or(LONGEST, |at| at.since(now()).min(LONGEST));
    monotonic() + wait
}
