//! From the bytes of a container's log to lines.

use super::following::Reader;
use tokio::io::{self, AsyncBufReadExt as _};
use wharf_contract::{LogLevel, LogLine, LogSource};

/// Lines that are handed on at one time.
pub const LINES: usize = 256;
/// Longest line that is taken whole, in bytes; the rest of a longer one is dropped.
const MAX_LINE: usize = 256 << 10;
/// Longest line of what is no line of ours, in bytes.
const MAX_PLAIN: usize = 8 << 10;

/// Cuts a container's log into lines.
pub(super) struct Lines {
    reader: Reader,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(reader: Reader) -> Lines {
        Lines { reader, line: Vec::new() }
    }

    /// The next lines, at the most [`LINES`]: waits for the first one, and takes what has arrived with it. None at the end;
    /// a line that the end cuts off counts.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let mut lines = Vec::new();
        loop {
            let there = self.reader.fill_buf().await?;
            if there.is_empty() {
                if !self.line.is_empty() {
                    lines.push(std::mem::take(&mut self.line));
                }
                return Ok((!lines.is_empty()).then_some(lines));
            }
            let size = there.len();
            let mut used = 0;
            while used < size && lines.len() < LINES {
                let rest = &there[used..];
                let end = rest.iter().position(|b| *b == b'\n');
                let part = &rest[..end.unwrap_or(rest.len())];
                let room = MAX_LINE.saturating_sub(self.line.len());
                self.line.extend_from_slice(&part[..part.len().min(room)]);
                used += end.map_or(rest.len(), |at| at + 1);
                if end.is_some() {
                    lines.push(std::mem::take(&mut self.line));
                }
            }
            self.reader.consume(used);
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
    }
}

/// A line of a container's log: as the runtime writes it, else the text as it is, said now.
pub(crate) fn line(bytes: &[u8], now: i64) -> LogLine {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let cut = &bytes[..bytes.len().min(MAX_PLAIN)];
        let message = String::from_utf8_lossy(cut).trim_end_matches('\r').to_owned();
        let (level, source) = (LogLevel::Info, LogSource::Runtime);
        LogLine { at: now, level, source, message, fields: Default::default() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(Box::pin(std::io::Cursor::new(text.to_vec())));
        let mut all = Vec::new();
        while let Some(some) = lines.next().await.unwrap() {
            assert!(!some.is_empty() && some.len() <= LINES);
            all.extend(some.into_iter().map(|l| String::from_utf8(l).unwrap()));
        }
        all
    }

    #[tokio::test]
    async fn lines_are_cut_at_their_ends_and_at_the_bound() {
        assert_eq!(all(b"").await, [] as [&str; 0]);
        assert_eq!(all(b"a\n\nb").await, ["a", "", "b"]);
        let long = format!("{}\nnext\n", "x".repeat(MAX_LINE + 10));
        let lines = all(long.as_bytes()).await;
        assert_eq!((lines[0].len(), lines[1].as_str(), lines.len()), (MAX_LINE, "next", 2));
        let many = "y\n".repeat(3 * LINES + 1);
        assert_eq!(all(many.as_bytes()).await.len(), 3 * LINES + 1);
    }

    #[test]
    fn what_is_no_line_of_ours_is_kept_as_text() {
        let check = |text: &str, expect: (i64, LogSource, &str)| {
            let line = line(text.as_bytes(), 9);
            assert_eq!((line.at, line.source, line.message.as_str()), expect);
        };
        let ours = "{\"at\":5,\"level\":\"warn\",\"source\":\"task\",\"message\":\"m\"}";
        check(ours, (5, LogSource::Task, "m"));
        check("thread panicked\r", (9, LogSource::Runtime, "thread panicked"));
        check("{\"at\":5}", (9, LogSource::Runtime, "{\"at\":5}"));
        assert_eq!(line(&[0xff; 3 * MAX_PLAIN], 9).message.chars().count(), MAX_PLAIN);
    }
}
