use crate::{Invocation, Outcome};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// Largest frame in bytes, either way: a peer that announces more is not listened to further.
pub const MAX_FRAME: usize = 16 << 20;

/// What a worker is told, over its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ToRuntime {
    /// Run an attempt. `slot` is the sender's own number for it and comes back with the answer; a slot is free again
    /// once its `Finished` was sent.
    Start {
        /// The sender's number for the attempt.
        slot: u32,
        /// The attempt.
        invocation: Box<Invocation>,
    },
    /// Ask the attempt to stop; after `grace` milliseconds it is ended. No answer but its `Finished`.
    Cancel {
        /// As in `Start`.
        slot: u32,
        /// Milliseconds; 0 ends it at once.
        grace: u64,
    },
    /// Take no more; exit when all that runs has ended. End of file on standard input instead ends everything at once.
    Drain,
}

/// What a worker tells, over its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum FromRuntime {
    /// First frame of every worker.
    Ready {
        /// [`crate::CONTRACT_VERSION`].
        contract: u32,
        /// The runtime's version.
        version: String,
    },
    /// Log lines of an attempt, in order.
    Log {
        /// As in `Start`.
        slot: u32,
        /// At least one.
        lines: Vec<LogLine>,
    },
    /// How far an attempt is. May be thinned out.
    Progress {
        /// As in `Start`.
        slot: u32,
        /// Units done.
        done: u64,
        /// Units in all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The attempt's end; nothing of this slot follows.
    Finished {
        /// As in `Start`.
        slot: u32,
        /// How it ended.
        outcome: Box<Outcome>,
    },
}

/// One line of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogLine {
    /// Microseconds since the Unix epoch.
    pub at: i64,
    /// Severity.
    pub level: LogLevel,
    /// Who wrote it.
    pub source: LogSource,
    /// The line, without its end.
    pub message: String,
    /// Structured fields.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Who wrote a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogSource {
    /// `wharf:task/log`.
    Task,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
    /// The runtime, about the attempt.
    Runtime,
}

/// Why bytes are no frame.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Announced length over [`MAX_FRAME`].
    TooLarge(usize),
    /// The body is not the JSON of a message.
    Malformed(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLarge(n) => write!(f, "a frame of {n} bytes is over the limit of {MAX_FRAME}"),
            FrameError::Malformed(why) => write!(f, "a frame cannot be read: {why}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends a message as a frame: its length as 4 bytes, little-endian, then its JSON.
///
/// # Errors
/// [`FrameError::TooLarge`]; `out` is then as it was.
pub fn encode<T: Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if let Err(e) = serde_json::to_writer(&mut *out, message) {
        out.truncate(start);
        return Err(FrameError::Malformed(e.to_string()));
    }
    let len = out.len() - start - 4;
    if len > MAX_FRAME {
        out.truncate(start);
        return Err(FrameError::TooLarge(len));
    }
    let header = u32::try_from(len).map_err(|_| FrameError::TooLarge(len))?.to_le_bytes();
    out[start..start + 4].copy_from_slice(&header);
    Ok(())
}

/// Reads the first frame of `bytes`: the message and how many bytes it took, or `None` where more bytes are needed.
///
/// # Errors
/// [`FrameError`]; the stream cannot be followed further.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let len = u32::from_le_bytes(*header) as usize;
    if len > MAX_FRAME {
        return Err(FrameError::TooLarge(len));
    }
    let Some(body) = rest.get(..len) else { return Ok(None) };
    let message = serde_json::from_slice(body).map_err(|e| FrameError::Malformed(e.to_string()))?;
    Ok(Some((message, 4 + len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    #[test]
    fn frames_read_back_one_after_another_and_wait_for_their_end() {
        let messages = [
            FromRuntime::Ready { contract: 1, version: "0.1.0".into() },
            FromRuntime::Finished { slot: 7, outcome: Box::new(Outcome::failed(Cause::Trap, "unreachable")) },
        ];
        let mut bytes = Vec::new();
        for m in &messages {
            encode(m, &mut bytes).unwrap();
        }
        let (first, used) = decode::<FromRuntime>(&bytes).unwrap().unwrap();
        assert_eq!(first, messages[0]);
        for cut in used..bytes.len() - 1 {
            assert!(decode::<FromRuntime>(&bytes[used..cut]).unwrap().is_none());
        }
        let (second, rest) = decode::<FromRuntime>(&bytes[used..]).unwrap().unwrap();
        assert_eq!(second, messages[1]);
        assert_eq!(used + rest, bytes.len());
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_it_is_read() {
        let bytes = u32::MAX.to_le_bytes();
        assert_eq!(decode::<ToRuntime>(&bytes), Err(FrameError::TooLarge(u32::MAX as usize)));
    }
}
