//! The runtime's side, by the imports of `wharf:task/task`.

use crate::artifacts::{Artifact, ArtifactError};
use crate::context::{Attempt, Partition};
use crate::log::Level;
use crate::state::StateError;
use crate::{TaskError, entry};
use serde::{Serialize, de::DeserializeOwned};

/// Generated from `wit/`.
#[allow(missing_docs, reason = "the WIT package has the documentation")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "wharf:task/task",
        pub_export_macro: true,
    });
}

use bindings::wharf::task as wit;

/// The exported `run`.
pub fn run<I, O>(
    input: wit::types::Payload,
    task: fn(I) -> Result<O, TaskError>,
) -> Result<wit::types::Payload, wit::types::TaskError>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let output = match input {
        wit::types::Payload::Json(text) => entry::call(text.as_bytes(), task),
        wit::types::Payload::Artifact(artifact) => {
            read_all(&artifact).map_err(TaskError::from).and_then(|bytes| entry::call(&bytes, task))
        }
    };
    output.map(wit::types::Payload::Json).map_err(Into::into)
}

fn read_all(artifact: &wit::types::Artifact) -> Result<Vec<u8>, ArtifactError> {
    let reader = wit::artifacts::open(artifact)?;
    let mut bytes = Vec::with_capacity(usize::try_from(artifact.size).unwrap_or(0).min(1 << 24));
    loop {
        let part = reader.read(1 << 20)?;
        if part.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(part);
    }
}

impl From<TaskError> for wit::types::TaskError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::InvalidInput(message) => Self::InvalidInput(message),
            TaskError::Retryable { message, after } => Self::Retryable(wit::types::RetryHint {
                message,
                after: after.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            }),
            TaskError::Permanent(message) => Self::Permanent(message),
            TaskError::Cancelled(message) => Self::Cancelled(message),
        }
    }
}

impl From<wit::artifacts::ArtifactError> for ArtifactError {
    fn from(error: wit::artifacts::ArtifactError) -> Self {
        match error {
            wit::artifacts::ArtifactError::NotFound => Self::NotFound,
            wit::artifacts::ArtifactError::Limit(why) => Self::Limit(why),
            wit::artifacts::ArtifactError::InvalidName => Self::InvalidName,
            wit::artifacts::ArtifactError::Io(why) => Self::Io(why),
        }
    }
}

impl From<wit::state::StateError> for StateError {
    fn from(error: wit::state::StateError) -> Self {
        match error {
            wit::state::StateError::Conflict(current) => Self::Conflict { current },
            wit::state::StateError::TooLarge => Self::TooLarge,
            wit::state::StateError::Io(why) => Self::Io(why),
        }
    }
}

pub(crate) fn attempt() -> Attempt {
    let a = wit::context::get();
    Attempt {
        tenant: a.tenant,
        flow: a.flow,
        task: a.task,
        run: a.run,
        item: a.item,
        number: a.number,
        idempotency_key: a.idempotency_key,
        scheduled_time: a.scheduled_time,
        partition: a.partition.map(|p| Partition { key: p.key, start: p.start, end: p.end }),
        partial: a.partial,
    }
}

pub(crate) fn remaining() -> Option<u64> {
    wit::context::remaining()
}

pub(crate) fn cancelled() -> bool {
    wit::context::cancelled()
}

pub(crate) fn log(level: Level, message: &str, fields: Vec<(String, String)>) {
    let level = match level {
        Level::Trace => wit::log::Level::Trace,
        Level::Debug => wit::log::Level::Debug,
        Level::Info => wit::log::Level::Info,
        Level::Warn => wit::log::Level::Warn,
        Level::Error => wit::log::Level::Error,
    };
    let fields: Vec<_> = fields.into_iter().map(|(key, value)| wit::log::Field { key, value }).collect();
    wit::log::write(level, message, &fields);
}

pub(crate) fn progress(done: u64, total: Option<u64>, message: Option<&str>) {
    wit::progress::report(done, total, message);
}

pub(crate) fn secret(name: &str) -> Option<String> {
    wit::secrets::get(name).ok()
}

pub(crate) fn state_load() -> Result<Option<(u64, Vec<u8>)>, StateError> {
    Ok(wit::state::load()?.map(|c| (c.version, c.value)))
}

pub(crate) fn state_save(expected: u64, value: Vec<u8>) -> Result<u64, StateError> {
    Ok(wit::state::save(expected, &value)?)
}

#[derive(Debug)]
pub(crate) struct Reader(wit::artifacts::Reader);

impl Reader {
    pub(crate) fn open(artifact: &Artifact) -> Result<Reader, ArtifactError> {
        let artifact = wit::types::Artifact {
            digest: artifact.digest.clone(),
            size: artifact.size,
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
        };
        Ok(Reader(wit::artifacts::open(&artifact)?))
    }

    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, ArtifactError> {
        Ok(self.0.read(u32::try_from(max).unwrap_or(u32::MAX))?)
    }
}

#[derive(Debug)]
pub(crate) struct Writer(wit::artifacts::Writer);

impl Writer {
    pub(crate) fn create(name: &str, media_type: Option<&str>) -> Result<Writer, ArtifactError> {
        Ok(Writer(wit::artifacts::create(name, media_type)?))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        Ok(self.0.write(bytes)?)
    }

    pub(crate) fn finish(self) -> Result<Artifact, ArtifactError> {
        let a = wit::artifacts::finish(self.0)?;
        Ok(Artifact { digest: a.digest, size: a.size, name: a.name, media_type: a.media_type })
    }
}
