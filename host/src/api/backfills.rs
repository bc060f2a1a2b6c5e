use super::auth::Scope;
use super::extract::{Body, Id};
use super::server::Shared;
use super::stream::{self, Gone, Sender};
use super::types::{BackfillEvent, BackfillList, BackfillSummary, CreateBackfill, ErrorBody};
use super::views;
use crate::coordinator::Request;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use std::time::Duration;
use wharf_core::event::BackfillId;
use wharf_core::scheduler::{BackfillRequest, Refusal};

/// Shortest time between two looks at a backfill.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn list(State(shared): State<Shared>, scope: Scope) -> Result<Json<BackfillList>, ErrorBody> {
    let tenants = scope.tenants(None).await?;
    shared.read(move |reads| views::backfills(reads, &tenants)).await.map(Json)
}

pub(super) async fn show(State(shared): State<Shared>, Id(id): Id) -> Result<Json<BackfillSummary>, ErrorBody> {
    look(&shared, BackfillId(id)).await.map(Json)
}

async fn look(shared: &Shared, id: BackfillId) -> Result<BackfillSummary, ErrorBody> {
    shared.read(move |reads| views::backfill(reads, id)).await
}

pub(super) async fn create(
    State(shared): State<Shared>,
    scope: Scope,
    Body(body): Body<CreateBackfill>,
) -> Result<Json<BackfillSummary>, ErrorBody> {
    let flow = shared.flow(&scope, &body.flow).await?.name.clone();
    let skip = if body.force {
        Vec::new()
    } else {
        let of = flow.clone();
        shared.read(move |reads| Ok(reads.succeeded_partitions(&of)?)).await?.into_iter().collect()
    };
    let request = BackfillRequest { flow, from: body.from, to: body.to, skip, params: body.params, max_active: None };
    let id = shared.ask(|answer| Request::CreateBackfill { request, answer }).await??;
    look(&shared, id).await.map(Json)
}

pub(super) async fn cancel(State(shared): State<Shared>, Id(id): Id) -> Result<Json<BackfillSummary>, ErrorBody> {
    let backfill = BackfillId(id);
    let now = look(&shared, backfill).await?;
    if now.state.is_final() {
        return Err(crate::coordinator::refused(&Refusal::NoSuchBackfill(backfill)));
    }
    shared.ask(|answer| Request::CancelBackfill { backfill, answer }).await??;
    look(&shared, backfill).await.map(Json)
}

pub(super) async fn watch(State(shared): State<Shared>, Id(id): Id) -> Result<impl IntoResponse, ErrorBody> {
    let id = BackfillId(id);
    let mut changes = shared.readers.listed();
    changes.mark_unchanged();
    let first = look(&shared, id).await?;
    let (sender, answer) = stream::open();
    tokio::spawn(async move {
        let stop = shared.stop.clone();
        tokio::select! {
            _ = tell(&shared, id, first, changes, &sender) => {}
            () = sender.closed() => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(answer)
}

async fn tell(
    shared: &Shared,
    id: BackfillId,
    mut last: BackfillSummary,
    mut changes: tokio::sync::watch::Receiver<u64>,
    to: &Sender,
) -> Result<(), Gone> {
    loop {
        to.send("snapshot", &BackfillEvent::Snapshot { summary: Box::new(last.clone()) }).await?;
        if last.state.is_final() {
            return to.send("ended", &BackfillEvent::Ended { state: last.state }).await;
        }
        let before = last.clone();
        while last == before {
            changes.changed().await.map_err(|_| Gone)?;
            last = look(shared, id).await.map_err(|_| Gone)?;
            tokio::time::sleep(PAUSE).await;
        }
    }
}
