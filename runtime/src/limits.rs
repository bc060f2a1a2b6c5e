use wasmtime::ResourceLimiter;

/// Bytes that a table's element takes.
const ELEMENT: u64 = size_of::<usize>() as u64;
/// Largest table in elements, under both allocation strategies.
const MAX_TABLE: usize = 64 << 10;

/// Holds the sum of all memories and tables of an attempt under its limit.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: u64,
    used: u64,
    peak: u64,
    refused: bool,
}

impl Limiter {
    /// Lets `limit` bytes be used.
    #[must_use]
    pub(crate) fn new(limit: u64) -> Limiter {
        Limiter { limit, used: 0, peak: 0, refused: false }
    }

    /// Highest sum so far, in bytes.
    #[must_use]
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    /// Whether growth was ever refused.
    #[must_use]
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, current: u64, desired: u64) -> bool {
        let sum = self.used.saturating_add(desired.saturating_sub(current));
        if sum > self.limit {
            self.refused = true;
            return false;
        }
        self.used = sum;
        self.peak = self.peak.max(sum);
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Past its own maximum a memory does not grow, whatever is answered here; it must not be counted.
        if maximum.is_some_and(|m| desired > m) {
            return Ok(false);
        }
        Ok(self.grow(current as u64, desired as u64))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|m| desired > m) {
            return Ok(false);
        }
        if desired > MAX_TABLE {
            self.refused = true;
            return Ok(false);
        }
        Ok(self.grow(current as u64 * ELEMENT, desired as u64 * ELEMENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_counts_not_each_memory() {
        let mut l = Limiter::new(100 << 10);
        assert!(l.memory_growing(0, 64 << 10, None).unwrap());
        assert!(l.table_growing(0, 1024, None).unwrap());
        assert!(!l.refused());
        assert!(!l.memory_growing(0, 64 << 10, None).unwrap());
        assert!(l.refused());
        assert_eq!(l.peak(), (64 << 10) + 8 * 1024);
    }

    #[test]
    fn growth_past_its_own_maximum_is_not_the_limits_doing() {
        let mut l = Limiter::new(1 << 30);
        assert!(!l.memory_growing(64 << 10, 128 << 10, Some(64 << 10)).unwrap());
        assert!(!l.refused());
        assert_eq!(l.peak(), 0);
    }
}
