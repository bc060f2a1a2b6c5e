use std::mem;
use wharf_contract::{Limits, LogLevel, LogLine, LogSource};

/// Longest line in bytes; a longer one is kept as several.
const MAX_LINE: usize = 16 << 10;
/// Bytes of the latest standard error that explain a trap.
const TAIL: usize = 1 << 10;

/// The log of one attempt: splits the guest's output into lines, keeps the bounds, drops and counts what is over them.
#[derive(Debug)]
pub(crate) struct Logs {
    bytes_left: u64,
    lines_left: u64,
    kept: u64,
    dropped: u64,
    pending: Vec<LogLine>,
    pending_bytes: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    tail: Vec<u8>,
}

impl Logs {
    /// An empty log with these bounds.
    #[must_use]
    pub(crate) fn new(limits: &Limits) -> Logs {
        Logs {
            bytes_left: limits.log_bytes,
            lines_left: limits.log_lines,
            kept: 0,
            dropped: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Adds a line, or counts it as dropped.
    pub(crate) fn line(&mut self, line: LogLine) {
        let size = line.message.len()
            + line.fields.iter().map(|(k, v)| k.len() + v.as_str().map_or(16, str::len)).sum::<usize>();
        if self.lines_left == 0 || size as u64 > self.bytes_left {
            self.dropped += 1;
            return;
        }
        self.lines_left -= 1;
        self.bytes_left -= size as u64;
        self.kept += 1;
        self.pending_bytes += size;
        self.pending.push(line);
    }

    /// Adds output of the guest; lines come out as they are completed.
    pub(crate) fn output(&mut self, at: i64, source: LogSource, mut bytes: &[u8]) {
        if source == LogSource::Stderr {
            self.keep_tail(bytes);
        }
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.extend(at, source, &bytes[..end]);
            self.end_line(at, source);
            bytes = &bytes[end + 1..];
        }
        self.extend(at, source, bytes);
    }

    /// Ends the lines that the guest left open.
    pub(crate) fn end(&mut self, at: i64) {
        for source in [LogSource::Stdout, LogSource::Stderr] {
            if !self.partial(source).is_empty() {
                self.end_line(at, source);
            }
        }
    }

    /// Takes the lines that were not handed on yet.
    pub(crate) fn take(&mut self) -> Vec<LogLine> {
        self.pending_bytes = 0;
        mem::take(&mut self.pending)
    }

    /// Bytes of the lines that were not handed on yet.
    #[must_use]
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Lines kept, lines dropped.
    #[must_use]
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.kept, self.dropped)
    }

    /// The end of standard error, without the advice that Rust's panics close with: nobody can follow it here.
    #[must_use]
    pub(crate) fn tail(&self) -> String {
        const ADVICE: &str = "note: run with `RUST_BACKTRACE=1`";
        let text = String::from_utf8_lossy(&self.tail);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(ADVICE)).collect();
        lines.join("\n").trim().to_owned()
    }

    fn partial(&mut self, source: LogSource) -> &mut Vec<u8> {
        if source == LogSource::Stdout { &mut self.stdout } else { &mut self.stderr }
    }

    fn extend(&mut self, at: i64, source: LogSource, mut bytes: &[u8]) {
        loop {
            let partial = self.partial(source);
            let room = MAX_LINE - partial.len();
            if bytes.len() <= room {
                partial.extend_from_slice(bytes);
                return;
            }
            partial.extend_from_slice(&bytes[..room]);
            bytes = &bytes[room..];
            self.end_line(at, source);
        }
    }

    fn end_line(&mut self, at: i64, source: LogSource) {
        let partial = self.partial(source);
        let text = partial.strip_suffix(b"\r").unwrap_or(partial);
        let message = String::from_utf8_lossy(text).into_owned();
        partial.clear();
        let level = if source == LogSource::Stderr { LogLevel::Warn } else { LogLevel::Info };
        self.line(LogLine { at, level, source, message, fields: serde_json::Map::new() });
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let over = (self.tail.len() + bytes.len()).saturating_sub(TAIL);
        self.tail.drain(..over);
        self.tail.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(bytes: u64, lines: u64) -> Logs {
        Logs::new(&Limits { log_bytes: bytes, log_lines: lines, ..Limits::default() })
    }

    fn messages(logs: &mut Logs) -> Vec<String> {
        logs.take().into_iter().map(|l| l.message).collect()
    }

    #[test]
    fn output_is_split_into_lines_wherever_it_is_cut() {
        let text = b"one\r\ntwo\n\nthree";
        for cut in 0..=text.len() {
            let mut l = logs(1000, 1000);
            l.output(0, LogSource::Stdout, &text[..cut]);
            l.output(0, LogSource::Stdout, &text[cut..]);
            l.end(0);
            assert_eq!(messages(&mut l), ["one", "two", "", "three"], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_over_a_bound_is_dropped_and_counted() {
        let mut l = logs(1000, 2);
        l.output(0, LogSource::Stderr, b"a\nb\nc\nd\n");
        assert_eq!(messages(&mut l), ["a", "b"]);
        assert_eq!(l.counts(), (2, 2));
        let mut l = logs(3, 100);
        l.output(0, LogSource::Stdout, b"ab\nlonger\nc\n");
        assert_eq!(messages(&mut l), ["ab", "c"]);
        assert_eq!(l.counts(), (2, 1));
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let mut l = logs(1 << 20, 100);
        l.output(0, LogSource::Stdout, &vec![b'x'; 3 * MAX_LINE + 1]);
        l.end(0);
        let lengths: Vec<_> = l.take().iter().map(|l| l.message.len()).collect();
        assert_eq!(lengths, [MAX_LINE, MAX_LINE, MAX_LINE, 1]);
    }

    #[test]
    fn the_tail_is_the_latest() {
        let mut l = logs(0, 0);
        for i in 0..2000 {
            l.output(0, LogSource::Stderr, format!("line {i}\n").as_bytes());
        }
        assert!(l.tail().ends_with("line 1998\nline 1999"));
        assert!(l.tail().len() <= TAIL);
        l.output(0, LogSource::Stderr, b"\nnote: run with `RUST_BACKTRACE=1` environment variable to see more\n");
        assert!(l.tail().ends_with("line 1999"));
    }
}
