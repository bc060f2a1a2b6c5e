//! One small checkpoint per (run, task, item): a retry finds what the attempt before it saved.
//!
//! ```
//! use wharf_task::{state, testing::Host};
//!
//! Host::new().enter(|| {
//!     let done: u32 = match state::load()? {
//!         Some(checkpoint) => checkpoint.value,
//!         None => 0,
//!     };
//!     let version = state::save(0, &(done + 1))?;
//!     assert_eq!(version, 1);
//!     assert_eq!(state::save(0, &7), Err(state::StateError::Conflict { current: 1 }));
//!     Ok::<_, state::StateError>(())
//! })
//! .unwrap();
//! ```

use crate::{TaskError, host};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// Largest checkpoint in bytes of JSON.
pub const MAX_BYTES: usize = 1 << 20;

/// What was saved, and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint<T> {
    /// 1 for the first saved value, one more for each.
    pub version: u64,
    /// The value.
    pub value: T,
}

/// Why a checkpoint was not loaded or saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateError {
    /// Another attempt has saved meanwhile.
    Conflict {
        /// The version that is there now, 0 for none.
        current: u64,
    },
    /// Over [`MAX_BYTES`].
    TooLarge,
    /// What is there is not of the type that was asked for, or the value cannot be written as JSON.
    Malformed(String),
    /// The runtime could not read or write it.
    Io(String),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Conflict { current } => {
                write!(f, "another attempt has saved the checkpoint meanwhile (version {current})")
            }
            StateError::TooLarge => write!(f, "the checkpoint is over {MAX_BYTES} bytes"),
            StateError::Malformed(why) => write!(f, "the checkpoint cannot be read or written as JSON: {why}"),
            StateError::Io(why) => write!(f, "the checkpoint's store failed: {why}"),
        }
    }
}

impl std::error::Error for StateError {}

impl From<StateError> for TaskError {
    fn from(error: StateError) -> TaskError {
        match error {
            StateError::Conflict { .. } | StateError::Io(_) => TaskError::retryable(error.to_string()),
            StateError::TooLarge | StateError::Malformed(_) => TaskError::Permanent(error.to_string()),
        }
    }
}

/// The checkpoint, if one was saved.
///
/// # Errors
/// [`StateError::Malformed`], [`StateError::Io`].
pub fn load<T: DeserializeOwned>() -> Result<Option<Checkpoint<T>>, StateError> {
    let Some((version, bytes)) = host::state_load()? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes).map_err(|e| StateError::Malformed(e.to_string()))?;
    Ok(Some(Checkpoint { version, value }))
}

/// Saves if the version that is there is `expected` (0: none), and gives the new version.
///
/// # Errors
/// Any of [`StateError`]; nothing is saved then.
pub fn save<T: Serialize + ?Sized>(expected: u64, value: &T) -> Result<u64, StateError> {
    let bytes = serde_json::to_vec(value).map_err(|e| StateError::Malformed(e.to_string()))?;
    host::state_save(expected, bytes)
}
