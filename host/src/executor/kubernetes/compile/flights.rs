use crate::executor::Failure;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;

/// How long an answer counts. A good one is looked up again then, for a store may have lost it; a bad one may change, but
/// not for each of a thousand items.
const GOOD: Duration = Duration::from_secs(600);
const BAD: Duration = Duration::from_secs(30);

type Answer<T> = (Result<T, Failure>, Instant);

/// Work that many ask for and that is done once: whoever comes while it goes on, or soon after, gets the same answer. It
/// goes on also when nobody waits any more.
pub(super) struct Flights<K, T: Clone>(Mutex<HashMap<K, Shared<BoxFuture<'static, Answer<T>>>>>);

impl<K: Hash + Eq, T: Clone + Send + Sync + 'static> Flights<K, T> {
    pub(super) fn new() -> Flights<K, T> {
        Flights(Mutex::default())
    }

    /// The answer for this key; `work` is begun only where there is none.
    pub(super) async fn get<F>(&self, key: K, work: impl FnOnce() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let flight = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            flights.retain(|_, flight| flight.peek().is_none_or(|answer| is_good(answer, now)));
            flights.entry(key).or_insert_with(|| begin(work())).clone()
        };
        flight.await.0
    }
}

fn is_good<T>((answer, at): &Answer<T>, now: Instant) -> bool {
    now.saturating_duration_since(*at) < if answer.is_ok() { GOOD } else { BAD }
}

fn begin<T, F>(work: F) -> Shared<BoxFuture<'static, Answer<T>>>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let task = tokio::spawn(work);
    async move {
        let answer = task.await.unwrap_or_else(|e| Err(Failure::new(Cause::Internal, format!("wharf failed: {e}"))));
        (answer, Instant::now())
    }
    .boxed()
    .shared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    fn count(counter: &Arc<AtomicU32>) -> u32 {
        counter.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn many_that_ask_at_once_get_one_answer() {
        let flights = Arc::new(Flights::<u32, u32>::new());
        let (calls, go) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let ask = |key| {
            let (flights, calls, go) = (Arc::clone(&flights), Arc::clone(&calls), Arc::clone(&go));
            tokio::spawn(async move {
                let work = || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    Ok(key * 2)
                };
                flights.get(key, work).await.map_err(|f| f.message)
            })
        };
        let all: Vec<_> = (0..20).map(|_| ask(7)).collect();
        let given_up = ask(8);
        while count(&calls) < 2 {
            tokio::task::yield_now().await;
        }
        given_up.abort();
        go.notify_waiters();
        for one in all {
            assert_eq!(one.await.unwrap(), Ok(14));
        }
        // The one that nobody waited for any more was carried on.
        assert_eq!(ask(8).await.unwrap(), Ok(16));
        assert_eq!(count(&calls), 2);
    }

    #[test]
    fn an_answer_counts_for_a_time_and_a_bad_one_for_less() {
        let at = Instant::now();
        let bad = || Err(Failure::new(Cause::CompileLimit, "too large"));
        for (answer, seconds, expect) in
            [(Ok(1), 0, true), (Ok(1), 599, true), (Ok(1), 600, false), (bad(), 29, true), (bad(), 30, false)]
        {
            assert_eq!(is_good(&(answer, at), at + Duration::from_secs(seconds)), expect, "after {seconds} s");
        }
    }

    #[tokio::test]
    async fn a_bad_answer_is_not_asked_for_again_at_once() {
        let flights = Flights::<u32, u32>::new();
        let calls = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            let calls = Arc::clone(&calls);
            let work = || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                Err(Failure::new(Cause::CompileLimit, "too large"))
            };
            assert_eq!(flights.get(1, work).await.unwrap_err().cause, Cause::CompileLimit);
        }
        assert_eq!(count(&calls), 1);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_of_wharf() {
        let flights = Flights::<u32, u32>::new();
        let failed = flights.get(1, || async { panic!("no") }).await.unwrap_err();
        assert_eq!(failed.cause, Cause::Internal);
    }
}
