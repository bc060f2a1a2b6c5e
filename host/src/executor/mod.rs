//! Executors perform starts and stops, and say how attempts ended. Each start that an executor takes ends in exactly one
//! [`Ended`], whatever happens to the process that runs it.

mod backoff;
mod frames;
mod invocation;
pub mod kubernetes;
mod local;
mod pipe;
mod readable;
mod slots;
mod worker;

pub(crate) use local::checked;
pub use local::{Local, Settings};
pub use worker::FromWorker;

use wharf_contract::pod::StoredObject;
use wharf_contract::{Cause, LogLine, Outcome};
use wharf_core::action::AttemptKey;

/// The end of an attempt.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub attempt: AttemptKey,
    /// How.
    pub outcome: Box<Outcome>,
    /// Where what it wrote waits for that to be recorded.
    pub staged: Staged,
}

/// Where what an attempt wrote waits until its outcome is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staged {
    /// In its folder below the state folder: see [`staging`].
    Local,
    /// In the tenant's store, below [`staging`] and the UID of the pod that ran it. Other pods of the attempt may have
    /// left something beside it.
    Pod {
        /// `metadata.uid`; never empty.
        uid: String,
        /// The whole outcome, where it was too large for the pod's report: it takes the place of what [`Ended::outcome`]
        /// holds until then.
        outcome: Option<StoredObject>,
    },
    /// Nowhere: no runtime took it, or none that got as far as writing.
    Nowhere,
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
        Ended { attempt, outcome: Box::new(Outcome::failed(self.cause, self.message)), staged: Staged::Local }
    }
}
