use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that count for a while. No more than a number of them: then the oldest goes.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    most: usize,
    lasts: Duration,
    answers: HashMap<K, Given<V>>,
    /// The numbers of answers, oldest first. An answer that was given anew meanwhile has another number.
    order: VecDeque<(u64, K)>,
    last: u64,
}

#[derive(Debug)]
struct Given<V> {
    number: u64,
    at: Instant,
    answer: V,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(most: usize, lasts: Duration) -> Cache<K, V> {
        Cache { most, lasts, answers: HashMap::new(), order: VecDeque::new(), last: 0 }
    }

    /// The answer, while it counts.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<V> {
        let given = self.answers.get(key)?;
        (now < given.at + self.lasts).then(|| given.answer.clone())
    }

    /// Keeps an answer that was given now.
    pub(super) fn put(&mut self, key: K, answer: V, now: Instant) {
        self.last += 1;
        self.answers.insert(key.clone(), Given { number: self.last, at: now, answer });
        self.order.push_back((self.last, key));
        while let Some((number, key)) = self.order.front() {
            if let Some(given) = self.answers.get(key).filter(|given| given.number == *number) {
                if now < given.at + self.lasts && self.answers.len() <= self.most {
                    break;
                }
                self.answers.remove(key);
            }
            self.order.pop_front();
        }
        if self.order.len() > 2 * self.most {
            let answers = &self.answers;
            self.order.retain(|(number, key)| answers.get(key).is_some_and(|given| given.number == *number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(10);

    #[test]
    fn an_answer_counts_for_its_time_and_not_longer() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let mut cache = Cache::new(9, LASTS);
        cache.put("a", 1, at(0));
        for (ms, expect) in [(0, Some(1)), (9_999, Some(1)), (10_000, None), (99_000, None)] {
            assert_eq!(cache.get(&"a", at(ms)), expect, "{ms}");
        }
        // A new answer counts from when it was given.
        cache.put("a", 2, at(9_000));
        assert_eq!((cache.get(&"a", at(18_999)), cache.get(&"a", at(19_000))), (Some(2), None));
        assert_eq!(cache.get(&"b", at(0)), None);
    }

    #[test]
    fn no_more_are_kept_than_fit_and_the_oldest_goes() {
        let now = Instant::now();
        let mut cache = Cache::new(3, LASTS);
        for key in 0..100 {
            cache.put(key, key, now);
        }
        let kept: Vec<_> = (0..100).filter(|key| cache.get(key, now).is_some()).collect();
        assert_eq!((kept, cache.answers.len(), cache.order.len()), (vec![97, 98, 99], 3, 3));
        // The same one again and again takes no more room either, and does not drive out the others.
        for answer in 0..100 {
            cache.put(99, answer, now);
        }
        assert_eq!((cache.get(&99, now), cache.get(&98, now)), (Some(99), Some(98)));
        assert!(cache.order.len() <= 6, "{}", cache.order.len());
    }

    #[test]
    fn what_counts_no_more_goes_with_the_next_answer() {
        let now = Instant::now();
        let mut cache = Cache::new(100, LASTS);
        for key in 0..50 {
            cache.put(key, (), now);
        }
        cache.put(50, (), now + LASTS);
        assert_eq!((cache.answers.len(), cache.order.len()), (1, 1));
    }
}
