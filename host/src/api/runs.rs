use super::auth::Scope;
use super::extract::{Ask, Body, Id};
use super::server::Shared;
use super::stream::{self, Gone, Sender};
use super::types::{
    CreateRun, ErrorBody, RetryRun, RunAnswer, RunDetail, RunEvent, RunList, RunQuery, RunsQuery, WaitQuery,
};
use super::views;
use crate::coordinator::{Change, Final, Request, Underway};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use tokio::sync::broadcast::error::RecvError;
use wharf_core::event::RunId;
use wharf_core::scheduler::{Refusal, RunRequest};

pub(super) async fn list(
    State(shared): State<Shared>,
    scope: Scope,
    Ask(query): Ask<RunsQuery>,
) -> Result<Json<RunList>, ErrorBody> {
    let tenants = scope.tenants(query.flow.as_deref()).await?;
    shared.read(move |reads| views::runs(reads, &query, tenants)).await.map(Json)
}

pub(super) async fn create(
    State(shared): State<Shared>,
    scope: Scope,
    Ask(WaitQuery { wait }): Ask<WaitQuery>,
    Body(body): Body<CreateRun>,
) -> Result<Json<RunAnswer>, ErrorBody> {
    let flow = shared.flow(&scope, &body.flow).await?;
    let request = RunRequest { flow: flow.name.clone(), params: body.params, partition: body.partition };
    shared.ask(|answer| Request::CreateRun { request, wait, answer }).await?.map(Json)
}

pub(super) async fn show(
    State(shared): State<Shared>,
    Id(run): Id,
    Ask(query): Ask<RunQuery>,
) -> Result<Json<RunDetail>, ErrorBody> {
    detail(&shared, RunId(run), query).await.map(Json)
}

/// A run from the store, with what only the loop knows: how far its attempts are.
async fn detail(shared: &Shared, run: RunId, query: RunQuery) -> Result<RunDetail, ErrorBody> {
    let mut detail = shared.read(move |reads| views::run(reads, run, query)).await?;
    detail.store = shared.store_of(&detail.summary.flow);
    if detail.summary.state.is_final() {
        return Ok(detail);
    }
    for Underway { task, attempt: key, progress, phase } in
        shared.ask(|answer| Request::Underway { run, answer }).await?
    {
        let task = detail.tasks.iter_mut().find(|t| t.task == task);
        let attempts = task.into_iter().flat_map(|t| &mut t.attempts);
        for attempt in attempts.filter(|a| a.outcome.is_none() && (a.item, a.attempt) == (key.item, key.attempt)) {
            attempt.progress.clone_from(&progress);
            attempt.phase.clone_from(&phase);
        }
    }
    Ok(detail)
}

pub(super) async fn cancel(State(shared): State<Shared>, Id(run): Id) -> Result<Json<RunAnswer>, ErrorBody> {
    let run = RunId(run);
    // A run that the scheduler does not have may be final; which of the two it is, only the store knows.
    if let Some(row) = shared.read(move |reads| Ok(reads.run(run)?)).await?
        && row.state.is_final()
    {
        return Err(crate::coordinator::refused(&Refusal::Final { run, state: row.state }));
    }
    shared.ask(|answer| Request::CancelRun { run, answer }).await?.map(Json)
}

pub(super) async fn retry(
    State(shared): State<Shared>,
    Id(run): Id,
    Body(how): Body<RetryRun>,
) -> Result<Json<RunAnswer>, ErrorBody> {
    let run = RunId(run);
    let keep = shared.upkeep.clone().lock_owned().await;
    let row = shared.read(move |reads| Ok(reads.run(run)?)).await?.ok_or_else(|| views::no_run(run))?;
    let loaded = match row.state.is_final() {
        true => shared.read(move |reads| Ok(reads.load(run)?)).await?.map(|run| Box::new(Final { run, keep })),
        false => None,
    };
    shared.ask(|answer| Request::RetryRun { run, how, loaded, answer }).await?.map(Json)
}

pub(super) async fn watch(State(shared): State<Shared>, Id(run): Id) -> Result<impl IntoResponse, ErrorBody> {
    let run = RunId(run);
    // The first look comes before the answer, so that a run that is not there is an error and no stream.
    let changes = shared.readers.runs();
    let first = detail(&shared, run, RunQuery::default()).await?;
    let (sender, answer) = stream::open();
    tokio::spawn(async move {
        let stop = shared.stop.clone();
        tokio::select! {
            _ = tell(&shared, run, first, changes, &sender) => {}
            () = sender.closed() => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(answer)
}

async fn tell(
    shared: &Shared,
    run: RunId,
    first: RunDetail,
    mut changes: tokio::sync::broadcast::Receiver<(RunId, Change)>,
    to: &Sender,
) -> Result<(), Gone> {
    let mut next = Some(first);
    loop {
        if let Some(detail) = next.take() {
            let state = detail.summary.state;
            send(to, &RunEvent::Snapshot { detail: Box::new(detail) }).await?;
            if state.is_final() {
                return send(to, &RunEvent::Ended { state }).await;
            }
        }
        match changes.recv().await {
            Ok((of, _)) if of != run => {}
            // The last look shows what no single change tells.
            Ok((_, Change::Event(RunEvent::Ended { .. }) | Change::Something)) | Err(RecvError::Lagged(_)) => {
                next = Some(detail(shared, run, RunQuery::default()).await.map_err(|_| Gone)?);
            }
            Ok((_, Change::Event(event))) => send(to, &event).await?,
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn send(to: &Sender, event: &RunEvent) -> Result<(), Gone> {
    let name = match event {
        RunEvent::Snapshot { .. } => "snapshot",
        RunEvent::Task { .. } => "task",
        RunEvent::Attempt { .. } => "attempt",
        RunEvent::Progress { .. } => "progress",
        RunEvent::Phase { .. } => "phase",
        RunEvent::Ended { .. } => "ended",
    };
    to.send(name, event).await
}
