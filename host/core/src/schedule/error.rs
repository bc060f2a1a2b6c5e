use std::ops::Range;

/// Why a schedule, a zone or a duration cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// What is wrong, as one clause without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The bytes of the text that are at fault. Lies within the text, on character bounds.
    pub span: Range<usize>,
}

impl ScheduleError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> ScheduleError {
        ScheduleError { message: message.into(), hint: None, span }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> ScheduleError {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault, of a text that begins `by` bytes further on.
    pub(super) fn shifted(mut self, by: usize) -> ScheduleError {
        self.span = self.span.start + by..self.span.end + by;
        self
    }
}

/// The candidate that `text` was probably meant to be, or nothing where none is near.
pub(crate) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = text.to_lowercase();
    candidates
        .map(|c| (strsim::damerau_levenshtein(&wanted, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= (c.len() / 4).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// `text`, cut for a message where it is long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text.to_owned(),
    }
}
