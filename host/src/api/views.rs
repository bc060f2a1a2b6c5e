//! What is recorded, as the API tells it. The server answers with these; so does a command where no coordinator runs.

use super::types::{
    ArtifactList, ArtifactRow, AttemptDetail, BackfillList, BackfillSummary, ErrorBody, ErrorCode, FlowList,
    FlowSummary, ItemCounts, RunCounts, RunDetail, RunList, RunQuery, RunSummary, RunsQuery, TaskDetail, TaskState,
    TickEndKind, TickList, TickSummary, TicksQuery, TriggerKind,
};
use crate::store::{self, BackfillRow, Reads, RunFilter, RunRow, StoreError, Tenants};
use std::collections::{BTreeSet, HashSet};
use wharf_core::event::{BackfillId, RunId, Tick, TickEnd, Trigger};
use wharf_core::plan::{Flow, FlowName, Plan};
use wharf_core::run::{self, Counts};
use wharf_core::schedule::Schedule;
use wharf_core::time::Timestamp;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1000;
const DEFAULT_ATTEMPTS: u32 = 100;
const MAX_ATTEMPTS: u32 = 100_000;

/// `GET /v1/runs`, of these tenants.
///
/// # Errors
/// The flow's name cannot be used, or the store cannot be read.
pub fn runs(reads: &dyn Reads, query: &RunsQuery, tenants: Tenants) -> Result<RunList, ErrorBody> {
    let filter = RunFilter {
        flow: query.flow.as_deref().map(|name| recorded_flow(reads, name, &tenants)).transpose()?,
        tenants,
        state: query.state,
        backfill: query.backfill,
        before: query.before,
        limit: limit(query.limit),
    };
    Ok(RunList { runs: reads.runs(&filter)?.iter().map(summary).collect() })
}

/// `GET /v1/runs/{id}`.
///
/// # Errors
/// There is no such run, or the store cannot be read.
pub fn run(reads: &dyn Reads, id: RunId, query: RunQuery) -> Result<RunDetail, ErrorBody> {
    let attempts = query.attempts.unwrap_or(DEFAULT_ATTEMPTS).min(MAX_ATTEMPTS);
    let detail = reads.detail(id, attempts)?.ok_or_else(|| no_run(id))?;
    Ok(RunDetail {
        summary: summary(&detail.row),
        flow_digest: detail.row.flow_digest.clone(),
        params: detail.row.spec.params.clone(),
        cancel_requested: detail.cancel_requested,
        tasks: detail.tasks.into_iter().map(|t| task(&detail.flow, t)).collect(),
        store: None,
    })
}

/// `GET /v1/runs/{id}/artifacts`.
///
/// # Errors
/// There is no such run, or the store cannot be read.
pub fn artifacts(reads: &dyn Reads, id: RunId) -> Result<ArtifactList, ErrorBody> {
    let row = reads.run(id)?.ok_or_else(|| no_run(id))?;
    let artifacts = reads.artifacts(id)?.into_iter().map(|row| {
        let store::ArtifactRow { task, item, attempt, artifact } = row;
        ArtifactRow { task, item, attempt, artifact }
    });
    Ok(ArtifactList { tenant: row.spec.flow.tenant, store: None, artifacts: artifacts.collect() })
}

/// `GET /v1/backfills`, of these tenants.
///
/// # Errors
/// The store cannot be read.
pub fn backfills(reads: &dyn Reads, tenants: &Tenants) -> Result<BackfillList, ErrorBody> {
    let rows = reads.backfills(tenants, MAX_LIMIT)?;
    Ok(BackfillList { backfills: rows.iter().map(|row| backfill_summary(reads, row)).collect() })
}

/// `GET /v1/backfills/{id}`.
///
/// # Errors
/// There is no such backfill, or the store cannot be read.
pub fn backfill(reads: &dyn Reads, id: BackfillId) -> Result<BackfillSummary, ErrorBody> {
    let row = reads.backfill(id)?.ok_or_else(|| ErrorBody {
        code: ErrorCode::NotFound,
        message: format!("there is no backfill {id}"),
        hint: Some("`wharf backfill --list` names those that there are".to_owned()),
    })?;
    Ok(backfill_summary(reads, &row))
}

/// `GET /v1/ticks`, of these tenants.
///
/// # Errors
/// The flow's name cannot be used, or the store cannot be read.
pub fn ticks(reads: &dyn Reads, query: &TicksQuery, tenants: &Tenants) -> Result<TickList, ErrorBody> {
    let flow = query.flow.as_deref().map(|name| recorded_flow(reads, name, tenants)).transpose()?;
    let ticks = reads.ticks(flow.as_ref(), tenants, limit(query.limit))?;
    Ok(TickList { ticks: ticks.iter().map(tick).collect() })
}

/// `GET /v1/flows`, of these tenants.
#[must_use]
pub fn flows(plan: &Plan, now: Timestamp, tenants: &Tenants) -> FlowList {
    let shown = plan.flows.values().filter(|flow| tenants.has(&flow.name.tenant));
    let flows = shown.map(|flow| FlowSummary {
        flow: flow.name.to_string(),
        digest: flow.digest.clone(),
        schedule: flow.schedule.clone(),
        time_zone: flow.time_zone.to_string(),
        suspend: flow.suspend,
        next_tick: next_tick(flow, now).map(|t| t.to_string()),
        tasks: flow.tasks.iter().map(|t| t.name.clone()).collect(),
        partitioned: flow.partitions.is_some(),
    });
    FlowList { flows: flows.collect() }
}

/// The flow that a user names, out of those of these tenants that anything was recorded of.
fn recorded_flow(reads: &dyn Reads, name: &str, tenants: &Tenants) -> Result<FlowName, ErrorBody> {
    let named = |f: &FlowName| tenants.has(&f.tenant) && (f.flow == name || f.to_string() == name);
    let fits: Vec<_> = reads.flows()?.into_iter().filter(named).collect();
    match <[FlowName; 1]>::try_from(fits) {
        Ok([flow]) => Ok(flow),
        Err(fits) => Err(ErrorBody::no_flow(name, &fits.iter().map(FlowName::to_string).collect::<Vec<_>>())),
    }
}

fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// There is no such run.
#[must_use]
pub fn no_run(id: RunId) -> ErrorBody {
    ErrorBody {
        code: ErrorCode::NotFound,
        message: format!("there is no run {id}"),
        hint: Some("`wharf runs` names those that there are".to_owned()),
    }
}

fn summary(row: &RunRow) -> RunSummary {
    let (trigger, backfill) = match row.spec.trigger {
        Trigger::Manual => (TriggerKind::Manual, None),
        Trigger::Schedule => (TriggerKind::Schedule, None),
        Trigger::Backfill(id) => (TriggerKind::Backfill, Some(id)),
    };
    RunSummary {
        run: row.run,
        flow: row.spec.flow.to_string(),
        state: row.state,
        trigger,
        backfill,
        partition: row.spec.partition.as_ref().map(|p| p.key.clone()),
        scheduled_time: row.spec.scheduled_time.map(|t| t.to_string()),
        created_at: row.created.to_string(),
        ended_at: row.ended.map(|t| t.to_string()),
    }
}

fn task(flow: &Flow, task: store::TaskDetail) -> TaskDetail {
    let needs = flow.tasks.get(usize::from(task.task)).map(|t| t.needs.as_slice()).unwrap_or_default();
    TaskDetail {
        needs: needs.iter().filter_map(|n| flow.tasks.get(*n)).map(|t| t.name.clone()).collect(),
        task: task.name,
        state: task.state.into(),
        skip_reason: match task.state {
            run::TaskState::Skipped(reason) => Some(reason),
            _ => None,
        },
        refused: task.refused,
        items: task.items.map(|i| ItemCounts::new(i.total, &i.counts)),
        started_at: task.started.map(|t| t.to_string()),
        ended_at: task.ended.map(|t| t.to_string()),
        attempts: task.attempts.into_iter().map(attempt).collect(),
        attempts_total: task.attempts_total,
    }
}

fn attempt(attempt: store::AttemptDetail) -> AttemptDetail {
    AttemptDetail {
        item: attempt.item,
        attempt: attempt.attempt,
        started_at: attempt.started.to_string(),
        ended_at: attempt.ended.map(|t| t.to_string()),
        outcome: attempt.outcome,
        progress: None,
        phase: None,
    }
}

fn backfill_summary(reads: &dyn Reads, row: &BackfillRow) -> BackfillSummary {
    BackfillSummary {
        backfill: row.backfill,
        flow: row.spec.flow.to_string(),
        from: row.spec.from.clone(),
        to: row.spec.to.clone(),
        state: row.state,
        created_at: row.created.to_string(),
        ended_at: row.ended.map(|t| t.to_string()),
        runs: RunCounts {
            skipped: row.spec.skip.len() as u64,
            total: reads.flow_version(&row.spec.flow_digest).ok().flatten().and_then(|flow| total(&flow, row)),
            running: row.runs.running,
            succeeded: row.runs.succeeded,
            failed: row.runs.failed,
            cancelled: row.runs.cancelled,
        },
    }
}

/// Runs that a backfill makes: for each granularity of its tasks, the partitions that were not left out.
fn total(flow: &Flow, row: &BackfillRow) -> Option<u64> {
    let partitions = flow.partitions.as_ref()?;
    let own = run::own_grain(flow);
    let grains: BTreeSet<_> = flow.tasks.iter().map(|t| run::grain(flow, t)).collect();
    let skip: HashSet<_> = row.spec.skip.iter().map(String::as_str).collect();
    let fine: Vec<_> = partitions.range(&row.spec.from, &row.spec.to).ok()?.collect();
    let mut total = 0;
    for grain in grains {
        let mut keys = HashSet::new();
        if grain == own {
            keys.extend(fine.iter().map(|p| p.key.clone()));
        } else {
            keys.extend(fine.iter().filter_map(|p| partitions.coarser(p, grain)).map(|p| p.key));
        }
        total += keys.iter().filter(|k| !skip.contains(k.as_str())).count() as u64;
    }
    Some(total)
}

fn next_tick(flow: &Flow, now: Timestamp) -> Option<Timestamp> {
    let schedule = Schedule::parse(flow.schedule.as_ref()?, flow.time_zone).ok()?;
    (!flow.suspend).then(|| schedule.next_after(now)).flatten()
}

fn tick(tick: &Tick) -> TickSummary {
    let (end, run, reason) = match tick.end {
        TickEnd::Ran(run) => (TickEndKind::Ran, Some(run), None),
        TickEnd::Late(run) => (TickEndKind::Late, Some(run), None),
        TickEnd::Skipped(reason) => (TickEndKind::Skipped, None, Some(reason)),
    };
    TickSummary {
        flow: tick.flow.to_string(),
        scheduled_time: tick.scheduled_time.to_string(),
        decided_at: tick.at.to_string(),
        end,
        run,
        reason,
    }
}

impl ItemCounts {
    /// Items of a fan-out of this length.
    #[must_use]
    pub fn new(total: u32, counts: &Counts) -> ItemCounts {
        let failed = counts.failed + counts.cancelled;
        ItemCounts { total, running: counts.open, succeeded: counts.succeeded, failed }
    }
}

impl From<run::TaskState> for TaskState {
    fn from(state: run::TaskState) -> TaskState {
        match state {
            run::TaskState::Waiting => TaskState::Pending,
            run::TaskState::Ready => TaskState::Ready,
            run::TaskState::Active => TaskState::Running,
            run::TaskState::Succeeded => TaskState::Succeeded,
            run::TaskState::Failed => TaskState::Failed,
            run::TaskState::Skipped(_) => TaskState::Skipped,
            run::TaskState::UpstreamFailed => TaskState::UpstreamFailed,
            run::TaskState::Cancelled => TaskState::Cancelled,
        }
    }
}

impl From<StoreError> for ErrorBody {
    fn from(error: StoreError) -> ErrorBody {
        ErrorBody::internal(error.to_string())
    }
}

impl ErrorBody {
    /// wharf itself failed.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> ErrorBody {
        ErrorBody { code: ErrorCode::Internal, message: message.into(), hint: None }
    }

    /// No flow of that name, or several.
    #[must_use]
    pub fn no_flow(name: &str, fits: &[String]) -> ErrorBody {
        let (code, message, hint) = if fits.is_empty() {
            (
                ErrorCode::NotFound,
                format!("there is no flow `{name}`"),
                "`wharf flows` names those that there are".into(),
            )
        } else {
            let hint = format!("name one of {}", fits.join(", "));
            (ErrorCode::BadRequest, format!("several flows are called `{name}`"), hint)
        };
        ErrorBody { code, message, hint: Some(hint) }
    }
}
