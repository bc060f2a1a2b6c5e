//! Durations as text, in the syntax of Go: `90s`, `5m`, `1h30m`, `250ms`, `1.5h`.

use super::error::{ScheduleError, shown};
use std::fmt;
use std::time::Duration;

/// The longest text that is read.
const LONGEST_TEXT: usize = 64;
/// Go's durations are signed 64-bit nanoseconds: 2562047h47m16.854775807s.
const LONGEST_NANOS: u128 = i64::MAX as u128;

/// Units from the longest to the shortest, with their nanoseconds. Of two names for one unit the first is the one shown.
const UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Reads a duration: numbers, each with a unit (`h`, `m`, `s`, `ms`, `us`, `ns`), from 0 to 2562047h.
///
/// # Errors
/// The text is empty, longer than 64 bytes, negative, has a number without a unit, or is too long a time.
pub fn parse(text: &str) -> Result<Duration, ScheduleError> {
    let whole = 0..text.len();
    if text.is_empty() {
        return Err(ScheduleError::new(whole, "the duration is empty").hint("write it as `90s`, `5m` or `1h30m`"));
    }
    if text.len() > LONGEST_TEXT {
        return Err(ScheduleError::new(whole, format!("the duration is longer than {LONGEST_TEXT} bytes")));
    }
    if text.starts_with('-') {
        return Err(ScheduleError::new(whole, format!("the duration `{text}` is negative")));
    }
    let mut at = usize::from(text.starts_with('+'));
    if &text[at..] == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos: u128 = 0;
    loop {
        let (part, next) = component(text, at)?;
        // Each part is below 2^128 / 2^64, and there are at most 32 of them: no overflow.
        nanos += part;
        at = next;
        if at == text.len() {
            break;
        }
    }
    if nanos > LONGEST_NANOS {
        return Err(ScheduleError::new(whole, format!("the duration `{text}` is too long"))
            .hint("the longest is `2562047h` (292 years)"));
    }
    Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

/// Reads one number with its unit from byte `at` on: nanoseconds, and where the next one begins.
fn component(text: &str, at: usize) -> Result<(u128, usize), ScheduleError> {
    let rest = &text[at..];
    let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let tail = &rest[number..];
    let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
    let (number, unit) = (&rest[..number], &tail[..unit]);
    let next = at + number.len() + unit.len();

    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(ScheduleError::new(at..next, format!("`{}` is no duration", shown(text)))
            .hint("write numbers with units, as `90s`, `5m` or `1h30m`"));
    }
    let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let span = at + number.len()..next;
        return Err(if unit.is_empty() {
            ScheduleError::new(at..next, format!("`{number}` has no unit"))
                .hint(format!("for seconds write `{number}s`"))
        } else if let Some((days, hours)) = hours_of(number, unit) {
            ScheduleError::new(span, format!("`{unit}` is no unit of time: {days} may have an hour more or less"))
                .hint(format!("say how many hours: `{hours}h`"))
        } else {
            ScheduleError::new(span, format!("`{}` is no unit of time", shown(unit))).hint("use h, m, s, ms, us or ns")
        });
    };
    let too_long = || {
        ScheduleError::new(at..next, format!("the duration `{}` is too long", shown(text)))
            .hint("the longest is `2562047h` (292 years)")
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
    // What is below a nanosecond is dropped, as are digits that cannot make one (an hour has 3.6e12).
    let mut below: u128 = 0;
    let mut divisor: u128 = 1;
    for digit in fraction.bytes().take(18) {
        divisor *= 10;
        below = below * 10 + u128::from(digit - b'0');
    }
    Ok((u128::from(whole) * u128::from(*scale) + below * u128::from(*scale) / divisor, next))
}

/// What a number of days or weeks is in hours, mostly.
fn hours_of(number: &str, unit: &str) -> Option<(&'static str, u64)> {
    let (name, hours) = match unit {
        "d" => ("a day", 24),
        "w" => ("a week", 7 * 24),
        _ => return None,
    };
    Some((name, number.parse::<u64>().ok()?.checked_mul(hours)?))
}

/// Shows a duration such that [`parse`] reads the same: `1h30m`, `1m30s`, `250ms`, `0s`.
#[must_use]
pub fn display(duration: Duration) -> impl fmt::Display {
    Shown(duration)
}

struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let mut left = self.0.as_nanos();
        for (name, scale) in UNITS.iter().filter(|(name, _)| name.is_ascii()) {
            let count = left / u128::from(*scale);
            left %= u128::from(*scale);
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}
