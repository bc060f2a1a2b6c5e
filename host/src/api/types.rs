//! What goes over the socket or the port: every request and answer of the HTTP API, version 1. JSON in camelCase; instants are
//! RFC 3339 in UTC. A field that an answer leaves out is `null`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wharf_contract::{Artifact, LogLevel, LogSource, Outcome};
use wharf_core::event::{BackfillId, RunId, RunState, SkipReason, TickSkip};

/// An instant of the API: RFC 3339 in UTC, as [`wharf_core::time::Timestamp`] shows itself.
pub type Instant = String;

/// Largest body of a request in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// `POST /v1/runs`: run a flow now. With `?wait=true` the answer comes when the run is final.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRun {
    /// `tenant/flow`, or `flow` where only one tenant has it.
    pub flow: String,
    /// Laid over the flow's defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Key of the partition to work on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// Answer to what was asked of one run: `POST /v1/runs`, `/v1/runs/{id}/cancel` and `/v1/runs/{id}/retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunAnswer {
    /// Which.
    pub run: RunId,
    /// Where it stands; final where the request waited for it.
    pub state: RunState,
}

/// Query of `POST /v1/runs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitQuery {
    /// Answer only when the run is final.
    #[serde(default)]
    pub wait: bool,
}

/// `POST /v1/runs/{id}/retry`: a final run goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryRun {
    /// Name of the task to start from, with all that is downstream of it; none: what did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// True: with the flow as it is now instead of the one that the run was made with.
    #[serde(default)]
    pub latest: bool,
}

/// Query of `GET /v1/runs`. Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunsQuery {
    /// Only of this flow, named as in [`CreateRun::flow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// Only of this backfill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<BackfillId>,
    /// At the most; 50 where it is not given, never more than 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only with a smaller number: the last one of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RunId>,
}

/// Answer of `GET /v1/runs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunList {
    /// Newest first.
    pub runs: Vec<RunSummary>,
}

/// A run in a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Its number.
    pub run: RunId,
    /// `tenant/flow`.
    pub flow: String,
    /// Where it stands.
    pub state: RunState,
    /// Who asked for it: `manual`, `schedule` or `backfill`.
    pub trigger: TriggerKind,
    /// The backfill that it belongs to.
    pub backfill: Option<BackfillId>,
    /// Key of its partition.
    pub partition: Option<String>,
    /// The tick that it stands for.
    pub scheduled_time: Option<Instant>,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it became final.
    pub ended_at: Option<Instant>,
}

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TriggerKind {
    /// A person or a program.
    Manual,
    /// The flow's schedule.
    Schedule,
    /// A backfill.
    Backfill,
}

/// Query of `GET /v1/runs/{id}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunQuery {
    /// Attempts listed for each task at the most, those that did not succeed first; 100 where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// Answer of `GET /v1/runs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetail {
    /// As in a listing.
    pub summary: RunSummary,
    /// Digest of the flow that it is pinned to.
    pub flow_digest: String,
    /// Parameters with defaults applied.
    pub params: Map<String, Value>,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// In the flow's order; only those that are part of the run.
    pub tasks: Vec<TaskDetail>,
    /// Where the tenant's pods keep artifacts: `s3://bucket/prefix`, in which each is `artifacts/<2 hex>/<64 hex>`. None
    /// where attempts run on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// A task of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetail {
    /// Its name.
    pub task: String,
    /// Names of its needs.
    pub needs: Vec<String>,
    /// Where it stands.
    pub state: TaskState,
    /// Why it was skipped.
    pub skip_reason: Option<SkipReason>,
    /// Why it ended without an attempt.
    pub refused: Option<Outcome>,
    /// Items of its fan-out, once that is worked out.
    pub items: Option<ItemCounts>,
    /// First start.
    pub started_at: Option<Instant>,
    /// Last end.
    pub ended_at: Option<Instant>,
    /// Attempts, oldest first; cut at the query's bound.
    pub attempts: Vec<AttemptDetail>,
    /// Attempts in all.
    pub attempts_total: u64,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Its needs are not final.
    Pending,
    /// It waits for a slot, for its backoff, or for outputs of other partitions.
    Ready,
    /// An attempt runs.
    Running,
    /// Final.
    Succeeded,
    /// Final.
    Failed,
    /// Final: it was not to run.
    Skipped,
    /// Final: a need failed.
    UpstreamFailed,
    /// Final.
    Cancelled,
}

impl TaskState {
    /// The name in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TaskState::Pending => "pending",
            TaskState::Ready => "ready",
            TaskState::Running => "running",
            TaskState::Succeeded => "succeeded",
            TaskState::Failed => "failed",
            TaskState::Skipped => "skipped",
            TaskState::UpstreamFailed => "upstream-failed",
            TaskState::Cancelled => "cancelled",
        }
    }
}

/// Items of a fan-out by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemCounts {
    /// All.
    pub total: u32,
    /// An attempt runs.
    pub running: u32,
    /// Ended well.
    pub succeeded: u32,
    /// Ended otherwise.
    pub failed: u32,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptDetail {
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
    /// When its intent was recorded.
    pub started_at: Instant,
    /// When its outcome was recorded.
    pub ended_at: Option<Instant>,
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
    /// How far it said it was, while it runs.
    pub progress: Option<Progress>,
    /// What it waits for, or where it runs, while it is not over; in a cluster only.
    pub phase: Option<String>,
}

/// How far an attempt is, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: Option<u64>,
    /// In words.
    pub message: Option<String>,
}

/// Data of one server-sent event of `GET /v1/runs/{id}/watch`: an object whose one key names the kind (a tag beside the
/// fields could not be read back, for outputs are carried as they were written). First comes [`RunEvent::Snapshot`],
/// then what changes; [`RunEvent::Ended`] is the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunEvent {
    /// The run as it is now. Comes again, instead of what was missed, where the reader is too slow.
    Snapshot {
        /// As `GET /v1/runs/{id}` answers.
        detail: Box<RunDetail>,
    },
    /// A task came to another state, or its fan-out got on.
    Task {
        /// Its name.
        task: String,
        /// The new state.
        state: TaskState,
        /// Its fan-out.
        items: Option<ItemCounts>,
    },
    /// An attempt started or ended.
    Attempt {
        /// Name of the task.
        task: String,
        /// The attempt.
        detail: Box<AttemptDetail>,
    },
    /// An attempt said how far it is.
    Progress {
        /// Name of the task.
        task: String,
        /// Position in the fan-out.
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// How far.
        progress: Progress,
    },
    /// An attempt waits for something else, or runs; in a cluster only.
    Phase {
        /// Name of the task.
        task: String,
        /// Position in the fan-out.
        item: Option<u32>,
        /// From 1.
        attempt: u32,
        /// As in [`AttemptDetail::phase`]; empty: nothing to say.
        phase: String,
    },
    /// The run is final; nothing follows.
    Ended {
        /// How it ended.
        state: RunState,
    },
}

/// Query of `GET /v1/runs/{id}/artifacts/content`, which answers the bytes of an artifact of the run. Whoever asks checks
/// them against the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactQuery {
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
}

/// Answer of `GET /v1/runs/{id}/artifacts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactList {
    /// Whose run it is.
    pub tenant: String,
    /// Where the tenant's pods keep artifacts, as in [`RunDetail::store`].
    pub store: Option<String>,
    /// In the order in which their attempts ended.
    pub artifacts: Vec<ArtifactRow>,
}

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactRow {
    /// The task that wrote it.
    pub task: String,
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// The attempt that wrote it.
    pub attempt: u32,
    /// What it is.
    pub artifact: Artifact,
}

/// Query of `GET /v1/runs/{id}/logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogsQuery {
    /// Only of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Only of this item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Only of this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Server-sent events until the run is final, instead of what there is now as one JSON object a line.
    #[serde(default)]
    pub follow: bool,
}

/// One line of a log, and whose it is. Data of the server-sent event `log` where the log is followed; the event `end` says
/// that the run is final and nothing follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// Name of the task.
    pub task: String,
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
    /// When it was written.
    pub at: Instant,
    /// Severity.
    pub level: LogLevel,
    /// Who wrote it.
    pub source: LogSource,
    /// The line, without its end.
    pub message: String,
    /// Structured fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// `POST /v1/backfills`: run a flow for each partition of a range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBackfill {
    /// Named as in [`CreateRun::flow`].
    pub flow: String,
    /// Key of the first partition.
    pub from: String,
    /// Key of the last partition.
    pub to: String,
    /// True: also what has succeeded before.
    #[serde(default)]
    pub force: bool,
    /// Laid over the flow's defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// Answer of `GET /v1/backfills`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackfillList {
    /// Newest first.
    pub backfills: Vec<BackfillSummary>,
}

/// A backfill: answer of `POST /v1/backfills`, `GET /v1/backfills/{id}` and `POST /v1/backfills/{id}/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackfillSummary {
    /// Its number.
    pub backfill: BackfillId,
    /// `tenant/flow`.
    pub flow: String,
    /// Key of the first partition.
    pub from: String,
    /// Key of the last partition.
    pub to: String,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it became final.
    pub ended_at: Option<Instant>,
    /// Its runs.
    pub runs: RunCounts,
}

/// Runs of a backfill by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunCounts {
    /// Partitions that were left out because they had succeeded before.
    pub skipped: u64,
    /// Runs that there will be; none where that is not known (the flow's config is gone).
    pub total: Option<u64>,
    /// Not final.
    pub running: u64,
    /// Final.
    pub succeeded: u64,
    /// Final.
    pub failed: u64,
    /// Final.
    pub cancelled: u64,
}

/// Data of one server-sent event of `GET /v1/backfills/{id}/watch`: an object whose one key names the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BackfillEvent {
    /// The backfill as it is now: first, and whenever its counts have changed.
    Snapshot {
        /// As `GET /v1/backfills/{id}` answers.
        summary: Box<BackfillSummary>,
    },
    /// The backfill is over; nothing follows.
    Ended {
        /// How it ended.
        state: RunState,
    },
}

/// Answer of `GET /v1/flows`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowList {
    /// By name.
    pub flows: Vec<FlowSummary>,
}

/// A flow of the config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowSummary {
    /// `tenant/flow`.
    pub flow: String,
    /// Version.
    pub digest: String,
    /// Cron expression.
    pub schedule: Option<String>,
    /// Zone of the schedule and the partitions.
    pub time_zone: String,
    /// Whether its ticks are not run.
    pub suspend: bool,
    /// The next tick.
    pub next_tick: Option<Instant>,
    /// Names of its tasks, every need before the task that has it.
    pub tasks: Vec<String>,
    /// Whether its data is cut into partitions.
    pub partitioned: bool,
}

/// Query of `GET /v1/ticks`. Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TicksQuery {
    /// Only of this flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// At the most; 50 where it is not given, never more than 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer of `GET /v1/ticks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TickList {
    /// Newest first.
    pub ticks: Vec<TickSummary>,
}

/// A tick of a schedule, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TickSummary {
    /// `tenant/flow`.
    pub flow: String,
    /// The tick.
    pub scheduled_time: Instant,
    /// When it was decided.
    pub decided_at: Instant,
    /// How it ended.
    pub end: TickEndKind,
    /// The run that it became.
    pub run: Option<RunId>,
    /// Why it became none.
    pub reason: Option<TickSkip>,
}

/// How a tick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TickEndKind {
    /// A run, in time.
    Ran,
    /// A run, later than a minute after its time.
    Late,
    /// No run.
    Skipped,
}

/// Answer of `GET /v1/health/live`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// Version of wharf.
    pub version: String,
    /// Process of the coordinator.
    pub pid: u32,
}

/// Answer of `GET /v1/health/ready`, with status 200 or 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Whether new work is taken.
    pub ready: bool,
    /// True once it was asked to drain or to stop.
    pub draining: bool,
    /// Why the store takes nothing, where that is so.
    pub store_error: Option<String>,
    /// The faults of the newest config, where it was refused and the one before is still used.
    pub config_error: Option<String>,
    /// When the config in use was loaded.
    pub config_loaded_at: Instant,
    /// Flows in it.
    pub flows: usize,
}

/// Answer of `POST /v1/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReloadAnswer {
    /// Whether anything is different from before.
    pub changed: bool,
    /// Flows in the config.
    pub flows: usize,
}

/// Body of every answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorAnswer {
    /// What is wrong.
    pub error: ErrorBody,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what is wrong, where.
    pub message: String,
    /// For people: what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Kinds of errors. Closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request cannot be read, or a value in it cannot be used. Status 400.
    BadRequest,
    /// It is not known who asks: no token, or none that is taken. Status 401.
    Unauthorized,
    /// Whoever asks may not; the message names the right. Status 403.
    Forbidden,
    /// There is no such flow, run, backfill, task or route. Status 404.
    NotFound,
    /// What is asked does not go with where things stand, for example to cancel a final run. Status 409.
    Conflict,
    /// A backfill each of whose partitions has succeeded already. Status 409.
    NothingToDo,
    /// The body is over [`MAX_BODY`]. Status 413.
    TooLarge,
    /// The config has faults; the message shows them. Status 422.
    InvalidConfig,
    /// The store takes nothing, or the coordinator is about to stop. Status 503.
    Unavailable,
    /// wharf itself failed. Status 500.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that it comes with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            ErrorCode::BadRequest => 400,
            ErrorCode::Unauthorized => 401,
            ErrorCode::Forbidden => 403,
            ErrorCode::NotFound => 404,
            ErrorCode::Conflict | ErrorCode::NothingToDo => 409,
            ErrorCode::TooLarge => 413,
            ErrorCode::InvalidConfig => 422,
            ErrorCode::Unavailable => 503,
            ErrorCode::Internal => 500,
        }
    }
}
