//! Quantities as Kubernetes writes them: `512Mi`, `1.5Gi`, `250m`, `2`, `1e9`.

mod amount;

pub use amount::Amount;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Add;

/// A number of bytes; shown as a quantity, in the largest unit that is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// Thousandths of a core; shown as a quantity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bytes(bytes) = *self;
        let units = [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        match units.into_iter().find(|(_, n)| bytes != 0 && bytes.is_multiple_of(*n)) {
            Some((suffix, n)) => write!(f, "{}{suffix}", bytes / n),
            None => write!(f, "{bytes}"),
        }
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            whole if whole.is_multiple_of(1000) => write!(f, "{}", whole / 1000),
            part => write!(f, "{part}m"),
        }
    }
}

impl Add for Bytes {
    type Output = Bytes;

    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl Add for Millis {
    type Output = Millis;

    fn add(self, other: Millis) -> Millis {
        Millis(self.0.saturating_add(other.0))
    }
}

/// As many of the unit as a quantity comes to, rounded up, at least one. Bytes and pieces have a scale of 1, thousandths of
/// a core one of 1,000.
///
/// # Errors
/// Why it is none; [`ZERO`] where it is zero.
pub(crate) fn parse(text: &str, scale: u32) -> Result<u64, &'static str> {
    if text.starts_with('-') {
        return Err("it is negative");
    }
    match Amount::parse(text)?.in_parts(scale) {
        Some(0) => Err(ZERO),
        Some(value) => Ok(value),
        None => Err("it is too large"),
    }
}

/// Of [`parse`].
pub(crate) const ZERO: &str = "it is zero";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_kubernetes_reads() {
        for (bytes, expect) in
            [(0, "0"), (1, "1"), (1024, "1Ki"), (1025, "1025"), (3 << 19, "1536Ki"), (2 << 30, "2Gi")]
        {
            assert_eq!(Bytes(bytes).to_string(), expect);
        }
        for (millis, expect) in [(0, "0"), (1, "1m"), (1000, "1"), (1500, "1500m")] {
            assert_eq!(Millis(millis).to_string(), expect);
        }
    }

    #[test]
    fn reads_what_kubernetes_reads() {
        for (text, scale, expect) in [
            ("512Mi", 1, Ok(512 << 20)),
            ("1.5Gi", 1, Ok(3 << 29)),
            ("128974848", 1, Ok(128_974_848)),
            ("129e6", 1, Ok(129_000_000)),
            ("129M", 1, Ok(129_000_000)),
            ("128974848000m", 1, Ok(128_974_848)),
            ("1", 1000, Ok(1000)),
            ("0.5", 1000, Ok(500)),
            ("250m", 1000, Ok(250)),
            ("0.0001", 1000, Ok(1)),
            (".5k", 1, Ok(500)),
            ("+1Ki", 1, Ok(1024)),
            ("0", 1, Err("it is zero")),
            ("-1", 1, Err("it is negative")),
            ("", 1, Err("it does not begin with a number")),
            ("Mi", 1, Err("it does not begin with a number")),
            ("1.2.3", 1, Err("it does not begin with a number")),
            ("512MB", 1, Err("bytes have no `B` here")),
            ("1K", 1, Err("a thousand is `k`, and 1,024 is `Ki`")),
            ("1 Gi", 1, Err("its suffix is not known")),
            ("1e", 1, Err("its suffix is not known")),
            ("9999999Pi", 1, Err("it is too large")),
            ("1e19", 1, Err("it is too large")),
            ("99999999999999999999999999999999999999", 1, Err("it is too large")),
        ] {
            assert_eq!(parse(text, scale), expect, "{text}");
        }
    }
}
