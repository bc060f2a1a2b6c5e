use std::fmt;
use std::ops::Range;

/// Why a template cannot be read or worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// JSON pointer of the string at fault within the template's value; empty for the value itself.
    pub pointer: String,
    /// The bytes of that string that are at fault, where they are known.
    pub span: Option<Range<usize>>,
    /// What is wrong, as one clause without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl TemplateError {
    pub(super) fn new(message: impl Into<String>) -> TemplateError {
        TemplateError { pointer: String::new(), span: None, message: message.into(), hint: None }
    }

    pub(super) fn at(mut self, span: Range<usize>) -> TemplateError {
        self.span = Some(span);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> TemplateError {
        self.hint = Some(hint.into());
        self
    }

    /// The same error of a string that stands at `pointer`.
    pub(super) fn within(mut self, pointer: &str) -> TemplateError {
        self.pointer = pointer.to_owned();
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
