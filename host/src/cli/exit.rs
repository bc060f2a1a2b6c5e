use crate::api::types::ErrorCode;
use crate::client::{ClientError, Place};
use serde::Serialize;

/// Exit codes of `wharf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// wharf itself failed, or there was an I/O error.
    Internal = 1,
    /// The command line cannot be used.
    Usage = 2,
    /// The configuration has faults.
    Config = 3,
    /// There is no such flow, run, task, file.
    NotFound = 4,
    /// It cannot be done now: the store is held by another process, the run is final already, a name is taken.
    Refused = 5,
    /// What is there differs from the configuration: an answer, not a failure.
    Differs = 6,
    /// A run or a backfill failed.
    RunFailed = 10,
    /// A run or a backfill was cancelled.
    RunCancelled = 14,
    /// Ctrl-C or SIGTERM while the command waited: what it asked for is recorded and goes on with a coordinator.
    Interrupted = 130,
}

impl Exit {
    /// The code's name in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::Internal => "internal",
            Exit::Usage => "usage",
            Exit::Config => "config",
            Exit::NotFound => "not-found",
            Exit::Refused => "refused",
            Exit::Differs => "differs",
            Exit::RunFailed => "run-failed",
            Exit::RunCancelled => "run-cancelled",
            Exit::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what it was asked: what is wrong and where, what to do about it, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What is wrong and where: one clause without a full stop.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Where the configuration is at fault, as text that is ready to be shown.
    pub(crate) report: Option<String>,
    /// True where standard output was closed by its reader: nothing is wrong, and nobody is there to be told.
    pub(crate) silent: bool,
}

/// A failure as JSON.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

/// What is in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    code: &'static str,
    exit: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
}

impl Failure {
    /// A failure with this exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), hint: None, report: None, silent: false }
    }

    /// The command line cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Failure {
        Failure::new(Exit::NotFound, message)
    }

    /// It cannot be done now.
    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Refused, message)
    }

    /// wharf itself failed, or the system did.
    pub(crate) fn internal(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Internal, message)
    }

    /// Something could not be done to a file or folder.
    pub(crate) fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Internal };
        Failure::new(exit, format!("cannot {what} {}: {}", path.display(), plain(error)))
    }

    /// From a text that says what to do after a semicolon.
    pub(crate) fn with_advice(exit: Exit, text: &str) -> Failure {
        match text.split_once("; ") {
            Some((message, advice)) => Failure::new(exit, message).hint(advice),
            None => Failure::new(exit, text),
        }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// As one line of JSON.
    pub(super) fn to_json(&self) -> String {
        let body = Body {
            code: self.exit.as_str(),
            exit: self.exit as u8,
            message: &self.message,
            hint: self.hint.as_deref(),
            report: self.report.as_deref(),
        };
        // Strings and numbers are always written.
        serde_json::to_string(&Envelope { error: body }).unwrap_or_default()
    }
}

/// The system's words for an error, without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        match error {
            ClientError::NotRunning(Place::Socket(_)) => {
                Failure::refused(error.to_string()).hint("start one: `wharf serve`")
            }
            ClientError::NotRunning(Place::Remote(_)) => Failure::refused(error.to_string()).hint(
                "see whether the address in --server (WHARF_SERVER) is right, and leads to a coordinator that is ready",
            ),
            ClientError::Token(why) => {
                Failure::new(Exit::NotFound, why).hint("name the file of a token with --token-file (WHARF_TOKEN_FILE)")
            }
            ClientError::Broken { place: Place::Remote(_), .. } => Failure::internal(error.to_string()).hint(
                "see whether the coordinator is ready, and speaks http or https as the URL says; a certificate of an \
                 authority of your own needs --certificate-authority",
            ),
            ClientError::Broken { .. } => {
                Failure::internal(error.to_string()).hint("see whether `wharf serve` still runs, and what its log says")
            }
            ClientError::Malformed { .. } => Failure::internal(error.to_string())
                .hint("the coordinator may be of another version: restart `wharf serve`"),
            ClientError::Api(error) => {
                let exit = match error.code {
                    ErrorCode::BadRequest | ErrorCode::TooLarge => Exit::Usage,
                    ErrorCode::NotFound => Exit::NotFound,
                    ErrorCode::Unauthorized
                    | ErrorCode::Forbidden
                    | ErrorCode::Conflict
                    | ErrorCode::NothingToDo
                    | ErrorCode::Unavailable => Exit::Refused,
                    ErrorCode::InvalidConfig => Exit::Config,
                    ErrorCode::Internal => Exit::Internal,
                };
                Failure { hint: error.hint, ..Failure::new(exit, error.message) }
            }
        }
    }
}
