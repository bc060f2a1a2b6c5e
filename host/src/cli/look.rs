//! Reading what is recorded: through the coordinator that runs, else from the state folder itself.

use super::exit::{Exit, Failure};
use super::session::coordinator_of;
use super::{Context, commands};
use crate::api::types::{
    BackfillList, ErrorBody, FlowList, LogRecord, LogsQuery, RunDetail, RunList, RunQuery, RunsQuery, TickList,
    TicksQuery,
};
use crate::api::views;
use crate::client::{Client, ClientError, Query};
use crate::clock;
use crate::logs::{LogFilter, Tail};
use crate::store::{SqliteReads, StoreError, Tenants};
use std::path::{Path, PathBuf};
use wharf_core::event::RunId;

/// Lines of a log that are read at one time.
const LINES: usize = 1_000;

/// Whom to ask.
pub(super) enum Look {
    /// A coordinator that runs.
    Running(Client),
    /// The store: no coordinator runs.
    Store { state: PathBuf, reads: SqliteReads },
}

impl Look {
    pub(super) async fn open(context: &Context) -> Result<Look, Failure> {
        match coordinator_of(context).await? {
            Some(client) => Ok(Look::Running(client)),
            None => {
                let state = context.global.state_dir()?;
                Ok(Look::Store { reads: SqliteReads::open(&state)?, state })
            }
        }
    }

    /// The coordinator, where one runs.
    pub(super) fn client(&self) -> Option<&Client> {
        match self {
            Look::Running(client) => Some(client),
            Look::Store { .. } => None,
        }
    }

    pub(super) async fn runs(&self, q: &RunsQuery) -> Result<RunList, Failure> {
        match self {
            Look::Running(client) => {
                let query = Query::new("/v1/runs")
                    .maybe("flow", q.flow.as_ref())
                    .maybe("state", q.state.map(|s| s.as_str()))
                    .maybe("backfill", q.backfill)
                    .maybe("limit", q.limit)
                    .maybe("before", q.before);
                Ok(client.get(query.as_str()).await?)
            }
            Look::Store { reads, .. } => Ok(views::runs(reads, q, Tenants::All)?),
        }
    }

    pub(super) async fn run(&self, run: RunId, q: RunQuery) -> Result<RunDetail, Failure> {
        match self {
            Look::Running(client) => {
                let query = Query::new(format!("/v1/runs/{run}")).maybe("attempts", q.attempts);
                Ok(client.get(query.as_str()).await?)
            }
            Look::Store { reads, .. } => Ok(views::run(reads, run, q)?),
        }
    }

    /// Gives each line of a run's log that is there now.
    pub(super) async fn logs(
        &self,
        run: RunId,
        q: &LogsQuery,
        mut each: impl FnMut(&LogRecord) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Look::Running(client) => {
                let text = client.get_text(logs_query(run, q).as_str()).await?;
                for line in text.lines() {
                    let record = serde_json::from_str(line)
                        .map_err(|e| Failure::internal(format!("a line of the log cannot be read: {e}")))?;
                    each(&record)?;
                }
            }
            Look::Store { state, reads } => {
                let detail = views::run(reads, run, RunQuery { attempts: Some(0) })?;
                if let Some(task) = &q.task
                    && !detail.tasks.iter().any(|t| t.task == *task)
                {
                    let known: Vec<&str> = detail.tasks.iter().map(|t| t.task.as_str()).collect();
                    return Err(Failure::not_found(format!("run {run} has no task `{task}`"))
                        .hint(format!("it has {}", known.join(", "))));
                }
                read_logs(state, run, q, each)?;
            }
        }
        Ok(())
    }

    pub(super) async fn backfills(&self) -> Result<BackfillList, Failure> {
        match self {
            Look::Running(client) => Ok(client.get("/v1/backfills").await?),
            Look::Store { reads, .. } => Ok(views::backfills(reads, &Tenants::All)?),
        }
    }

    pub(super) async fn ticks(&self, q: &TicksQuery) -> Result<TickList, Failure> {
        match self {
            Look::Running(client) => {
                let query = Query::new("/v1/ticks").maybe("flow", q.flow.as_ref()).maybe("limit", q.limit);
                Ok(client.get(query.as_str()).await?)
            }
            Look::Store { reads, .. } => Ok(views::ticks(reads, q, &Tenants::All)?),
        }
    }
}

/// The flows: of the coordinator that runs, else of the configuration.
pub(super) async fn flows(context: &Context) -> Result<FlowList, Failure> {
    match coordinator_of(context).await? {
        Some(client) => Ok(client.get("/v1/flows").await?),
        None => Ok(views::flows(&*commands::plan(context)?, clock::now(), &Tenants::All)),
    }
}

/// Where a run's log is read or followed.
pub(super) fn logs_query(run: RunId, q: &LogsQuery) -> Query {
    Query::new(format!("/v1/runs/{run}/logs"))
        .maybe("task", q.task.as_ref())
        .maybe("item", q.item)
        .maybe("attempt", q.attempt)
        .maybe("follow", q.follow.then_some(true))
}

fn read_logs(
    state: &Path,
    run: RunId,
    q: &LogsQuery,
    mut each: impl FnMut(&LogRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let filter = LogFilter { task: q.task.clone(), item: q.item, attempt: q.attempt };
    let mut tail = Tail::new(state, run, filter);
    loop {
        let records = tail.read(LINES).map_err(|e| Failure::io("read the logs in", state, &e))?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            each(&record.into())?;
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let exit = match error {
            StoreError::Missing(_) | StoreError::UnknownRun(_) => Exit::NotFound,
            StoreError::Locked { .. } | StoreError::Newer { .. } => Exit::Refused,
            _ => Exit::Internal,
        };
        Failure::with_advice(exit, &error.to_string())
    }
}

impl From<ErrorBody> for Failure {
    fn from(error: ErrorBody) -> Failure {
        ClientError::Api(error).into()
    }
}
