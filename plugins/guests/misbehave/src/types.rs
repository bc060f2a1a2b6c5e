//! What goes in and comes out.

use schemars::JsonSchema;
use serde::Deserialize;

/// What to do. `mode` chooses; where nothing else is said, success gives null.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Input {
    /// Gives `value` back.
    Echo {
        /// Anything.
        value: serde_json::Value,
    },
    /// Computes for ever, without a call to the host.
    Loop,
    /// Allocates and touches memory, and gives the number of bytes that it holds.
    Memory {
        /// None: until it is ended.
        #[serde(default)]
        bytes: Option<u64>,
    },
    /// Panics with this message.
    Panic {
        /// The message.
        message: String,
    },
    /// Calls itself for ever.
    Stack,
    /// Ends the process, which a task has no right to. WASI 0.2 tells zero from the rest only.
    Exit {
        /// The code.
        code: i32,
    },
    /// Fails by its own word.
    Fail {
        /// Which way.
        error: Kind,
        /// In words.
        message: String,
        /// For `retryable`: milliseconds.
        #[serde(default)]
        after: Option<u64>,
    },
    /// Writes log lines of a length.
    LogFlood {
        /// How many.
        lines: u64,
        /// Bytes of each.
        bytes: usize,
        /// Milliseconds to sleep after each.
        #[serde(default)]
        pause: u64,
    },
    /// Writes lines to standard output or error.
    Print {
        /// How many.
        lines: u64,
        /// Bytes of each, without its end.
        bytes: usize,
        /// To standard error.
        #[serde(default)]
        stderr: bool,
    },
    /// Reports progress from 1 up to a number.
    Progress {
        /// The number.
        total: u64,
    },
    /// Sleeps, deaf to a wish to stop.
    Sleep {
        /// How long.
        milliseconds: u64,
    },
    /// Sleeps in short steps until it is asked to stop, then ends as cancelled.
    SleepUntilCancelled,
    /// Fails as retryable until this is the n-th attempt by its own checkpoint, then gives the number of attempts.
    RetryUntil {
        /// From 1.
        attempts: u32,
    },
    /// Saves its checkpoint against a version that is not there, and gives the version that is.
    StateConflict,
    /// Saves a checkpoint of this size.
    StateSize {
        /// Bytes of JSON.
        bytes: usize,
    },
    /// Writes an artifact of a size, and gives it.
    Artifact {
        /// Its name.
        name: String,
        /// Its size.
        bytes: u64,
        /// Leaves it unfinished and gives null.
        #[serde(default)]
        unfinished: bool,
    },
    /// Reads an artifact, and gives the number of its bytes and their sum.
    ReadArtifact {
        /// Which.
        artifact: wharf_task::Artifact,
    },
    /// Keeps this many artifacts open at once.
    Handles {
        /// How many.
        count: u32,
    },
    /// Gives a text of a size.
    BigOutput {
        /// Bytes of the text.
        bytes: usize,
    },
    /// Gives the length of a secret.
    Secret {
        /// Its name.
        name: String,
    },
    /// Logs a secret and gives it: what a task must not do.
    LeakSecret {
        /// Its name.
        name: String,
    },
    /// Gives the arguments and the environment.
    Env,
    /// Gives what it knows of its attempt.
    Context,
    /// Draws random bytes and gives the number of those that are zero.
    Random {
        /// How many.
        bytes: u64,
    },
    /// Gives the text of a file.
    ReadFile {
        /// Its path.
        path: String,
    },
    /// Writes a file.
    WriteFile {
        /// Its path.
        path: String,
        /// Its text.
        text: String,
        /// Adds to what is there.
        #[serde(default)]
        append: bool,
    },
    /// Gives the names in a folder.
    ListFolder {
        /// Its path.
        path: String,
    },
    /// Fills a file, and gives the number of bytes that it took.
    FillDisk {
        /// Its path.
        path: String,
        /// None: until it is refused.
        #[serde(default)]
        bytes: Option<u64>,
    },
}

/// A way to fail.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as in the task's contract")]
pub enum Kind {
    InvalidInput,
    Retryable,
    Permanent,
    Cancelled,
}

/// Depends on the mode.
pub type Output = serde_json::Value;
