//! Where output goes: standard output for what was asked for, standard error for everything else.

use super::exit::{Exit, Failure};
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// How output is written: for people or for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Out {
    /// For people or for programs.
    pub(crate) format: Format,
    /// Whether standard output takes colours.
    pub(crate) color: bool,
    /// Whether standard error takes colours.
    pub(crate) color_err: bool,
    /// Whether a person watches standard error.
    pub(crate) live: bool,
}

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// As it comes.
    Plain,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Is under way, or wants a look.
    Busy,
    /// Matters less.
    Dim,
    /// Matters more.
    Strong,
}

impl Paint {
    /// The text in this colour.
    pub(super) fn on(self, text: &str, color: bool) -> String {
        let code = match self {
            _ if !color => return text.to_owned(),
            Paint::Plain => return text.to_owned(),
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Busy => "33",
            Paint::Dim => "2",
            Paint::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Out {
    /// Looks at what standard output and standard error are.
    pub(crate) fn new(format: Format) -> Out {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            && std::env::var_os("TERM").is_none_or(|v| v != "dumb");
        let live = io::stderr().is_terminal();
        Out { format, color: wanted && io::stdout().is_terminal(), color_err: wanted && live, live }
    }

    /// Whether programs read it.
    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes text to standard output as it is.
    pub(super) fn text(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.bytes(text.as_ref().as_bytes())
    }

    /// Writes a line to standard output.
    pub(super) fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.bytes(format!("{}\n", text.as_ref()).as_bytes())
    }

    /// Writes bytes to standard output as they are.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| match e.kind() {
            // Who closed the pipe has read enough.
            io::ErrorKind::BrokenPipe => Failure { silent: true, ..Failure::new(Exit::Ok, "") },
            _ => Failure::internal(format!("cannot write to standard output: {}", super::exit::plain(&e))),
        })
    }

    /// Writes a value as indented JSON to standard output.
    pub(super) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|e| Failure::internal(format!("a value cannot be written as JSON: {e}")))?;
        self.line(text)
    }

    /// Tells a person, where one reads, how things go.
    pub(super) fn tell(&self, text: impl AsRef<str>) {
        if !self.json() {
            self.note(text);
        }
    }

    /// Tells a person something beside the output. What cannot be told is not worth failing for.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }
}
