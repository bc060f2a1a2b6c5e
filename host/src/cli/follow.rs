//! Waits for what was asked for, and tells of it meanwhile.

use super::exit::{Exit, Failure};
use super::out::Paint;
use super::screen::Screen;
use super::session::{Interrupts, Session};
use super::view::{Line, View};
use super::{Context, human};
use crate::api::types::{BackfillEvent, BackfillSummary, LogRecord, RunAnswer, RunDetail, RunEvent};
use crate::client::{Events, ServerEvent};
use serde::de::DeserializeOwned;
use std::time::Duration;
use wharf_core::event::{BackfillId, RunId, RunState};

/// How long lines of the log may take to arrive once the run is final.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What Ctrl-C means for what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnInterrupt {
    /// The first one cancels it, the second stops at once.
    Cancel,
    /// It goes on with the coordinator; only the waiting ends.
    Leave,
}

/// Waits until a run is final.
pub(super) async fn run(
    context: &Context,
    session: &mut Session,
    interrupts: &mut Interrupts,
    run: RunId,
    on: OnInterrupt,
    logs: bool,
) -> Result<RunDetail, Failure> {
    let mut screen = Screen::new(&context.out);
    let mut view = View::default();
    let mut events = session.client.events(&format!("/v1/runs/{run}/watch")).await?;
    let mut log = match logs && !context.out.json() {
        true => Some(session.client.events(&format!("/v1/runs/{run}/logs?follow=true")).await?),
        false => None,
    };
    let mut interrupted = false;
    while view.ended.is_none() {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event? else {
                    return Err(Failure::internal(format!("the coordinator stopped telling of run {run}"))
                        .hint(format!("`wharf show {run}` says where it stands")));
                };
                for line in view.apply(&read::<RunEvent>(&event)?) {
                    screen.say(&line);
                }
                screen.tasks(&view);
            }
            more = next_line(&mut log) => {
                if !more_log(&screen, &more?) {
                    log = None;
                }
            }
            () = interrupts.next() => {
                if interrupted || on == OnInterrupt::Leave {
                    if on == OnInterrupt::Cancel {
                        session.hurry();
                    }
                    let hint = match (on, session.is_here()) {
                        (OnInterrupt::Leave, false) => format!("it goes on; `wharf show {run}` says where it stands"),
                        _ => format!("it goes on with the next coordinator; `wharf cancel {run}` ends it"),
                    };
                    let failure = Failure::new(Exit::Interrupted, format!("stopped waiting for run {run}"));
                    return Err(failure.hint(hint));
                }
                interrupted = true;
                screen.say(&Line { paint: Paint::Busy, text: format!("cancelling run {run}; Ctrl-C again to stop at once") });
                // A run that has just ended cannot be cancelled, and need not be.
                let _: Result<RunAnswer, _> = session.client.post(&format!("/v1/runs/{run}/cancel"), &serde_json::json!({})).await;
            }
            failure = session.ended() => return Err(failure),
        }
    }
    let deadline = crate::clock::monotonic() + LAST_LINES;
    while log.is_some() {
        match tokio::time::timeout_at(deadline, next_line(&mut log)).await {
            Ok(Ok(more)) if more_log(&screen, &more) => {}
            _ => break,
        }
    }
    drop(screen);
    Ok(session.client.get(&format!("/v1/runs/{run}")).await?)
}

/// The next event of the log; waits for ever where none is followed.
async fn next_line(log: &mut Option<Events>) -> Result<Option<ServerEvent>, Failure> {
    match log {
        Some(log) => Ok(log.next().await?),
        None => std::future::pending().await,
    }
}

/// Shows what came; false where nothing more will.
fn more_log(screen: &Screen<'_>, event: &Option<ServerEvent>) -> bool {
    match event {
        Some(event) if event.event == "log" => {
            if let Ok(record) = read::<LogRecord>(event) {
                screen.log(&record);
            }
            true
        }
        Some(event) => event.event != "end",
        None => false,
    }
}

/// Waits until a backfill is over.
pub(super) async fn backfill(
    context: &Context,
    session: &mut Session,
    interrupts: &mut Interrupts,
    id: BackfillId,
) -> Result<BackfillSummary, Failure> {
    let mut screen = Screen::new(&context.out);
    let mut events = session.client.events(&format!("/v1/backfills/{id}/watch")).await?;
    let begun = crate::clock::monotonic();
    let mut before = None;
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event? else {
                    return Err(Failure::internal(format!("the coordinator stopped telling of backfill {id}"))
                        .hint("`wharf backfills` says where it stands"));
                };
                match read::<BackfillEvent>(&event)? {
                    BackfillEvent::Snapshot { summary } => {
                        before.get_or_insert(done(&summary));
                        screen.backfill(&summary);
                    }
                    BackfillEvent::Ended { .. } => break,
                }
            }
            () = interrupts.next() => {
                return Err(Failure::new(Exit::Interrupted, format!("stopped waiting for backfill {id}")).hint(match session.is_here() {
                    true => "the same command goes on with it, and so does `wharf serve`".to_owned(),
                    false => format!("it goes on; `wharf cancel --backfill {id}` ends it"),
                }));
            }
            failure = session.ended() => return Err(failure),
        }
    }
    drop(screen);
    let summary: BackfillSummary = session.client.get(&format!("/v1/backfills/{id}")).await?;
    let took = begun.elapsed();
    let ran = done(&summary).saturating_sub(before.unwrap_or(0));
    if !context.out.json() {
        let rate = ran as f64 / took.as_secs_f64().max(0.001);
        context.out.note(format!(
            "{} in {} ({rate:.1}/s)",
            human::count(usize::try_from(ran).unwrap_or(usize::MAX), "run"),
            human::duration(took)
        ));
    }
    Ok(summary)
}

fn done(summary: &BackfillSummary) -> u64 {
    summary.runs.succeeded + summary.runs.failed + summary.runs.cancelled
}

/// Reads an event's data.
pub(super) fn read<T: DeserializeOwned>(event: &ServerEvent) -> Result<T, Failure> {
    serde_json::from_str(&event.data)
        .map_err(|e| Failure::internal(format!("the coordinator's event `{}` cannot be read: {e}", event.event)))
}

/// The exit code of a run or a backfill that ended so.
pub(super) fn exit_of(state: RunState) -> Exit {
    match state {
        RunState::Succeeded | RunState::Running => Exit::Ok,
        RunState::Failed => Exit::RunFailed,
        RunState::Cancelled => Exit::RunCancelled,
    }
}
