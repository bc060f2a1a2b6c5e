//! Times, durations and sizes as people read them.

use std::time::Duration;
use wharf_core::time::Timestamp;

/// `830 µs`, `12 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn duration(d: Duration) -> String {
    let us = d.as_micros();
    let s = d.as_secs();
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{s}.{} s", us % 1_000_000 / 100_000),
        60_000_000..3_600_000_000 => format!("{} min {} s", s / 60, s % 60),
        3_600_000_000..86_400_000_000 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// `812 B`, `1.5 KiB`, `12 MiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let unit = ((n.ilog2() / 10) as usize - 1).min(UNITS.len() - 1);
    // Tenths, rounded down: a size is never shown as more than it is.
    let tenths = u128::from(n) * 10 / (1_u128 << (10 * (unit + 1)));
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

/// `2012-01-05 06:00:00Z`: whole seconds, in UTC.
pub(super) fn time(t: Timestamp) -> String {
    t.to_datetime().format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `3 tasks`, `1 task`.
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |us, expect: &str| assert_eq!(duration(Duration::from_micros(us)), expect);
        check(0, "0 µs");
        check(999, "999 µs");
        check(1_000, "1.0 ms");
        check(12_345, "12 ms");
        check(999_999, "999 ms");
        check(4_250_000, "4.2 s");
        check(200_000_000, "3 min 20 s");
        check(7_500_000_000, "2 h 5 min");
        check(86_400_000_000 * 3 + 3_600_000_000 * 4, "3 d 4 h");
    }

    #[test]
    fn sizes() {
        let check = |n, expect: &str| assert_eq!(bytes(n), expect);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1 KiB");
        check(1536, "1.5 KiB");
        check(12 << 20, "12 MiB");
        check(1023 << 10, "1023 KiB");
        check(u64::MAX, "15 EiB");
    }
}
