use super::{LogFilter, LogKey, LogRecord, file};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use wharf_contract::LogLine;
use wharf_core::event::RunId;

/// Reads the logs of a run piece by piece, and goes on where it stopped. Blocks.
#[derive(Debug, Clone)]
pub struct Tail {
    state_dir: PathBuf,
    run: RunId,
    filter: LogFilter,
    /// How far each file was read.
    read: HashMap<LogKey, Place>,
}

/// How far a file was read.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    bytes: u64,
    lines: u64,
    /// Number of the file's inode: a log that was followed is replaced by the one that its attempt left, which holds the
    /// same lines.
    inode: u64,
}

impl Tail {
    /// From the beginning of a run's logs in a state folder. Touches nothing.
    #[must_use]
    pub fn new(state_dir: &Path, run: RunId, filter: LogFilter) -> Tail {
        Tail { state_dir: state_dir.to_owned(), run, filter, read: HashMap::new() }
    }

    /// The next lines, at the most `limit`, in the order of their time as far as they are there now; lines of one attempt
    /// always in the order of writing. With fewer than `limit` that was all for now.
    ///
    /// Memory and open files follow from how many attempts wrote at the same time, not from how much there is.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(&mut self, limit: usize) -> io::Result<Vec<LogRecord>> {
        let folder = file::folder(&self.state_dir, self.run);
        let keys = file::list(&self.state_dir, self.run, &self.filter)?;
        let mut next = BinaryHeap::new();
        for (index, key) in keys.iter().enumerate() {
            // Only its time is looked at: the file is opened for good when that comes.
            if let Some(source) = self.open(&folder, key)? {
                next.push(Reverse((source.line.at, index)));
            }
        }
        let mut sources: BTreeMap<usize, Source> = BTreeMap::new();
        let mut records = Vec::new();
        while records.len() < limit
            && let Some(Reverse((at, index))) = next.pop()
        {
            let key = &keys[index];
            let mut source = match sources.remove(&index) {
                Some(source) => source,
                None => match self.open(&folder, key)? {
                    Some(source) => source,
                    None => continue,
                },
            };
            self.read.insert(key.clone(), source.end);
            let following = file::next_line(&mut source.file)?;
            records.push(LogRecord { key: key.clone(), line: source.line });
            if let Some((line, taken)) = following {
                // A clock that was set back must not hold up what comes after it.
                next.push(Reverse((line.at.max(at), index)));
                let end = source.end.after(taken);
                sources.insert(index, Source { end, line, file: source.file });
            }
        }
        Ok(records)
    }

    fn open(&self, folder: &Path, key: &LogKey) -> io::Result<Option<Source>> {
        let mut file = match File::open(folder.join(file::name(key))) {
            // Retention was faster.
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let metadata = file.metadata()?;
        let seen = self.read.get(key).copied().unwrap_or_default();
        let mut place = Place { inode: metadata.ino(), ..seen };
        let mut again = 0;
        if seen.inode != place.inode {
            again = seen.lines;
            (place.bytes, place.lines) = (0, 0);
        }
        if metadata.len() <= place.bytes {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(place.bytes))?;
        let mut file = BufReader::new(file);
        for _ in 0..again {
            match file::next_line(&mut file)? {
                Some((_, taken)) => place = place.after(taken),
                None => return Ok(None),
            }
        }
        Ok(file::next_line(&mut file)?.map(|(line, taken)| Source { file, line, end: place.after(taken) }))
    }
}

/// A file with its next line.
struct Source {
    file: BufReader<File>,
    line: LogLine,
    /// The end of `line`.
    end: Place,
}

impl Place {
    /// One line further.
    fn after(self, bytes: u64) -> Place {
        Place { bytes: self.bytes + bytes, lines: self.lines + 1, ..self }
    }
}

/// Removes the logs of a run.
///
/// # Errors
/// What the file system says.
pub fn remove(state_dir: &Path, run: RunId) -> io::Result<()> {
    match std::fs::remove_dir_all(file::folder(state_dir, run)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn line(at: i64, message: &str) -> String {
        format!("{{\"at\":{at},\"level\":\"info\",\"source\":\"task\",\"message\":\"{message}\"}}\n")
    }

    fn messages(records: &[LogRecord]) -> Vec<String> {
        records.iter().map(|r| format!("{}#{}:{}", r.key.task, r.key.attempt, r.line.message)).collect()
    }

    #[test]
    fn lines_come_in_order_of_time_piece_by_piece_and_what_is_new_comes_next() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs/3");
        let mut tail = Tail::new(dir.path(), RunId(3), LogFilter::default());
        assert_eq!(tail.read(10).unwrap(), [], "no folder yet");
        fs::create_dir_all(&folder).unwrap();
        let half = line(9, "half");
        fs::write(folder.join("a.1.jsonl"), line(1, "one") + &line(4, "four") + &half[..20]).unwrap();
        fs::write(folder.join("b.0.1.jsonl"), line(2, "two") + &line(3, "three") + &line(1, "back")).unwrap();
        assert_eq!(messages(&tail.read(2).unwrap()), ["a#1:one", "b#1:two"]);
        assert_eq!(messages(&tail.read(10).unwrap()), ["b#1:three", "b#1:back", "a#1:four"]);
        assert_eq!(tail.read(10).unwrap(), []);
        let whole = line(1, "one") + &line(4, "four") + &half + &line(10, "ten");
        fs::write(folder.join("a.1.jsonl"), whole).unwrap();
        assert_eq!(messages(&tail.read(10).unwrap()), ["a#1:half", "a#1:ten"]);
        let only = LogFilter { task: Some("b".into()), item: Some(0), attempt: None };
        assert_eq!(Tail::new(dir.path(), RunId(3), only).read(9).unwrap().len(), 3);
        remove(dir.path(), RunId(3)).unwrap();
        assert_eq!(Tail::new(dir.path(), RunId(3), LogFilter::default()).read(9).unwrap(), []);
    }

    #[test]
    fn a_file_in_the_place_of_another_is_read_from_where_the_other_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs/3");
        fs::create_dir_all(&folder).unwrap();
        let (path, final_path) = (folder.join("a.1.jsonl"), folder.join(".next"));
        fs::write(&path, line(1, "one") + &line(2, "two")).unwrap();
        let mut tail = Tail::new(dir.path(), RunId(3), LogFilter::default());
        assert_eq!(messages(&tail.read(9).unwrap()), ["a#1:one", "a#1:two"]);
        let spaced = line(1, "one").replace(",", ", ");
        fs::write(&final_path, spaced + &line(2, "two")).unwrap();
        fs::rename(&final_path, &path).unwrap();
        assert_eq!(tail.read(9).unwrap(), []);
        fs::write(&final_path, line(1, "one") + &line(2, "two") + &line(3, "three") + &line(4, "four")).unwrap();
        fs::rename(&final_path, &path).unwrap();
        assert_eq!(messages(&tail.read(1).unwrap()), ["a#1:three"]);
        assert_eq!(messages(&tail.read(9).unwrap()), ["a#1:four"]);
    }
}
