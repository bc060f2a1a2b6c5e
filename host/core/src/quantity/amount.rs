use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// A quantity as Kubernetes writes it, exact to a billionth of a unit; finer is rounded up, as Kubernetes does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i128);

const UNIT: i128 = 1_000_000_000;
/// Kubernetes keeps no number beyond 2^63 - 1 and caps what is larger.
const LARGEST: i128 = i64::MAX as i128 * UNIT;
/// Longest text that is looked at: no quantity needs as much.
const MAX_TEXT: usize = 64;

/// The factor of a suffix over the unit as (numerator, power of ten to divide by).
const SUFFIXES: [(&str, i128, i32); 16] = [
    ("n", 1, 9),
    ("u", 1, 6),
    ("m", 1, 3),
    ("", 1, 0),
    ("k", 1_000, 0),
    ("M", 1_000_000, 0),
    ("G", 1_000_000_000, 0),
    ("T", 1_000_000_000_000, 0),
    ("P", 1_000_000_000_000_000, 0),
    ("E", 1_000_000_000_000_000_000, 0),
    ("Ki", 1 << 10, 0),
    ("Mi", 1 << 20, 0),
    ("Gi", 1 << 30, 0),
    ("Ti", 1 << 40, 0),
    ("Pi", 1 << 50, 0),
    ("Ei", 1 << 60, 0),
];

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);
    /// One whole unit.
    pub const ONE: Amount = Amount(UNIT);

    /// Reads `512Mi`, `1.5`, `250m`, `1e3`, `-1`.
    ///
    /// # Errors
    /// Why Kubernetes would not take it.
    pub fn parse(text: &str) -> Result<Amount, &'static str> {
        if text.len() > MAX_TEXT {
            return Err("it is too long");
        }
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let (number, suffix) = digits.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err("it does not begin with a number");
        }
        let (factor, divide) = scale(suffix)?;
        let size = magnitude(whole, fraction, factor, divide);
        Ok(Amount(if negative { -size } else { size }))
    }

    /// As many parts of a unit, of which a unit has `parts`, as it comes to, rounded up. None below zero, and where it is as
    /// large as Kubernetes can tell.
    #[must_use]
    pub fn in_parts(self, parts: u32) -> Option<u64> {
        if self.0 < 0 || self.0 >= LARGEST {
            return None;
        }
        let all = self.0.checked_mul(parts.into())?;
        u64::try_from(all / UNIT + i128::from(all % UNIT != 0)).ok().filter(|n| *n <= i64::MAX as u64)
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

/// What a suffix, or an exponent, multiplies by: numerator, and power of ten to divide by.
fn scale(suffix: &str) -> Result<(i128, i32), &'static str> {
    if let Some((_, factor, divide)) = SUFFIXES.iter().find(|(s, ..)| *s == suffix) {
        return Ok((*factor, *divide));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|e| e.parse::<i32>().ok());
    match exponent {
        // Beyond these every number is capped, or rounds up to the smallest.
        Some(exponent) => Ok((1, -exponent.clamp(-100, 100))),
        None if matches!(suffix, "B" | "b" | "MB" | "GB" | "KB" | "kB" | "MiB" | "GiB" | "KiB") => {
            Err("bytes have no `B` here")
        }
        None if suffix == "K" => Err("a thousand is `k`, and 1,024 is `Ki`"),
        None => Err("its suffix is not known"),
    }
}

/// Billionths, rounded up and capped.
fn magnitude(whole: &str, fraction: &str, factor: i128, divide: i32) -> i128 {
    let digits = whole.bytes().chain(fraction.bytes()).map(|c| i128::from(c - b'0'));
    // `value / 10^shift` is what is meant, in billionths.
    let shift = i32::try_from(fraction.len()).unwrap_or(i32::MAX) + divide - 9;
    let value = digits.fold(0_i128, |value, digit| value.saturating_mul(10).saturating_add(digit));
    if value == 0 {
        return 0;
    }
    let value = value.saturating_mul(factor);
    let ten = |power: i32| 10_i128.checked_pow(power.unsigned_abs());
    let value = if shift <= 0 {
        ten(shift).map_or(LARGEST, |ten| value.saturating_mul(ten))
    } else {
        // A divisor that does not fit is larger than any value: what is left rounds up to the smallest.
        ten(shift).map_or(1, |ten| value / ten + i128::from(value % ten != 0))
    };
    value.min(LARGEST)
}

impl Add for Amount {
    type Output = Amount;

    fn add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::ZERO, Add::add)
    }
}

/// In the largest binary unit that is exact, else whole, else in the coarsest of m, u, n that is exact.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
        let fitting = binary.into_iter().map(|(s, bits)| (s, UNIT << bits)).chain([("", UNIT)]);
        let finer = [("m", UNIT / 1_000), ("u", 1_000), ("n", 1)];
        let mut units = fitting.chain(finer);
        if self.0 == 0 {
            return f.write_str("0");
        }
        match units.find(|(_, unit)| self.0 % unit == 0) {
            Some((suffix, unit)) => write!(f, "{}{suffix}", self.0 / unit),
            None => unreachable!("every amount is whole billionths"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_kubernetes_reads() {
        for (text, expect) in [
            ("0", Some(0)),
            ("1", Some(UNIT)),
            ("+1", Some(UNIT)),
            ("-1", Some(-UNIT)),
            ("1.", Some(UNIT)),
            (".5", Some(UNIT / 2)),
            ("0.5", Some(UNIT / 2)),
            ("100m", Some(UNIT / 10)),
            ("1500m", Some(3 * UNIT / 2)),
            ("1u", Some(1_000)),
            ("1n", Some(1)),
            ("0.1n", Some(1)),
            ("1.0000000001", Some(UNIT + 1)),
            ("1k", Some(1_000 * UNIT)),
            ("1Ki", Some(1_024 * UNIT)),
            ("1.5Gi", Some((3 << 29) * UNIT)),
            ("1Ei", Some((1 << 60) * UNIT)),
            ("129e6", Some(129_000_000 * UNIT)),
            ("1E", Some(1_000_000_000_000_000_000 * UNIT)),
            ("1E3", Some(1_000 * UNIT)),
            ("1e-3", Some(UNIT / 1_000)),
            ("5e-10", Some(1)),
            ("1e-2000000000", Some(1)),
            ("0e2000000000", Some(0)),
            ("1e99", Some(LARGEST)),
            ("9223372036854775807", Some(LARGEST)),
            ("9223372036854775808", Some(LARGEST)),
            ("99999999999999999999999999999999999999999999999999", Some(LARGEST)),
            ("-100Ei", Some(-LARGEST)),
            ("", None),
            ("-", None),
            (".", None),
            ("m", None),
            ("1.2.3", None),
            ("1K", None),
            ("1KB", None),
            ("1 Ki", None),
            (" 1", None),
            ("1e", None),
            ("1e1.5", None),
            ("1e1Ki", None),
            ("--1", None),
            ("0x10", None),
            ("١", None),
            (&"1".repeat(65), None),
        ] {
            assert_eq!(Amount::parse(text).ok(), expect.map(Amount), "{text}");
        }
    }

    #[test]
    fn is_shown_in_the_coarsest_exact_unit() {
        for (text, expect) in [
            ("0", "0"),
            ("1024", "1Ki"),
            ("1536Mi", "1536Mi"),
            ("2048Mi", "2Gi"),
            ("1000", "1000"),
            ("1k", "1000"),
            ("0.25", "250m"),
            ("2", "2"),
            ("1u", "1u"),
            ("-512Mi", "-512Mi"),
        ] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), expect, "{text}");
        }
    }

    fn amount() -> impl Strategy<Value = Amount> {
        let unit = prop::sample::select(vec![1, UNIT / 1_000, UNIT, UNIT << 10, UNIT << 30]);
        (-1_000_000_i128..1_000_000, unit).prop_map(|(n, unit)| Amount(n * unit))
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(amount in amount()) {
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn a_decimal_is_the_sum_of_its_parts(whole in 0_u64..1 << 30, millis in 0_u64..1_000, suffix in "[kMGm]?|[KMG]i") {
            let read = |text: String| Amount::parse(&text).unwrap();
            let parts = read(format!("{whole}{suffix}")) + read(format!("0.{millis:03}{suffix}"));
            prop_assert_eq!(read(format!("{whole}.{millis:03}{suffix}")), parts);
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,70}") {
            let _ = Amount::parse(&text);
        }
    }
}
