use super::{LogHints, LogKey, file};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use wharf_contract::LogLine;

/// Files that are kept open.
const MAX_OPEN: usize = 64;

/// The one writer of logs.
#[derive(Debug)]
pub struct Logs {
    state_dir: PathBuf,
    open: HashMap<LogKey, Open>,
    /// Attempts with lines that are not in their files yet.
    unwritten: Vec<LogKey>,
    turn: u64,
    dropped: u64,
    hints: LogHints,
}

#[derive(Debug, Default)]
struct Open {
    file: Option<File>,
    /// Lines that are not in the file yet.
    text: Vec<u8>,
    lines: u64,
    /// The last turn that wrote.
    used: u64,
    /// Nothing more will be said.
    over: bool,
}

impl Logs {
    /// The logs of a state folder. Touches nothing.
    #[must_use]
    pub fn new(state_dir: &Path) -> Logs {
        let state_dir = state_dir.to_owned();
        Logs { state_dir, open: HashMap::new(), unwritten: Vec::new(), turn: 0, dropped: 0, hints: LogHints::new() }
    }

    /// For those who follow what is written here.
    #[must_use]
    pub fn hints(&self) -> LogHints {
        self.hints.clone()
    }

    /// Takes lines of an attempt, in order. Who reads after the next [`Logs::flush`] sees them.
    pub fn append(&mut self, key: &LogKey, lines: Vec<LogLine>) {
        if lines.is_empty() {
            return;
        }
        if !self.open.contains_key(key) {
            self.open.insert(key.clone(), Open::default());
        }
        let Some(open) = self.open.get_mut(key) else { return };
        if open.lines == 0 {
            self.unwritten.push(key.clone());
        }
        for line in &lines {
            // A vector takes all that is written to it, and a line has nothing that is no JSON.
            let _ = serde_json::to_writer(&mut open.text, line);
            open.text.push(b'\n');
        }
        open.lines += lines.len() as u64;
    }

    /// The lines of this attempt that come from now on are its first ones: what there is of it goes.
    pub fn begin(&mut self, key: &LogKey) {
        self.open.remove(key);
        self.unwritten.retain(|unwritten| unwritten != key);
        match fs::remove_file(file::folder(&self.state_dir, key.run).join(file::name(key))) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                tracing::warn!(run = key.run.0, task = key.task, error = %e, "old log lines cannot be removed");
            }
            _ => {}
        }
    }

    /// Nothing more comes from this attempt: its file is closed when all is written.
    pub fn close(&mut self, key: &LogKey) {
        match self.open.get_mut(key) {
            Some(open) if open.lines > 0 => open.over = true,
            Some(_) => {
                self.open.remove(key);
            }
            None => {}
        }
    }

    /// Writes what was taken. What cannot be written is dropped. To be called once a turn.
    pub fn flush(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        self.turn += 1;
        let mut told = None;
        for key in self.unwritten.drain(..) {
            let Some(open) = self.open.get_mut(&key) else { continue };
            if let Err(e) = write(&self.state_dir, &key, open) {
                if self.dropped == 0 {
                    tracing::warn!(run = key.run.0, task = key.task, error = %e, "log lines cannot be kept");
                }
                self.dropped += open.lines;
                open.file = None;
            }
            open.text = Vec::new();
            open.lines = 0;
            open.used = self.turn;
            if open.over {
                self.open.remove(&key);
            }
            if told.replace(key.run) != Some(key.run) {
                self.hints.tell(key.run);
            }
        }
        self.close_oldest();
    }

    /// Lines that could not be kept since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn close_oldest(&mut self) {
        if self.open.len() <= MAX_OPEN {
            return;
        }
        let mut used: Vec<_> = self.open.iter().map(|(key, open)| (open.used, key.clone())).collect();
        used.sort_unstable();
        for (_, key) in used.into_iter().take(self.open.len() - MAX_OPEN / 2) {
            self.open.remove(&key);
        }
    }
}

fn write(state_dir: &Path, key: &LogKey, open: &mut Open) -> io::Result<()> {
    if let Some(file) = &mut open.file {
        return file.write_all(&open.text);
    }
    let folder = file::folder(state_dir, key.run);
    fs::create_dir_all(&folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join(file::name(key)))?;
    if file.metadata()?.len() > 0 {
        // What is there may end in a line that was cut off.
        open.text.insert(0, b'\n');
    }
    file.write_all(&open.text)?;
    open.file = Some(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{LogFilter, Tail};
    use super::*;
    use wharf_contract::{LogLevel, LogSource};
    use wharf_core::event::RunId;

    fn line(at: i64, message: &str) -> LogLine {
        LogLine {
            at,
            level: LogLevel::Info,
            source: LogSource::Task,
            message: message.into(),
            fields: Default::default(),
        }
    }

    fn key(attempt: u32) -> LogKey {
        LogKey { run: RunId(1), task: "a".into(), item: None, attempt }
    }

    #[test]
    fn many_attempts_write_by_turns_and_each_line_is_read_once_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = Logs::new(dir.path());
        let mut tail = Tail::new(dir.path(), RunId(1), LogFilter::default());
        let mut read = Vec::new();
        let (attempts, turns) = (3 * MAX_OPEN as u32, 3);
        for turn in 0..turns {
            for attempt in 1..=attempts {
                let at = i64::from(turn * attempts + attempt);
                logs.append(&key(attempt), vec![line(at, "x"), line(at, "y")]);
            }
            if turn == turns - 1 {
                (1..=attempts).for_each(|attempt| logs.close(&key(attempt)));
            }
            logs.flush();
            assert!(logs.open.len() <= MAX_OPEN);
            read.extend(tail.read(usize::MAX).unwrap().into_iter().map(|r| (r.line.at, r.line.message)));
        }
        let all = i64::from(turns * attempts);
        let expect: Vec<_> = (1..=all).flat_map(|at| [(at, "x".to_owned()), (at, "y".to_owned())]).collect();
        assert_eq!(read, expect);
        assert!(logs.open.is_empty() && logs.dropped() == 0);
    }

    #[test]
    fn an_attempt_that_begins_anew_leaves_nothing_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = Logs::new(dir.path());
        logs.begin(&key(1));
        logs.append(&key(1), vec![line(1, "old"), line(2, "old")]);
        logs.flush();
        logs.append(&key(1), vec![line(3, "old")]);
        logs.append(&key(2), vec![line(4, "other")]);
        logs.begin(&key(1));
        logs.append(&key(1), vec![line(5, "new")]);
        logs.flush();
        let read = Tail::new(dir.path(), RunId(1), LogFilter::default()).read(9).unwrap();
        assert_eq!(read.into_iter().map(|r| r.line.message).collect::<Vec<_>>(), ["other", "new"]);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_holds_nothing_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("logs"), "in the way").unwrap();
        let mut logs = Logs::new(dir.path());
        logs.append(&key(1), vec![line(1, "lost"), line(2, "lost")]);
        logs.flush();
        assert_eq!(logs.dropped(), 2);
        fs::remove_file(dir.path().join("logs")).unwrap();
        logs.append(&key(1), vec![line(3, "kept")]);
        logs.flush();
        let read = Tail::new(dir.path(), RunId(1), LogFilter::default()).read(9).unwrap();
        assert_eq!(read.len(), 1);
    }
}
