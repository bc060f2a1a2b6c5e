use super::handle::Control;
use crate::api::types::{ErrorBody, ErrorCode, Progress, ReloadAnswer, RetryRun, RunAnswer};
use crate::artifacts::Pinned;
use crate::executor::Ended;
use crate::load::Loaded;
use crate::logs::Followed;
use crate::telemetry::Format;
use tokio::sync::{OwnedMutexGuard, oneshot};
use wharf_core::action::{AttemptKey, Upstream};
use wharf_core::event::{BackfillId, RunId};
use wharf_core::scheduler::{BackfillRequest, RecoveredRun, Refusal, RefusalKind, RunRequest};

/// Where an answer goes. Whoever asked may have gone away.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, ErrorBody>>;

/// Everything that comes into the loop, but what workers say and what the store acknowledges.
#[derive(Debug)]
pub(crate) enum Input {
    /// Asked for through the API. Answered when it is durable.
    Request(Request),
    /// The artifacts of an ended attempt are where they belong, or its outcome says why not.
    Promoted(Ended, Option<Pinned>),
    /// What the pod of a recorded attempt left is seen to.
    Settled,
    /// A pod says something, and somebody follows.
    Followed(Followed),
    /// The store answered what a run asked about other partitions.
    Upstream(Upstream),
    /// A config was read.
    Loaded(Result<Loaded, String>),
    /// A config file may have changed.
    ConfigTouched,
    /// From within this process, or a signal.
    Control(Control),
}

/// What can be asked of a coordinator.
#[derive(Debug)]
pub(crate) enum Request {
    CreateRun {
        request: RunRequest,
        wait: bool,
        answer: Answer<RunAnswer>,
    },
    CancelRun {
        run: RunId,
        answer: Answer<RunAnswer>,
    },
    RetryRun {
        run: RunId,
        how: RetryRun,
        loaded: Option<Box<Final>>,
        answer: Answer<RunAnswer>,
    },
    CreateBackfill {
        request: BackfillRequest,
        answer: Answer<BackfillId>,
    },
    CancelBackfill {
        backfill: BackfillId,
        answer: Answer<BackfillId>,
    },
    Reload {
        answer: Answer<ReloadAnswer>,
    },
    /// Answered at once: what is known of a run's open attempts.
    Underway {
        run: RunId,
        answer: oneshot::Sender<Vec<Underway>>,
    },
    /// Answered at once.
    Metrics {
        format: Format,
        answer: oneshot::Sender<String>,
    },
}

/// An attempt that is not over.
#[derive(Debug)]
pub(crate) struct Underway {
    /// Name of its task.
    pub(crate) task: String,
    pub(crate) attempt: AttemptKey,
    /// How far it said it is.
    pub(crate) progress: Option<Progress>,
    /// What it waits for, or where it runs.
    pub(crate) phase: Option<String>,
}

/// A final run, read back from the store to go on. Retention may not drop it in between.
#[derive(Debug)]
pub(crate) struct Final {
    pub(crate) run: RecoveredRun,
    pub(crate) keep: OwnedMutexGuard<()>,
}

/// A refusal as the API tells it.
pub(crate) fn refused(refusal: &Refusal) -> ErrorBody {
    let code = match refusal.kind() {
        _ if *refusal == Refusal::NothingToDo => ErrorCode::NothingToDo,
        RefusalKind::NotFound => ErrorCode::NotFound,
        RefusalKind::Invalid => ErrorCode::BadRequest,
        RefusalKind::Conflict => ErrorCode::Conflict,
    };
    ErrorBody { code, message: refusal.to_string(), hint: None }
}

/// Nothing new is taken now.
pub(crate) fn unavailable(message: impl Into<String>, hint: &str) -> ErrorBody {
    ErrorBody { code: ErrorCode::Unavailable, message: message.into(), hint: Some(hint.to_owned()) }
}
