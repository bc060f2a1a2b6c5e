//! Logs of attempts that ran in pods: kept in their tenant's store, and brought into the logs folder when somebody reads
//! them. A file that is there for an ended attempt is whole.

use super::{LogFilter, LogKey, file};
use futures_util::TryStreamExt as _;
use std::io;
use std::path::{Path, PathBuf};
use wharf_contract::AttemptId;
use wharf_core::event::RunId;
use wharf_depot::{Depot, Error, keys};

/// Largest log in bytes that is fetched. The runtime bounds what an attempt may say far below it.
const MAX_LOG: u64 = 16 << 20;
/// Logs that are fetched at a time.
const AT_ONCE: usize = 8;

/// Why a log cannot be had from a store.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store's words.
    #[error("logs cannot be read from the tenant's store: {0}")]
    Store(#[from] Error),
    /// It cannot be kept.
    #[error("a log that was fetched cannot be written to {}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl From<&LogKey> for AttemptId {
    fn from(key: &LogKey) -> AttemptId {
        AttemptId { run: key.run.0, task: key.task.clone(), item: key.item, attempt: key.attempt }
    }
}

/// Brings those logs of a run from its tenant's store that are not in the state folder yet.
///
/// # Errors
/// [`FetchError`]; some may have been brought.
pub async fn fetch(depot: &Depot, state_dir: &Path, run: RunId, filter: &LogFilter) -> Result<(), FetchError> {
    let folder = file::folder(state_dir, run);
    let missing = depot.list(&keys::run_logs(run.0)).map_err(FetchError::from).try_filter_map(|object| {
        let name = object.key.rsplit('/').next().unwrap_or_default();
        // One that is shorter is what was seen of it by whoever followed.
        let there =
            |key: &LogKey| std::fs::metadata(folder.join(file::name(key))).is_ok_and(|m| m.len() >= object.size);
        let key = file::parse(run, name).filter(|key| filter.fits(key) && !there(key));
        futures_util::future::ready(Ok(key.map(|key| (key, object.size))))
    });
    missing
        .map_ok(|(key, size)| async move {
            if size > MAX_LOG {
                tracing::warn!(run = key.run.0, task = key.task, size, "a log is too large to be shown");
                return Ok(());
            }
            fetch_one(depot, state_dir, &key).await
        })
        .try_buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}

/// Brings the log of an ended attempt, over whatever is there. One that the store does not have is no error.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch_one(depot: &Depot, state_dir: &Path, key: &LogKey) -> Result<(), FetchError> {
    let bytes = match depot.get(&keys::log(&key.into()), MAX_LOG).await {
        Ok(bytes) => bytes,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    let path = file::folder(state_dir, key.run).join(file::name(key));
    let shown = path.clone();
    let written = tokio::task::spawn_blocking(move || write_whole(&path, &bytes)).await;
    let written = written.unwrap_or_else(|e| Err(io::Error::other(e)));
    written.map_err(|source| FetchError::File { path: shown, source })
}

/// Whoever reads the file sees all of it or what was there before.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temp = tempfile::Builder::new().prefix(".fetched-").tempfile_in(folder)?;
    io::Write::write_all(&mut temp, bytes)?;
    temp.persist(path).map(drop).map_err(|e| e.error)
}

#[cfg(test)]
mod tests {
    use super::super::Tail;
    use super::*;
    use wharf_contract::StoreLocation;

    fn line(message: &str) -> String {
        format!("{{\"at\":1,\"level\":\"info\",\"source\":\"task\",\"message\":\"{message}\"}}\n")
    }

    fn key(task: &str, item: Option<u32>) -> LogKey {
        LogKey { run: RunId(7), task: task.into(), item, attempt: 1 }
    }

    #[tokio::test]
    async fn what_is_missing_is_fetched_once_and_read_like_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let (state, store) = (dir.path().join("state"), dir.path().join("store"));
        let depot = Depot::open(&StoreLocation::Folder { path: store }, None, None).unwrap();
        let whole = LogFilter::default();
        fetch(&depot, &state, RunId(7), &whole).await.unwrap();
        assert!(!state.exists(), "nothing there, nothing made");
        for (task, item) in [("a", None), ("each", Some(0)), ("each", Some(1))] {
            let text = line(&format!("{task} {item:?}"));
            depot.put(&keys::log(&(&key(task, item)).into()), text.into()).await.unwrap();
        }
        depot.put("logs/7/nonsense", b"x".to_vec()).await.unwrap();
        depot.put("logs/70/a.1.jsonl", line("of another run").into()).await.unwrap();
        let read = || {
            let mut tail = Tail::new(&state, RunId(7), LogFilter::default());
            let mut lines: Vec<_> = tail.read(99).unwrap().into_iter().map(|r| r.line.message).collect();
            lines.sort();
            lines
        };
        let first = LogFilter { task: Some("each".into()), item: Some(1), attempt: None };
        fetch(&depot, &state, RunId(7), &first).await.unwrap();
        assert_eq!(read(), ["each Some(1)"]);
        let mine = file::folder(&state, RunId(7)).join(file::name(&key("each", Some(0))));
        std::fs::write(&mine, line("mine, and as long as the other")).unwrap();
        fetch(&depot, &state, RunId(7), &whole).await.unwrap();
        assert_eq!(read(), ["a None", "each Some(1)", "mine, and as long as the other"]);
        std::fs::write(&mine, "").unwrap();
        fetch(&depot, &state, RunId(7), &whole).await.unwrap();
        assert_eq!(read(), ["a None", "each Some(0)", "each Some(1)"]);
        std::fs::write(&mine, line("followed")).unwrap();
        fetch_one(&depot, &state, &key("each", Some(0))).await.unwrap();
        fetch_one(&depot, &state, &key("gone", None)).await.unwrap();
        assert_eq!(read(), ["a None", "each Some(0)", "each Some(1)"]);
    }
}
