use crate::{Artifact, Cause, Payload};
use serde::{Deserialize, Serialize};

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Outcome {
    /// Why it ended.
    pub cause: Cause,
    /// In words, for a person; empty on success. At most [`Outcome::MAX_MESSAGE`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What the task returned; only on success. A command's is `{"exitCode":0,"stdout":"..."}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
    /// Artifacts that the attempt finished, staged until the outcome is recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Milliseconds that the task wants to pass before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What the attempt used.
    #[serde(default)]
    pub usage: Usage,
}

impl Outcome {
    /// Longest message in bytes. With it an outcome without output stays under 1 KiB, as a pod's termination message
    /// (4,096 bytes a container) asks for.
    pub const MAX_MESSAGE: usize = 600;

    /// An end without output; the message is cut to [`Outcome::MAX_MESSAGE`].
    #[must_use]
    pub fn failed(cause: Cause, message: impl Into<String>) -> Outcome {
        let mut message = message.into();
        if message.len() > Self::MAX_MESSAGE {
            let end = (0..=Self::MAX_MESSAGE - 3).rev().find(|i| message.is_char_boundary(*i)).unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        Outcome {
            cause,
            message,
            output: None,
            artifacts: Vec::new(),
            retry_after: None,
            exit_code: None,
            usage: Usage::default(),
        }
    }

    /// A success with this output.
    #[must_use]
    pub fn succeeded(output: Payload) -> Outcome {
        Outcome { output: Some(output), ..Outcome::failed(Cause::Succeeded, "") }
    }
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Usage {
    /// Microseconds from the runtime's taking the attempt up to the guest's first instruction.
    #[serde(skip_serializing_if = "is_zero")]
    pub setup_us: u64,
    /// Microseconds that fetching the compiled component and the inputs took before that; in a pod only.
    #[serde(skip_serializing_if = "is_zero")]
    pub fetch_us: u64,
    /// Microseconds from the guest's first instruction to its end.
    #[serde(skip_serializing_if = "is_zero")]
    pub run_us: u64,
    /// Highest sum of the guest's linear memories and tables, in bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub memory_bytes: u64,
    /// Bytes written to files and artifacts.
    #[serde(skip_serializing_if = "is_zero")]
    pub written_bytes: u64,
    /// Log lines kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub log_lines: u64,
    /// Log lines dropped at the bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub log_dropped: u64,
    /// HTTP requests sent.
    #[serde(skip_serializing_if = "is_zero")]
    pub http_requests: u64,
    /// True where the component had to be compiled first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compiled: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let outcome = Outcome::failed(Cause::Trap, "é".repeat(1000));
        assert!(outcome.message.len() <= Outcome::MAX_MESSAGE);
        assert!(outcome.message.ends_with("é…"));
    }

    #[test]
    fn the_largest_outcome_without_output_is_under_one_kib() {
        let mut outcome = Outcome::failed(Cause::InvalidComponent, "x".repeat(5000));
        let n = u64::from(u32::MAX);
        outcome.usage = Usage {
            setup_us: n,
            fetch_us: n,
            run_us: n,
            memory_bytes: n,
            written_bytes: n,
            log_lines: n,
            log_dropped: n,
            http_requests: n,
            compiled: true,
        };
        assert!(serde_json::to_vec(&outcome).unwrap().len() < 1024);
    }
}
