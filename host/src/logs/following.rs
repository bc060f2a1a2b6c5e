//! Whoever follows the log of a run sees what its pods say now: their containers' logs are read through the API server, as
//! long as somebody follows and no longer.

use super::stream::{Lines, line};
use super::{LogFilter, LogKey};
use crate::clock;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncBufRead;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use wharf_contract::LogLine;
use wharf_core::action::AttemptKey;
use wharf_core::event::RunId;

/// Containers' logs that are read at a time. What other pods say shows when they have ended.
const MAX_STREAMS: usize = 32;
/// First and longest pause before a log that ended, or could not be read, is looked at again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// The bytes of a container's log, as they come.
pub type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// Where containers' logs are read.
pub trait ContainerLogs: Send + Sync {
    /// The log of a pod's container from its beginning, which ends when the container does.
    fn open(&self, pod: &RunningPod) -> BoxFuture<'static, Result<Reader, String>>;
}

/// The pod of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What an attempt said.
#[derive(Debug)]
pub struct Followed {
    /// Which.
    pub attempt: AttemptKey,
    /// Its log.
    pub key: LogKey,
    /// Whether these are the very first lines: whatever is in its file is to go.
    pub first: bool,
    /// In order.
    pub lines: Vec<LogLine>,
}

/// Brings those who follow and the pods that run together. Clones share both.
#[derive(Clone)]
pub struct Following(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    source: Arc<dyn ContainerLogs>,
    to: mpsc::Sender<Followed>,
}

#[derive(Default)]
struct State {
    watching: HashMap<u64, (RunId, LogFilter)>,
    next: u64,
    pods: HashMap<AttemptKey, Entry>,
    streams: usize,
}

struct Entry {
    key: LogKey,
    pod: RunningPod,
    /// Lines that were handed on.
    handed_on: u64,
    stream: Option<AbortOnDropHandle<()>>,
}

/// Somebody follows. Dropped, nobody does any more.
pub struct Watching {
    following: Following,
    number: u64,
}

impl Following {
    /// Reads from `source` and hands what it reads to `to`.
    #[must_use]
    pub fn new(source: Arc<dyn ContainerLogs>, to: mpsc::Sender<Followed>) -> Following {
        Following(Arc::new(Shared { state: Mutex::default(), source, to }))
    }

    /// The pod of an attempt has a container that runs, or has run. May be told again; only the first time counts.
    pub fn started(&self, attempt: AttemptKey, key: LogKey, pod: RunningPod) {
        let mut state = self.lock();
        let entry = Entry { key, pod, handed_on: 0, stream: None };
        state.pods.entry(attempt).or_insert(entry);
        if state.watching.values().any(|(run, _)| *run == attempt.run) {
            self.adjust(&mut state, attempt);
        }
    }

    /// An attempt ended: nothing more of it is handed on by what is read from now on.
    pub fn ended(&self, attempt: AttemptKey) {
        let mut state = self.lock();
        if let Some(Entry { stream: Some(_), .. }) = state.pods.remove(&attempt) {
            state.streams -= 1;
        }
    }

    /// Somebody follows the log of a run, until the answer is dropped.
    #[must_use]
    pub fn watch(&self, run: RunId, filter: LogFilter) -> Watching {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.watching.insert(number, (run, filter));
        self.adjust_run(&mut state, run);
        drop(state);
        Watching { following: self.clone(), number }
    }

    /// Whether somebody follows a run.
    #[must_use]
    pub fn is_watched(&self, run: RunId) -> bool {
        self.lock().watching.values().any(|(watched, _)| *watched == run)
    }

    fn adjust_run(&self, state: &mut State, run: RunId) {
        let mut pods: Vec<_> = state.pods.keys().filter(|a| a.run == run).copied().collect();
        pods.sort_unstable();
        for attempt in pods {
            self.adjust(state, attempt);
        }
    }

    /// Begins or ends to read the log of a pod.
    fn adjust(&self, state: &mut State, attempt: AttemptKey) {
        let State { watching, pods, streams, .. } = state;
        let Some(entry) = pods.get_mut(&attempt) else { return };
        let wanted = watching.values().any(|(run, filter)| *run == attempt.run && filter.fits(&entry.key));
        match (&entry.stream, wanted) {
            (None, true) if *streams < MAX_STREAMS => {
                let reading = read(self.clone(), attempt, entry.key.clone(), entry.pod.clone());
                entry.stream = Some(AbortOnDropHandle::new(tokio::spawn(reading)));
                *streams += 1;
            }
            (Some(_), false) => {
                entry.stream = None;
                *streams -= 1;
            }
            _ => {}
        }
    }

    fn handed_on(&self, attempt: AttemptKey) -> Option<u64> {
        self.lock().pods.get(&attempt).map(|e| e.handed_on)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut state = self.following.lock();
        if let Some((run, _)) = state.watching.remove(&self.number) {
            self.following.adjust_run(&mut state, run);
        }
    }
}

/// Reads a pod's log again and again, for a connection may break, until the attempt has ended.
async fn read(following: Following, attempt: AttemptKey, key: LogKey, pod: RunningPod) {
    let mut pause = PAUSE.0;
    loop {
        let Some(before) = following.handed_on(attempt) else { return };
        let done = match following.0.source.open(&pod).await {
            Ok(reader) => hand_on(&following, attempt, &key, Lines::new(reader)).await,
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            tracing::debug!(pod = pod.name, namespace = pod.namespace, error = why, "a pod's log cannot be followed");
        }
        let got_on = following.handed_on(attempt).is_some_and(|n| n > before);
        pause = if got_on { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        tokio::time::sleep(pause).await;
    }
}

/// Hands on all lines but those that were handed on before.
async fn hand_on(following: &Following, attempt: AttemptKey, key: &LogKey, mut from: Lines) -> Result<(), String> {
    let mut seen = 0;
    while let Some(lines) = from.next().await.map_err(|e| e.to_string())? {
        let Some(before) = following.handed_on(attempt) else { return Ok(()) };
        let now = clock::now().as_micros();
        let known = usize::try_from(before.saturating_sub(seen)).unwrap_or(usize::MAX);
        seen += lines.len() as u64;
        let new = lines.iter().skip(known).filter(|l| !l.iter().all(u8::is_ascii_whitespace));
        let lines: Vec<LogLine> = new.map(|l| line(l, now)).collect();
        if lines.is_empty() {
            continue;
        }
        let followed = Followed { attempt, key: key.clone(), first: before == 0, lines };
        // Sent and counted in one step, since this may be ended wherever it waits.
        let Ok(place) = following.0.to.reserve().await else { return Ok(()) };
        let mut state = following.lock();
        let Some(entry) = state.pods.get_mut(&attempt) else { return Ok(()) };
        entry.handed_on = entry.handed_on.max(seen);
        place.send(followed);
    }
    Ok(())
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "following_tests.rs"]
mod tests;
