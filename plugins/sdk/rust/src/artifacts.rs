//! Named byte streams, kept by content. What an attempt writes becomes visible only when it is recorded as succeeded.
//!
//! ```
//! use std::io::{Read, Write};
//! use wharf_task::{artifacts, testing::Host};
//!
//! let host = Host::new();
//! let table = host.enter(|| {
//!     let mut file = artifacts::create("table.csv", Some("text/csv"))?;
//!     file.write_all(b"month,mean\n")?;
//!     file.finish()
//! })?;
//! assert_eq!(table.size, 11);
//! assert_eq!(host.artifact("table.csv").unwrap(), b"month,mean\n");
//!
//! let mut text = String::new();
//! host.enter(|| artifacts::open(&table))?.read_to_string(&mut text)?;
//! assert_eq!(text, "month,mean\n");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use crate::{TaskError, host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, io};

/// A finished artifact. In an output it makes the artifact known to tasks downstream; in an input it may be opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Artifact {
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// As the writer named it, for example `chart.svg`.
    pub name: String,
    /// For example `image/svg+xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Why an artifact was not read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactError {
    /// No such artifact, or not one that this task was given.
    NotFound,
    /// A limit of the attempt would be passed.
    Limit(String),
    /// The name is empty, longer than 255 bytes, or has a slash or a control character.
    InvalidName,
    /// The runtime could not read or write it.
    Io(String),
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArtifactError::NotFound => f.write_str("no such artifact, or not one that this task was given"),
            ArtifactError::Limit(why) => write!(f, "an artifact passes a limit: {why}"),
            ArtifactError::InvalidName => {
                f.write_str("an artifact's name has 1 to 255 bytes, no slash and no control character")
            }
            ArtifactError::Io(why) => write!(f, "the artifact store failed: {why}"),
        }
    }
}

impl std::error::Error for ArtifactError {}

impl From<ArtifactError> for TaskError {
    fn from(error: ArtifactError) -> TaskError {
        match error {
            ArtifactError::Io(_) => TaskError::retryable(error.to_string()),
            _ => TaskError::Permanent(error.to_string()),
        }
    }
}

/// So that `?` serves writing and finishing alike.
impl From<io::Error> for ArtifactError {
    fn from(error: io::Error) -> ArtifactError {
        match error.downcast::<ArtifactError>() {
            Ok(own) => own,
            Err(other) => ArtifactError::Io(other.to_string()),
        }
    }
}

impl From<ArtifactError> for io::Error {
    fn from(error: ArtifactError) -> io::Error {
        let kind = match error {
            ArtifactError::NotFound => io::ErrorKind::NotFound,
            ArtifactError::Limit(_) => io::ErrorKind::QuotaExceeded,
            ArtifactError::InvalidName => io::ErrorKind::InvalidInput,
            ArtifactError::Io(_) => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// Opens an artifact that the input names.
///
/// # Errors
/// [`ArtifactError::NotFound`], [`ArtifactError::Limit`], [`ArtifactError::Io`].
pub fn open(artifact: &Artifact) -> Result<Reader, ArtifactError> {
    host::Reader::open(artifact).map(Reader)
}

/// Starts an artifact; nothing of it is kept before [`Writer::finish`].
///
/// # Errors
/// [`ArtifactError::InvalidName`], [`ArtifactError::Limit`], [`ArtifactError::Io`].
pub fn create(name: &str, media_type: Option<&str>) -> Result<Writer, ArtifactError> {
    host::Writer::create(name, media_type).map(Writer)
}

/// Writes an artifact in one go.
///
/// # Errors
/// As [`create`] and [`Writer::finish`].
pub fn write(name: &str, media_type: Option<&str>, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let mut writer = host::Writer::create(name, media_type)?;
    for chunk in bytes.chunks(CHUNK) {
        writer.write(chunk)?;
    }
    writer.finish()
}

/// Bytes that go over the border in one call.
const CHUNK: usize = 1 << 20;

/// Reads an artifact.
#[derive(Debug)]
pub struct Reader(host::Reader);

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.read(buffer.len().min(CHUNK))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// Writes an artifact. One that is dropped unfinished leaves nothing.
#[derive(Debug)]
pub struct Writer(host::Writer);

impl Writer {
    /// Ends the artifact.
    ///
    /// # Errors
    /// [`ArtifactError::Limit`], [`ArtifactError::Io`].
    pub fn finish(self) -> Result<Artifact, ArtifactError> {
        self.0.finish()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(CHUNK)];
        self.0.write(part)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
