use super::fault::Excerpt;
use std::path::PathBuf;

/// A file of a config, read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As it is shown to the user.
    pub name: String,
    /// The absolute folder that relative paths in the text start from.
    pub dir: PathBuf,
    /// The content.
    pub text: Vec<u8>,
}

/// A file whose text is good enough to point into.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) text: String,
    /// False where the text only serves to show a place.
    pub(super) readable: bool,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

/// A place in a file: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    pub(super) file: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the text of a string begins, if it stands in the file byte by byte.
    pub(super) text: Option<usize>,
}

impl At {
    /// The place of some bytes of the string that stands here, as near as is known.
    pub(super) fn within(self, span: &std::ops::Range<usize>) -> At {
        match self.text {
            Some(text) => {
                let end = self.end.max(text);
                let start = (text + span.start).min(end);
                At { start, end: (text + span.end).clamp(start, end), ..self }
            }
            None => self,
        }
    }
}

impl File {
    pub(super) fn new(name: String, dir: PathBuf, text: String) -> File {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        File { name, dir, text, readable: true, lines }
    }

    /// A file whose text only serves to show a place.
    pub(super) fn unread(name: String, dir: PathBuf, text: String) -> File {
        File { readable: false, ..File::new(name, dir, text) }
    }

    /// Line and column of a byte, both from 1; the column in characters.
    pub(super) fn place(&self, byte: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= byte).max(1) - 1;
        let start = self.lines[line];
        let column = self.text.get(start..byte.min(self.text.len())).map_or(0, |t| t.chars().count());
        (u32::try_from(line + 1).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    /// The line that a place begins in.
    pub(super) fn excerpt(&self, at: At) -> Option<Excerpt> {
        const LONGEST: usize = 160;
        let line = self.lines.partition_point(|start| *start <= at.start).max(1) - 1;
        let start = self.lines[line];
        let text = self.text.get(start..)?;
        let text = text[..text.find('\n').unwrap_or(text.len())].trim_end_matches('\r');
        let begin = floor(text, at.start.saturating_sub(start).min(text.len()));
        // At least one character, so that there is something to point at.
        let least = text[begin..].chars().next().map_or(begin, |c| begin + c.len_utf8());
        let end = ceil(text, at.end.saturating_sub(start).clamp(least, text.len()));
        if text.len() <= LONGEST {
            return Some(Excerpt { text: text.to_owned(), start: begin, end });
        }
        let from = floor(text, begin.saturating_sub(LONGEST / 2));
        let to = floor(text, (from + LONGEST).min(text.len()));
        let cut = &text[from..to];
        Some(Excerpt { text: cut.to_owned(), start: begin - from, end: end.min(to) - from })
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let file = File::new("f".into(), PathBuf::new(), "a\nüb: c\n".into());
        assert_eq!(file.place(0), (1, 1));
        assert_eq!(file.place(2), (2, 1));
        assert_eq!(file.place(4), (2, 2));
        assert_eq!(file.place(99), (3, 1));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let file = File::new("f".into(), PathBuf::new(), format!("{}here{}", "é".repeat(500), "x".repeat(500)));
        let excerpt = file.excerpt(At { start: 1000, end: 1004, ..At::default() }).unwrap();
        assert_eq!(&excerpt.text[excerpt.start..excerpt.end], "here");
        assert!(excerpt.text.len() <= 161);
    }
}
