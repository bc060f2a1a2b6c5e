//! Names of log files, and what is in them.

use super::LogKey;
use std::io::{self, BufRead, ErrorKind};
use std::path::{Path, PathBuf};
use wharf_contract::LogLine;
use wharf_core::event::RunId;

/// Longest line that is read, in bytes; what is longer was not written by us.
const MAX_LINE: u64 = 16 << 20;

/// Which lines of a run. All conditions hold at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of this task.
    pub task: Option<String>,
    /// Of this item.
    pub item: Option<u32>,
    /// Of this attempt.
    pub attempt: Option<u32>,
}

impl LogFilter {
    /// Whether lines of this attempt are among them.
    #[must_use]
    pub fn fits(&self, key: &LogKey) -> bool {
        self.task.as_deref().is_none_or(|task| task == key.task)
            && self.item.is_none_or(|item| key.item == Some(item))
            && self.attempt.is_none_or(|attempt| key.attempt == attempt)
    }
}

/// The folder of a run.
pub(super) fn folder(state_dir: &Path, run: RunId) -> PathBuf {
    state_dir.join("logs").join(run.to_string())
}

/// Name of an attempt's file. Names of tasks hold no dot and no slash; the config sees to it.
pub(super) fn name(key: &LogKey) -> String {
    match key.item {
        Some(item) => format!("{}.{item}.{}.jsonl", key.task, key.attempt),
        None => format!("{}.{}.jsonl", key.task, key.attempt),
    }
}

/// Whose a file is, if it is an attempt's.
pub(super) fn parse(run: RunId, name: &str) -> Option<LogKey> {
    let parts: Vec<&str> = name.strip_suffix(".jsonl")?.split('.').collect();
    let (task, item, attempt) = match parts[..] {
        [task, item, attempt] => (task, Some(item.parse().ok()?), attempt),
        [task, attempt] => (task, None, attempt),
        _ => return None,
    };
    Some(LogKey { run, task: task.into(), item, attempt: attempt.parse().ok()? })
}

/// The attempts of a run that have a file.
pub(super) fn list(state_dir: &Path, run: RunId, filter: &LogFilter) -> io::Result<Vec<LogKey>> {
    let entries = match std::fs::read_dir(folder(state_dir, run)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        keys.extend(name.to_str().and_then(|name| parse(run, name)).filter(|key| filter.fits(key)));
    }
    keys.sort();
    Ok(keys)
}

/// The next line, and how many bytes it took with all that was skipped before it. Skipped is what is no line: it was cut
/// off when the disk was full or the process was killed. None: there is no whole line any more.
pub(super) fn next_line(file: &mut impl BufRead) -> io::Result<Option<(LogLine, u64)>> {
    let mut bytes = Vec::new();
    let mut taken = 0;
    loop {
        bytes.clear();
        let n = io::Read::take(&mut *file, MAX_LINE).read_until(b'\n', &mut bytes)?;
        taken += n as u64;
        if bytes.last() != Some(&b'\n') {
            return Ok(None);
        }
        if let Ok(line) = serde_json::from_slice(&bytes) {
            return Ok(Some((line, taken)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for (task, item, attempt, expect) in [
            ("clean", None, 1, "clean.1.jsonl"),
            ("clean", Some(7), 2, "clean.7.2.jsonl"),
            ("5", Some(0), 3, "5.0.3.jsonl"),
        ] {
            let key = LogKey { run: RunId(9), task: task.into(), item, attempt };
            assert_eq!(name(&key), expect);
            assert_eq!(parse(RunId(9), expect), Some(key));
        }
        for other in ["clean.jsonl", "clean.x.jsonl", "a.b.c.1.jsonl", "clean.1.jsonl~", ""] {
            assert_eq!(parse(RunId(9), other), None, "{other}");
        }
    }

    #[test]
    fn what_was_cut_off_is_skipped_and_counted() {
        let text = concat!(
            "\n{\"at\":1,\"level\":\"info\",\"source\":\"task\",\"message\":\"a\"}\n{\"at\":2,\"lev\n",
            "{\"at\":3,\"level\":\"info\",\"source\":\"task\",\"message\":\"b\"}\n{\"at\":4"
        );
        let mut file = text.as_bytes();
        let (first, n) = next_line(&mut file).unwrap().unwrap();
        assert_eq!((first.message.as_str(), n), ("a", 55));
        let (second, _) = next_line(&mut file).unwrap().unwrap();
        assert_eq!(second.message, "b");
        assert_eq!(next_line(&mut file).unwrap(), None);
    }
}
