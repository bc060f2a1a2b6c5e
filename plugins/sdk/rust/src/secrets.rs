//! Secrets by the name under which the flow grants them.

use crate::{TaskError, host};
use std::fmt;

/// The flow grants no secret of this name to the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotGranted {
    /// The name that was asked for.
    pub name: String,
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret `{}` is not granted to this task", self.name)
    }
}

impl std::error::Error for NotGranted {}

impl From<NotGranted> for TaskError {
    fn from(error: NotGranted) -> TaskError {
        TaskError::Permanent(error.to_string())
    }
}

/// The secret's value. Never log it.
///
/// # Errors
/// [`NotGranted`].
///
/// ```
/// use wharf_task::{secrets, testing::Host};
///
/// let host = Host::new().secret("token", "s3cret");
/// assert_eq!(host.enter(|| secrets::get("token")).unwrap(), "s3cret");
/// assert!(host.enter(|| secrets::get("other")).is_err());
/// ```
pub fn get(name: &str) -> Result<String, NotGranted> {
    host::secret(name).ok_or_else(|| NotGranted { name: name.to_owned() })
}
