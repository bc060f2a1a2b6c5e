use crate::artifacts::ArtifactError;
use std::fmt;
use std::time::Duration;

/// How a task says that it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskError {
    /// The input cannot be used. Not tried again.
    InvalidInput(String),
    /// May succeed when tried again.
    Retryable {
        /// What went wrong.
        message: String,
        /// Not before this has passed; whole milliseconds. None leaves it to the flow's back-off.
        after: Option<Duration>,
    },
    /// Will fail every time. Not tried again.
    Permanent(String),
    /// The task saw that it was asked to stop, and stopped.
    Cancelled(String),
}

impl TaskError {
    /// The input cannot be used.
    #[must_use]
    pub fn invalid_input(message: impl Into<String>) -> TaskError {
        TaskError::InvalidInput(message.into())
    }

    /// May succeed when tried again, whenever the flow's back-off says.
    #[must_use]
    pub fn retryable(message: impl Into<String>) -> TaskError {
        TaskError::Retryable { message: message.into(), after: None }
    }

    /// May succeed when tried again, not before `after` has passed.
    #[must_use]
    pub fn retry_after(message: impl Into<String>, after: Duration) -> TaskError {
        TaskError::Retryable { message: message.into(), after: Some(after) }
    }

    /// Will fail every time.
    #[must_use]
    pub fn permanent(message: impl Into<String>) -> TaskError {
        TaskError::Permanent(message.into())
    }

    /// The task stopped because it was asked to.
    #[must_use]
    pub fn cancelled(message: impl Into<String>) -> TaskError {
        TaskError::Cancelled(message.into())
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::InvalidInput(m) => write!(f, "invalid input: {m}"),
            TaskError::Retryable { message, after: None } => write!(f, "{message} (may be retried)"),
            TaskError::Retryable { message, after: Some(after) } => {
                write!(f, "{message} (may be retried after {} ms)", after.as_millis())
            }
            TaskError::Permanent(m) => f.write_str(m),
            TaskError::Cancelled(m) => write!(f, "cancelled: {m}"),
        }
    }
}

impl std::error::Error for TaskError {}

/// What is missing, forbidden or malformed stays so; the rest may pass.
impl From<std::io::Error> for TaskError {
    fn from(error: std::io::Error) -> TaskError {
        use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied, Unsupported};
        let error = match error.downcast::<ArtifactError>() {
            Ok(own) => return own.into(),
            Err(other) => other,
        };
        match error.kind() {
            NotFound | PermissionDenied | InvalidInput | InvalidData | Unsupported => {
                TaskError::Permanent(error.to_string())
            }
            _ => TaskError::retryable(error.to_string()),
        }
    }
}
