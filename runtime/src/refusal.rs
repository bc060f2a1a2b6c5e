use std::fmt;
use wharf_contract::{Cause, Outcome};

/// Why the runtime did not start an attempt, or ended one from within a host call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How the attempt ends.
    pub cause: Cause,
    /// What is wrong and what to do, for a person.
    pub message: String,
}

impl Refusal {
    /// A refusal with this cause and message.
    pub fn new(cause: Cause, message: impl Into<String>) -> Refusal {
        Refusal { cause, message: message.into() }
    }

    /// A failure of wharf or the machine.
    pub fn internal(what: impl fmt::Display, error: impl fmt::Display) -> Refusal {
        Refusal::new(Cause::Internal, format!("{what}: {error}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Outcome {
        Outcome::failed(refusal.cause, refusal.message)
    }
}
