//! What attempts say, one file each: `<state>/logs/<run>/<task>[.<item>].<attempt>.jsonl`, made with its first line.
//!
//! [`Logs`] is the one writer. [`Tail`] reads beside it, in this process or another one, and goes on where it stopped:
//! whoever follows is told by [`LogHints`] that there is more, and reads. Logs are no record: a line that cannot be written is
//! counted and dropped, and holds nothing up. The runtime bounds what one attempt may say.
//!
//! What an attempt said in a pod lies in its tenant's store once it ended: [`settle()`] files it, [`fetch()`] brings it here
//! when somebody reads it. While it runs, [`Following`] has its lines written here as long as somebody follows.

mod container;
mod fetch;
mod file;
mod following;
mod hint;
mod read;
mod settle;
mod stream;
mod write;

pub use fetch::{FetchError, fetch, fetch_one};
pub use file::LogFilter;
pub use following::{ContainerLogs, Followed, Following, Reader, RunningPod, Watching};
pub use hint::{LogHint, LogHints};
pub use read::{Tail, remove};
pub use settle::{Settling, Unsettled, replace_followed, settle};
pub use stream::LINES;
pub(crate) use stream::line;
pub use write::Logs;

use std::path::Path;
use wharf_contract::LogLine;
use wharf_core::event::RunId;

/// Whether the log of an attempt is in the state folder.
#[must_use]
pub fn is_here(state_dir: &Path, key: &LogKey) -> bool {
    file::folder(state_dir, key.run).join(file::name(key)).exists()
}

/// Whose a line is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogKey {
    /// The run.
    pub run: RunId,
    /// Name of the task.
    pub task: String,
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
}

/// A line, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Whose.
    pub key: LogKey,
    /// The line.
    pub line: LogLine,
}
