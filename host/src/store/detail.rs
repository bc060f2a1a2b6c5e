//! One run in full, from its events.

use super::StoreError;
use super::reads::json;
use super::types::{ArtifactRow, AttemptFilter, RunRow};
use crate::artifacts::named;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use wharf_contract::{Cause, Outcome};
use wharf_core::event::{Event, RunId};
use wharf_core::plan::Flow;
use wharf_core::run::{Counts, Run, TaskState};
use wharf_core::scheduler::RecoveredRun;
use wharf_core::time::Timestamp;

/// A run with its tasks.
#[derive(Debug, Clone)]
pub struct RunDetail {
    /// As in a listing.
    pub row: RunRow,
    /// The version of the flow that it is pinned to.
    pub flow: Arc<Flow>,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// Those that are part of the run, in the flow's order.
    pub tasks: Vec<TaskDetail>,
}

/// A task of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// Position in the flow.
    pub task: u16,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: TaskState,
    /// The fan-out, once that is worked out.
    pub items: Option<FanOut>,
    /// Why it, or the last refused item of it, ended without an attempt.
    pub refused: Option<Outcome>,
    /// Its first start.
    pub started: Option<Timestamp>,
    /// When it became final.
    pub ended: Option<Timestamp>,
    /// In the order of their starts; only so many as were asked for.
    pub attempts: Vec<AttemptDetail>,
    /// Attempts in all.
    pub attempts_total: u64,
}

/// A fan-out by where its items stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanOut {
    /// All.
    pub total: u32,
    /// By state.
    pub counts: Counts,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptDetail {
    /// Position of the task in the flow.
    pub task: u16,
    /// Position in the fan-out.
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
    /// When its intent was recorded.
    pub started: Timestamp,
    /// When its outcome was recorded; none while it runs.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

impl AttemptDetail {
    fn succeeded(&self) -> bool {
        self.outcome.as_ref().is_some_and(|o| o.cause == Cause::Succeeded)
    }
}

/// Attempts from events, in the order of their starts.
#[derive(Debug, Default)]
struct Attempts {
    list: Vec<AttemptDetail>,
    open: HashMap<(u16, Option<u32>, u32), usize>,
}

impl Attempts {
    fn take(&mut self, at: Timestamp, event: Event) {
        match event {
            Event::Started { task, item, attempt } => {
                self.open.insert((task, item, attempt), self.list.len());
                self.list.push(AttemptDetail { task, item, attempt, started: at, ended: None, outcome: None });
            }
            Event::Finished { task, item, attempt, outcome } => {
                if let Some(started) = self.open.remove(&(task, item, attempt)) {
                    self.list[started].ended = Some(at);
                    self.list[started].outcome = Some(*outcome);
                }
            }
            _ => {}
        }
    }
}

/// A run's detail, with at the most `limit` attempts of each task: those that did not succeed, then the others.
pub(super) fn fold(row: RunRow, recorded: RecoveredRun, limit: u32) -> Result<RunDetail, StoreError> {
    let events = recorded.events.iter().map(|(at, event)| (*at, event));
    let run = Run::replay(recorded.id, recorded.flows, events).map_err(|e| StoreError::Damaged(e.to_string()))?;
    let mut refused: HashMap<u16, Outcome> = HashMap::new();
    let mut attempts = Attempts::default();
    for (at, event) in recorded.events {
        match event {
            Event::Refused { task, outcome, .. } => {
                refused.insert(task, *outcome);
            }
            Event::Retried { tasks, resumed, .. } => refused.retain(|t, _| !tasks.contains(t) && !resumed.contains(t)),
            other => attempts.take(at, other),
        }
    }
    let mut by_task: HashMap<u16, Vec<AttemptDetail>> = HashMap::new();
    for attempt in attempts.list {
        by_task.entry(attempt.task).or_default().push(attempt);
    }
    let tasks = run.tasks().map(|view| {
        let mut attempts = by_task.remove(&view.task).unwrap_or_default();
        let attempts_total = attempts.len() as u64;
        let started = attempts.first().map(|a| a.started);
        if attempts.len() > limit as usize {
            attempts.sort_by_key(AttemptDetail::succeeded);
            attempts.truncate(limit as usize);
            attempts.sort_by_key(|a| (a.started, a.item, a.attempt));
        }
        TaskDetail {
            task: view.task,
            name: run.flow().tasks[usize::from(view.task)].name.clone(),
            state: view.state,
            items: view.items.map(|total| FanOut { total, counts: view.counts }),
            refused: refused.remove(&view.task),
            started,
            ended: view.state.is_final().then_some(view.since),
            attempts,
            attempts_total,
        }
    });
    let tasks = tasks.collect();
    Ok(RunDetail { row, flow: run.flow().clone(), cancel_requested: run.is_cancelling(), tasks })
}

/// Attempts of a run that fit a filter.
pub(super) fn attempts(
    conn: &Connection,
    run: RunId,
    filter: &AttemptFilter,
) -> Result<Vec<AttemptDetail>, StoreError> {
    let fits = |task: u16, item: Option<u32>| {
        filter.task.is_none_or(|t| t == task) && filter.item.is_none_or(|i| item == Some(i))
    };
    let mut attempts = Attempts::default();
    each_event(conn, run, |at, event| {
        if let Event::Started { task, item, .. } | Event::Finished { task, item, .. } = &event
            && fits(*task, *item)
        {
            attempts.take(at, event);
        }
        Ok(())
    })?;
    Ok(attempts.list.into_iter().skip(filter.skip as usize).take(filter.limit as usize).collect())
}

/// What the attempts of a run wrote.
pub(super) fn artifacts(conn: &Connection, run: RunId) -> Result<Vec<ArtifactRow>, StoreError> {
    let names: Option<Flow> = {
        let mut query =
            conn.prepare_cached("SELECT v.body FROM run r JOIN flow_version v ON v.id = r.version WHERE r.id = ?1")?;
        let mut rows = query.query([run.0 as i64])?;
        rows.next()?.map(|row| json(row, 0)).transpose()?
    };
    let Some(flow) = names else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    each_event(conn, run, |_, event| {
        let Event::Finished { task, item, attempt, outcome } = event else { return Ok(()) };
        let name = flow.tasks.get(usize::from(task)).map(|t| t.name.clone()).unwrap_or_default();
        for artifact in named(&outcome) {
            found.push(ArtifactRow { task: name.clone(), item, attempt, artifact: artifact.clone() });
        }
        Ok(())
    })?;
    Ok(found)
}

fn each_event(
    conn: &Connection,
    run: RunId,
    mut take: impl FnMut(Timestamp, Event) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached("SELECT at, body FROM entry WHERE run = ?1 ORDER BY seq")?;
    let mut rows = query.query([run.0 as i64])?;
    while let Some(row) = rows.next()? {
        take(Timestamp::from_micros(row.get(0)?), json(row, 1)?)?;
    }
    Ok(())
}
