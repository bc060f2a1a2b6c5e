use std::time::Duration;
use tokio::time::Instant;
use wharf_core::action::AttemptKey;

/// The attempts that a worker holds, by the number that it knows them under. Numbers are used again, so that the table
/// stays as small as the number of attempts at one time.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: Vec<Option<Held>>,
    free: Vec<u32>,
}

/// An attempt in a worker's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Which.
    pub(super) attempt: AttemptKey,
    /// Past it the worker is taken for stuck.
    pub(super) overdue: Option<Instant>,
}

impl Held {
    /// Whether its deadline passed.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.overdue.is_some_and(|d| d <= now)
    }
}

impl Slots {
    /// Takes the lowest free number.
    pub(super) fn take(&mut self, attempt: AttemptKey) -> u32 {
        let held = Some(Held { attempt, overdue: None });
        if let Some(slot) = self.free.pop() {
            self.held[slot as usize] = held;
            return slot;
        }
        self.held.push(held);
        u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
    }

    /// What a number stands for.
    pub(super) fn get(&self, slot: u32) -> Option<AttemptKey> {
        self.held.get(slot as usize)?.map(|h| h.attempt)
    }

    /// Frees a number.
    pub(super) fn release(&mut self, slot: u32) -> Option<AttemptKey> {
        let held = self.held.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(held.attempt)
    }

    /// The worker has until `deadline` to end this attempt.
    pub(super) fn expect_end(&mut self, slot: u32, deadline: Instant) {
        if let Some(Some(held)) = self.held.get_mut(slot as usize) {
            held.overdue = Some(held.overdue.map_or(deadline, |d| d.min(deadline)));
        }
    }

    /// Whether the deadline of an attempt passed.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.held.iter().flatten().any(|h| h.is_overdue(now))
    }

    /// The next deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.held.iter().flatten().filter_map(|h| h.overdue).min()
    }

    /// Number of attempts held.
    pub(super) fn len(&self) -> usize {
        self.held.len() - self.free.len()
    }

    /// Gives up everything, in the order of the numbers.
    pub(super) fn drain(&mut self) -> Vec<Held> {
        self.free.clear();
        std::mem::take(&mut self.held).into_iter().flatten().collect()
    }
}

/// How long a worker may take to end an attempt beyond the grace that it was told.
pub(super) const STOP_MARGIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_core::event::RunId;

    fn key(attempt: u32) -> AttemptKey {
        AttemptKey { run: RunId(1), task: 0, item: None, attempt }
    }

    #[test]
    fn numbers_are_used_again() {
        let mut slots = Slots::default();
        assert_eq!((slots.take(key(1)), slots.take(key(2))), (0, 1));
        assert_eq!(slots.release(0), Some(key(1)));
        assert_eq!(slots.release(0), None, "freed once only");
        assert_eq!(slots.get(0), None);
        assert_eq!(slots.take(key(3)), 0);
        assert_eq!(slots.get(0), Some(key(3)));
        assert_eq!(slots.len(), 2);
        assert_eq!(slots.get(9), None);
        let left: Vec<_> = slots.drain().into_iter().map(|h| h.attempt).collect();
        assert_eq!(left, [key(3), key(2)]);
        assert_eq!(slots.len(), 0);
    }

    #[test]
    fn a_deadline_goes_with_its_attempt() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let slot = slots.take(key(1));
        assert!(!slots.is_overdue(now));
        slots.expect_end(slot, now);
        slots.expect_end(slot, now + STOP_MARGIN);
        assert_eq!(slots.next_deadline(), Some(now), "a later one does not take the place of an earlier one");
        assert!(slots.is_overdue(now));
        slots.release(slot);
        assert_eq!((slots.is_overdue(now), slots.next_deadline()), (false, None));
    }
}
