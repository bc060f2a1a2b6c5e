//! The host's side for native tests: a task that runs inside [`Host::enter`] speaks to it as it would to the runtime.

use crate::artifacts::{Artifact, ArtifactError};
use crate::context::{Attempt, Partition};
use crate::log::Level;
use crate::state::{MAX_BYTES, StateError};
use crate::{TaskError, entry};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

/// One log line that the task wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Severity.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The fields.
    pub fields: BTreeMap<String, serde_json::Value>,
}

/// One progress report: done, total, message.
pub type Progress = (u64, Option<u64>, Option<String>);

#[derive(Debug)]
struct Inner {
    attempt: Attempt,
    remaining: Option<u64>,
    cancelled: bool,
    secrets: BTreeMap<String, String>,
    logs: Vec<Line>,
    progress: Vec<Progress>,
    finished: Vec<(Artifact, Vec<u8>)>,
    given: Vec<(Artifact, Vec<u8>)>,
    state: Option<(u64, Vec<u8>)>,
}

/// Plays the runtime for tasks of one thread. A clone is the same host.
#[derive(Debug, Clone)]
pub struct Host(Rc<RefCell<Inner>>);

thread_local! {
    static CURRENT: RefCell<Vec<Host>> = const { RefCell::new(Vec::new()) };
}

impl Default for Host {
    fn default() -> Host {
        Host::new()
    }
}

impl Host {
    /// A host that grants nothing, for attempt 1 of task `task` in run 1 of flow `flow`, tenant `tenant`.
    #[must_use]
    pub fn new() -> Host {
        Host(Rc::new(RefCell::new(Inner {
            attempt: Attempt {
                tenant: "tenant".into(),
                flow: "flow".into(),
                task: "task".into(),
                run: "1".into(),
                item: None,
                number: 1,
                idempotency_key: "1/task".into(),
                scheduled_time: None,
                partition: None,
                partial: false,
            },
            remaining: None,
            cancelled: false,
            secrets: BTreeMap::new(),
            logs: Vec::new(),
            progress: Vec::new(),
            finished: Vec::new(),
            given: Vec::new(),
            state: None,
        })))
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Host {
        self.0.borrow_mut().secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Changes what the task learns about its attempt.
    #[must_use]
    pub fn attempt(self, change: impl FnOnce(&mut Attempt)) -> Host {
        change(&mut self.0.borrow_mut().attempt);
        self
    }

    /// Sets the key of the partition that the task works on.
    #[must_use]
    pub fn partition(self, key: &str) -> Host {
        self.attempt(|a| a.partition = Some(Partition { key: key.to_owned(), start: None, end: None }))
    }

    /// Sets the milliseconds that are left until the timeout.
    #[must_use]
    pub fn remaining(self, milliseconds: u64) -> Host {
        self.0.borrow_mut().remaining = Some(milliseconds);
        self
    }

    /// Asks the task to stop.
    pub fn cancel(&self) {
        self.0.borrow_mut().cancelled = true;
    }

    /// Gives the task an artifact to read.
    #[must_use]
    pub fn give(&self, name: &str, media_type: Option<&str>, bytes: &[u8]) -> Artifact {
        let artifact = describe(name, media_type, bytes);
        self.0.borrow_mut().given.push((artifact.clone(), bytes.to_vec()));
        artifact
    }

    /// Does something as a task of this host.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                CURRENT.with_borrow_mut(|stack| stack.pop());
            }
        }
        CURRENT.with_borrow_mut(|stack| stack.push(self.clone()));
        let _leave = Leave;
        f()
    }

    /// Calls a task as the runtime does: with a JSON text, and gives the JSON text of its output.
    ///
    /// # Errors
    /// The task's own, and [`TaskError::InvalidInput`] where the text is not its input.
    pub fn call<I, O>(&self, task: fn(I) -> Result<O, TaskError>, input: &str) -> Result<String, TaskError>
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.enter(|| entry::call(input.as_bytes(), task))
    }

    /// What the task has logged.
    #[must_use]
    pub fn logs(&self) -> Vec<Line> {
        self.0.borrow().logs.clone()
    }

    /// What the task has reported.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.0.borrow().progress.clone()
    }

    /// The bytes of the last finished artifact of that name.
    #[must_use]
    pub fn artifact(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().finished.iter().rev().find(|(a, _)| a.name == name).map(|(_, bytes)| bytes.clone())
    }

    /// The checkpoint's version and JSON, if one was saved.
    #[must_use]
    pub fn state(&self) -> Option<(u64, Vec<u8>)> {
        self.0.borrow().state.clone()
    }
}

fn describe(name: &str, media_type: Option<&str>, bytes: &[u8]) -> Artifact {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(digest, "{byte:02x}");
    }
    Artifact { digest, size: bytes.len() as u64, name: name.to_owned(), media_type: media_type.map(str::to_owned) }
}

/// The host that was entered last; outside of any, one that is forgotten at once.
fn with<R>(f: impl FnOnce(&mut Inner) -> R) -> R {
    let host = CURRENT.with_borrow(|stack| stack.last().cloned()).unwrap_or_default();
    let mut inner = host.0.borrow_mut();
    f(&mut inner)
}

pub(crate) fn attempt() -> Attempt {
    with(|h| h.attempt.clone())
}

pub(crate) fn remaining() -> Option<u64> {
    with(|h| h.remaining)
}

pub(crate) fn cancelled() -> bool {
    with(|h| h.cancelled)
}

pub(crate) fn log(level: Level, message: &str, fields: Vec<(String, String)>) {
    let fields = fields
        .into_iter()
        .map(|(key, json)| (key, serde_json::from_str(&json).unwrap_or(serde_json::Value::Null)))
        .collect();
    with(|h| h.logs.push(Line { level, message: message.to_owned(), fields }));
}

pub(crate) fn progress(done: u64, total: Option<u64>, message: Option<&str>) {
    with(|h| h.progress.push((done, total, message.map(str::to_owned))));
}

pub(crate) fn secret(name: &str) -> Option<String> {
    with(|h| h.secrets.get(name).cloned())
}

pub(crate) fn state_load() -> Result<Option<(u64, Vec<u8>)>, StateError> {
    Ok(with(|h| h.state.clone()))
}

pub(crate) fn state_save(expected: u64, value: Vec<u8>) -> Result<u64, StateError> {
    if value.len() > MAX_BYTES {
        return Err(StateError::TooLarge);
    }
    with(|h| {
        let current = h.state.as_ref().map_or(0, |(version, _)| *version);
        if current != expected {
            return Err(StateError::Conflict { current });
        }
        h.state = Some((current + 1, value));
        Ok(current + 1)
    })
}

#[derive(Debug)]
pub(crate) struct Reader(std::io::Cursor<Vec<u8>>);

impl Reader {
    pub(crate) fn open(artifact: &Artifact) -> Result<Reader, ArtifactError> {
        with(|h| {
            let found = h.given.iter().chain(&h.finished).find(|(a, _)| a.digest == artifact.digest);
            found.map(|(_, bytes)| Reader(std::io::Cursor::new(bytes.clone()))).ok_or(ArtifactError::NotFound)
        })
    }

    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, ArtifactError> {
        let mut buffer = vec![0; max];
        let n = std::io::Read::read(&mut self.0, &mut buffer).map_err(|e| ArtifactError::Io(e.to_string()))?;
        buffer.truncate(n);
        Ok(buffer)
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    name: String,
    media_type: Option<String>,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn create(name: &str, media_type: Option<&str>) -> Result<Writer, ArtifactError> {
        if name.is_empty() || name.len() > 255 || name.contains(|c: char| c == '/' || c.is_control()) {
            return Err(ArtifactError::InvalidName);
        }
        Ok(Writer { name: name.to_owned(), media_type: media_type.map(str::to_owned), bytes: Vec::new() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Artifact, ArtifactError> {
        let artifact = describe(&self.name, self.media_type.as_deref(), &self.bytes);
        with(|h| h.finished.push((artifact.clone(), self.bytes)));
        Ok(artifact)
    }
}
