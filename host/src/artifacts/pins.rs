//! What must not be removed for now, and what just is.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// An artifact: its tenant and its digest.
pub(super) type Key = (String, String);

/// Shared by all clones of [`super::Artifacts`].
#[derive(Debug, Default)]
pub(super) struct Pins {
    state: Mutex<State>,
    /// A removal is over.
    removed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Artifacts that may lie in a store without being recorded yet, with how many hold them.
    held: HashMap<Key, u32>,
    /// Artifacts that are being removed from a tenant's store, which takes its time.
    removing: HashSet<Key>,
}

/// Keeps artifacts from being removed. To be held until the outcome that names them is durable.
#[derive(Debug)]
#[must_use = "dropped, it protects nothing"]
pub struct Pinned {
    pins: Arc<Pins>,
    held: Vec<Key>,
}

/// An artifact is being removed from a tenant's store: until this is dropped, nobody can pin it.
#[derive(Debug)]
pub struct Removal {
    pins: Arc<Pins>,
    key: Key,
}

/// Whether an artifact may be removed.
#[derive(Debug)]
pub enum Removable {
    /// Somebody may record it yet: ask again.
    Pinned,
    /// It is needed.
    Referenced,
    /// Nobody needs it; to be held while it is removed.
    Yes(Removal),
}

impl Pins {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `referenced` while nobody can pin it.
    pub(super) fn begin_removal<E>(
        self: &Arc<Pins>,
        key: Key,
        referenced: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Removable, E> {
        let mut state = self.lock();
        if state.is_held(&key) {
            return Ok(Removable::Pinned);
        }
        if referenced()? {
            return Ok(Removable::Referenced);
        }
        state.removing.insert(key.clone());
        drop(state);
        Ok(Removable::Yes(Removal { pins: Arc::clone(self), key }))
    }
}

impl State {
    pub(super) fn is_held(&self, key: &Key) -> bool {
        self.held.contains_key(key)
    }
}

impl Pinned {
    pub(super) fn new(pins: &Arc<Pins>) -> Pinned {
        Pinned { pins: Arc::clone(pins), held: Vec::new() }
    }

    /// Holds one of the state folder, from which removing takes no time.
    pub(super) fn hold(&mut self, key: Key) {
        *self.pins.lock().held.entry(key.clone()).or_default() += 1;
        self.held.push(key);
    }

    /// Holds one of a tenant's store; where it is just being removed, once it is gone.
    pub(super) async fn hold_settled(&mut self, key: Key) {
        loop {
            let pins = Arc::clone(&self.pins);
            let removed = pins.removed.notified();
            tokio::pin!(removed);
            // Whatever ends from here on is noticed.
            removed.as_mut().enable();
            if !pins.lock().removing.contains(&key) {
                return self.hold(key);
            }
            removed.await;
        }
    }

    /// Whether it holds nothing, and so need not be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut state = self.pins.lock();
        for key in self.held.drain(..) {
            if let Some(count) = state.held.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    state.held.remove(&key);
                }
            }
        }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.pins.lock().removing.remove(&self.key);
        self.pins.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::time::Duration;

    fn key() -> Key {
        ("acme".into(), "sha256:ab".into())
    }

    fn begin(pins: &Arc<Pins>, referenced: bool) -> Removable {
        pins.begin_removal::<Infallible>(key(), || Ok(referenced)).unwrap()
    }

    #[test]
    fn what_is_held_or_needed_is_not_removed() {
        let pins = Arc::new(Pins::default());
        let mut pinned = Pinned::new(&pins);
        pinned.hold(key());
        pinned.hold(key());
        assert!(matches!(begin(&pins, false), Removable::Pinned));
        drop(pinned);
        assert!(matches!(begin(&pins, true), Removable::Referenced));
        assert!(matches!(begin(&pins, false), Removable::Yes(_)));
    }

    #[tokio::test]
    async fn whoever_pins_waits_for_a_removal_that_has_begun() {
        let pins = Arc::new(Pins::default());
        let Removable::Yes(removal) = begin(&pins, false) else { panic!("nobody holds it") };
        let waiting = tokio::spawn({
            let pins = Arc::clone(&pins);
            async move {
                let mut pinned = Pinned::new(&pins);
                pinned.hold_settled(key()).await;
                pinned
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(removal);
        let pinned = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
        assert!(matches!(begin(&pins, false), Removable::Pinned));
        drop(pinned);
    }
}
