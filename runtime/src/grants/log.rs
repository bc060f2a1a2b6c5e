//! `wharf:task/log`: always granted, within the bounds of the log.

use crate::attempt::wall_clock;
use crate::bindings::wharf::task::log::{Field, Host, Level};
use crate::sandbox::Guest;
use serde_json::Value;
use wharf_contract::{LogLevel, LogLine, LogSource};

/// Fields of a line that are kept.
const MAX_FIELDS: usize = 64;

impl Host for Guest {
    fn write(&mut self, level: Level, message: String, fields: Vec<Field>) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let fields = fields.into_iter().take(MAX_FIELDS).map(|f| (f.key, value(f.value))).collect();
        self.attempt.log(LogLine { at: wall_clock(), level, source: LogSource::Task, message, fields });
        Ok(())
    }
}

/// A field's JSON text as its value; text that is no JSON is kept as a string.
fn value(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
