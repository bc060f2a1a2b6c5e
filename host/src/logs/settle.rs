//! What becomes of a staging folder once its attempt is recorded: the log goes where readers look for it, the rest goes.

use super::{LogKey, fetch_one};
use futures_util::TryStreamExt as _;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use wharf_contract::AttemptId;
use wharf_core::event::RunId;
use wharf_depot::{Depot, Error, Object, keys};

/// Files the log of an attempt that is recorded, and removes all that its pods staged. May be repeated.
///
/// `uid` is of the pod whose outcome was recorded. Where none is known, the log of the pod that wrote last is filed, but
/// never over one that is there.
///
/// # Errors
/// What the store says; something is left then.
pub async fn settle(depot: &Depot, id: &AttemptId, uid: Option<&str>) -> Result<(), Error> {
    let staged: Vec<Object> = depot.list(&keys::staging(id)).try_collect().await?;
    if let Some(log) = log_of(&staged, id, uid) {
        let target = keys::log(id);
        if uid.is_some() || depot.head(&target).await?.is_none() {
            depot.copy(&log.key, &target, log.size).await?;
        }
    }
    if staged.is_empty() {
        return Ok(());
    }
    depot.delete(staged.into_iter().map(|o| o.key).collect()).await
}

/// The log to keep out of what the pods of an attempt staged.
fn log_of<'a>(staged: &'a [Object], id: &AttemptId, uid: Option<&str>) -> Option<&'a Object> {
    if let Some(uid) = uid {
        let key = keys::staged_log(id, uid);
        return staged.iter().find(|o| o.key == key);
    }
    let is_log = |key: &str| {
        let uid = key.rsplit('/').nth(1).unwrap_or_default();
        key == keys::staged_log(id, uid)
    };
    staged.iter().filter(|o| is_log(&o.key)).max_by_key(|o| o.modified)
}

/// Attempts whose staging folders are being seen to, by run: their logs are not where readers look for them yet. Clones
/// share them.
#[derive(Debug, Clone)]
pub struct Settling(watch::Sender<HashMap<RunId, u32>>);

/// One attempt of them; dropped, it is seen to.
#[derive(Debug)]
pub struct Unsettled {
    all: watch::Sender<HashMap<RunId, u32>>,
    run: RunId,
}

impl Default for Settling {
    fn default() -> Settling {
        Settling(watch::Sender::new(HashMap::new()))
    }
}

impl Settling {
    /// Notes one. To be called before its end can be seen.
    #[must_use]
    pub fn begin(&self, run: RunId) -> Unsettled {
        self.0.send_modify(|runs| *runs.entry(run).or_default() += 1);
        Unsettled { all: self.0.clone(), run }
    }

    /// Whether nothing at all is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Waits until nothing of a run is under way, or for so long.
    pub async fn wait(&self, run: RunId, at_most: Duration) {
        let mut seen = self.0.subscribe();
        // Too late, or never: what is there is read.
        let _ = tokio::time::timeout(at_most, seen.wait_for(|runs| !runs.contains_key(&run))).await;
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.all.send_modify(|runs| {
            if let Some(count) = runs.get_mut(&self.run) {
                *count -= 1;
                if *count == 0 {
                    runs.remove(&self.run);
                }
            }
        });
    }
}

/// Puts the filed log of an attempt in the place of what was followed of it, if it was.
///
/// # Errors
/// [`super::FetchError`].
pub async fn replace_followed(depot: &Depot, state_dir: &Path, key: &LogKey) -> Result<(), super::FetchError> {
    match super::is_here(state_dir, key) {
        true => fetch_one(depot, state_dir, key).await,
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::StoreLocation;

    fn id() -> AttemptId {
        AttemptId { run: 7, task: "a-b".into(), item: Some(3), attempt: 2 }
    }

    async fn check(staged: &[(&str, &str)], filed: Option<&str>, uid: Option<&str>, expect: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let depot = Depot::open(&StoreLocation::Folder { path: dir.path().into() }, None, None).unwrap();
        let neighbour = "staging/7-a-b-3-22/u/log.jsonl";
        depot.put(neighbour, b"n".to_vec()).await.unwrap();
        if let Some(text) = filed {
            depot.put(&keys::log(&id()), text.into()).await.unwrap();
        }
        for (at, (name, text)) in staged.iter().enumerate() {
            let key = format!("{}/{name}", keys::staging(&id()));
            depot.put(&key, (*text).into()).await.unwrap();
            // The file system's clock may not tell two writes apart.
            let file = std::fs::File::options().write(true).open(dir.path().join(&key)).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64)).unwrap();
        }
        for _ in 0..2 {
            settle(&depot, &id(), uid).await.unwrap();
            let log = match depot.get(&keys::log(&id()), 99).await {
                Ok(bytes) => Some(String::from_utf8(bytes).unwrap()),
                Err(Error::NotFound { .. }) => None,
                Err(e) => panic!("{e}"),
            };
            assert_eq!(log.as_deref(), expect, "{staged:?} {uid:?}");
            let left: Vec<_> = depot.list("staging").try_collect().await.unwrap();
            assert_eq!(left.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), [neighbour]);
        }
    }

    #[tokio::test]
    async fn the_recorded_pods_log_is_filed_and_all_that_was_staged_goes() {
        let two = [("u1/log.jsonl", "one"), ("u1/outcome.json", "{}"), ("u2/log.jsonl", "two"), ("order.json", "{}")];
        check(&two, None, Some("u1"), Some("one")).await;
        check(&two, Some("of a twin"), Some("u1"), Some("one")).await;
        check(&two, None, Some("u3"), None).await;
        check(&two, None, None, Some("two")).await;
        check(&two, Some("recorded"), None, Some("recorded")).await;
        check(&[("u1/log.jsonl", "late"), ("u2/log.jsonl/deeper", "x")], None, None, Some("late")).await;
        check(&[], None, Some("u1"), None).await;
    }

    #[tokio::test]
    async fn readers_wait_for_what_is_under_way_and_no_longer_than_they_say() {
        let settling = Settling::default();
        let (one, other) = (settling.begin(RunId(1)), settling.begin(RunId(1)));
        settling.wait(RunId(2), Duration::from_secs(60)).await;
        settling.wait(RunId(1), Duration::from_millis(1)).await;
        drop(one);
        let waits = tokio::spawn({
            let settling = settling.clone();
            async move { settling.wait(RunId(1), Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        assert!(!settling.is_idle());
        drop(other);
        waits.await.unwrap();
        assert!(settling.is_idle());
    }
}
