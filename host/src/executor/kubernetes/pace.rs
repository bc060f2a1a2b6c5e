use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Writes at one time to begin with.
const FIRST: usize = 32;
/// Writes at one time at the most.
const MOST: usize = 256;
/// Longest pause that the API server may ask for.
const LONGEST: Duration = Duration::from_secs(60);
/// Pause after a refusal that names none.
const PAUSE: Duration = Duration::from_secs(1);

/// How many writes go to the API server at one time: one more for each round of them that it takes, half as many when it
/// says that they are too many, and none for as long as it asks.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    room: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

/// Room for one write.
#[derive(Debug)]
pub(super) struct Pass {
    permit: Option<OwnedSemaphorePermit>,
    pace: Pace,
}

/// The numbers alone.
#[derive(Debug)]
struct State {
    limit: usize,
    /// Writes taken since the limit last changed.
    taken: usize,
    /// Permits to be withdrawn as they come back.
    owed: usize,
    /// No write begins before.
    until: Option<Instant>,
}

impl Pace {
    pub(super) fn new() -> Pace {
        let state = State { limit: FIRST, taken: 0, owed: 0, until: None };
        Pace { room: Arc::new(Semaphore::new(FIRST)), state: Arc::new(Mutex::new(state)) }
    }

    /// Waits until there is room for a write, in the order of asking.
    pub(super) async fn enter(&self) -> Pass {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        let pass = Pass { permit, pace: self.clone() };
        while let Some(until) = self.pause() {
            tokio::time::sleep_until(until).await;
        }
        pass
    }

    /// Writes at one time now.
    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }

    /// The API server took a write.
    pub(super) fn taken(&self) {
        if self.state().grow() {
            self.room.add_permits(1);
        }
    }

    /// The API server said that it is too much, and how long to wait.
    pub(super) fn refused(&self, after: Option<Duration>) {
        self.state().shrink(Instant::now(), after);
    }

    fn pause(&self) -> Option<Instant> {
        self.state().until.filter(|until| *until > Instant::now())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && self.pace.state().withdraw()
        {
            permit.forget();
        }
    }
}

impl State {
    /// Takes note of a write that was taken; whether there is room for one more from now on.
    fn grow(&mut self) -> bool {
        self.taken += 1;
        if self.taken < self.limit || self.limit >= MOST {
            return false;
        }
        self.taken = 0;
        self.limit += 1;
        // A permit that is owed need not be withdrawn any more, which is as good as a new one.
        match self.owed {
            0 => true,
            _ => {
                self.owed -= 1;
                false
            }
        }
    }

    /// Takes note of a refusal. All writes that are under way may be refused at once: they count as one.
    fn shrink(&mut self, now: Instant, after: Option<Duration>) {
        let until = now + after.unwrap_or(PAUSE).min(LONGEST);
        if self.until.is_none_or(|until| until <= now) {
            let limit = (self.limit / 2).max(1);
            self.owed += self.limit - limit;
            self.limit = limit;
            self.taken = 0;
        }
        self.until = Some(self.until.map_or(until, |before| before.max(until)));
    }

    /// Whether a permit that comes back is to be withdrawn.
    fn withdraw(&mut self) -> bool {
        let owed = self.owed > 0;
        self.owed -= usize::from(owed);
        owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_by_one_a_round_and_halves_once_a_pause() {
        let (mut state, now) = (State { limit: 4, taken: 0, owed: 0, until: None }, Instant::now());
        let grown: Vec<_> = (0..9).map(|_| state.grow()).collect();
        assert_eq!(grown, [false, false, false, true, false, false, false, false, true]);
        assert_eq!(state.limit, 6);
        state.shrink(now, Some(Duration::from_secs(3)));
        state.shrink(now, Some(Duration::from_secs(5)));
        assert_eq!((state.limit, state.owed), (3, 3), "what was refused together counts once");
        assert_eq!(state.until, Some(now + Duration::from_secs(5)), "the longer pause holds");
        state.shrink(now + Duration::from_secs(6), None);
        assert_eq!((state.limit, state.until), (1, Some(now + Duration::from_secs(7))));
        state.shrink(now + Duration::from_secs(8), Some(Duration::from_secs(86_400)));
        assert_eq!((state.limit, state.until), (1, Some(now + Duration::from_secs(68))), "never none, never for ever");
    }

    #[tokio::test]
    async fn as_many_are_under_way_as_the_limit_says() {
        let pace = Pace::new();
        let mut passes = Vec::new();
        for _ in 0..FIRST {
            passes.push(pace.enter().await);
        }
        let more = |pace: &Pace| pace.room.available_permits();
        assert_eq!(more(&pace), 0);
        pace.refused(Some(Duration::ZERO));
        passes.truncate(FIRST / 4);
        assert_eq!((more(&pace), pace.limit()), (FIRST / 4, FIRST / 2), "half of the permits went");
        for _ in 0..FIRST / 2 {
            pace.taken();
        }
        assert_eq!((more(&pace), pace.limit()), (FIRST / 4 + 1, FIRST / 2 + 1));
        drop(passes);
        assert_eq!(more(&pace), pace.limit());
    }

    #[tokio::test]
    async fn nothing_begins_before_the_pause_is_over() {
        let pace = Pace::new();
        let began = Instant::now();
        pace.refused(Some(Duration::from_millis(30)));
        let _pass = pace.enter().await;
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
