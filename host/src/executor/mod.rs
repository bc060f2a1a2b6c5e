//! Executors perform starts and stops, and say how attempts ended. Each start that an executor takes ends in exactly one
//! [`Ended`], whatever happens to the process that runs it.

mod backoff;
mod frames;
mod invocation;
mod local;
mod pipe;
mod readable;
mod slots;
mod worker;

pub use local::{Local, Settings};
pub use worker::FromWorker;

use wharf_contract::{Cause, LogLine, Outcome};
use wharf_core::action::AttemptKey;

/// The end of an attempt.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub attempt: AttemptKey,
    /// How.
    pub outcome: Box<Outcome>,
}

/// What an executor has to say, in order.
#[derive(Debug, Default)]
pub struct Reports {
    /// Attempts that ended.
    pub ended: Vec<Ended>,
    /// Log lines.
    pub logs: Vec<(AttemptKey, Vec<LogLine>)>,
    /// How far attempts are.
    pub progress: Vec<(AttemptKey, crate::api::types::Progress)>,
}

/// Folder below the state folder in which the files of an attempt wait until its outcome is recorded.
#[must_use]
pub fn staging(attempt: AttemptKey, task: &str) -> String {
    let AttemptKey { run, item, attempt, .. } = attempt;
    match item {
        Some(item) => format!("staging/{run}-{task}-{item}-{attempt}"),
        None => format!("staging/{run}-{task}-x-{attempt}"),
    }
}

/// The end of an attempt without the word of a worker.
#[derive(Debug, Clone)]
struct Failure {
    cause: Cause,
    message: String,
}

impl Failure {
    fn new(cause: Cause, message: impl Into<String>) -> Failure {
        Failure { cause, message: message.into() }
    }

    /// The end of that attempt.
    fn end(self, attempt: AttemptKey) -> Ended {
        Ended { attempt, outcome: Box::new(Outcome::failed(self.cause, self.message)) }
    }
}
