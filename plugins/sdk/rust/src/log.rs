//! Structured log lines. Bounded: past the attempt's bound they are dropped and counted.
//!
//! ```
//! use wharf_task::{log, testing::Host};
//!
//! let host = Host::new();
//! host.enter(|| log::warn("row skipped", &[("line", &17), ("reason", &"no date")]));
//! assert_eq!(host.logs()[0].level, log::Level::Warn);
//! assert_eq!(host.logs()[0].fields["line"], 17);
//! ```

use crate::host;

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A value that can stand in a field: whatever serde can write as JSON.
pub trait Value {
    /// As a JSON text; `null` where it has none.
    fn json(&self) -> String;
}

impl<T: serde::Serialize + ?Sized> Value for T {
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}

/// Writes a line with its fields.
pub fn write(level: Level, message: &str, fields: &[(&str, &dyn Value)]) {
    host::log(level, message, fields.iter().map(|(key, value)| ((*key).to_owned(), value.json())).collect());
}

/// Writes at [`Level::Trace`].
pub fn trace(message: &str, fields: &[(&str, &dyn Value)]) {
    write(Level::Trace, message, fields);
}

/// Writes at [`Level::Debug`].
pub fn debug(message: &str, fields: &[(&str, &dyn Value)]) {
    write(Level::Debug, message, fields);
}

/// Writes at [`Level::Info`].
pub fn info(message: &str, fields: &[(&str, &dyn Value)]) {
    write(Level::Info, message, fields);
}

/// Writes at [`Level::Warn`].
pub fn warn(message: &str, fields: &[(&str, &dyn Value)]) {
    write(Level::Warn, message, fields);
}

/// Writes at [`Level::Error`].
pub fn error(message: &str, fields: &[(&str, &dyn Value)]) {
    write(Level::Error, message, fields);
}
