use super::auth::Scope;
use super::extract::Ask;
use super::server::Shared;
use super::types::{ErrorBody, FlowList, Live, Ready, ReloadAnswer, TickList, TicksQuery};
use super::views;
use crate::clock;
use crate::coordinator::Request;
use crate::telemetry::Format;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;

pub(super) async fn live() -> Json<Live> {
    Json(Live { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() })
}

pub(super) async fn ready(State(shared): State<Shared>) -> impl IntoResponse {
    let status = shared.status.borrow().clone();
    let ready = status.is_ready();
    let answer = Ready {
        ready,
        draining: status.draining,
        store_error: status.store_error,
        config_error: status.config_error,
        config_loaded_at: status.config_loaded_at.to_string(),
        flows: shared.plan.borrow().flows.len(),
    };
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(answer))
}

pub(super) async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Result<impl IntoResponse, ErrorBody> {
    let format = Format::of(&headers);
    let text = shared.ask(|answer| Request::Metrics { format, answer }).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text))
}

pub(super) async fn flows(State(shared): State<Shared>, scope: Scope) -> Result<Json<FlowList>, ErrorBody> {
    let tenants = scope.tenants(None).await?;
    let plan = shared.plan.borrow().clone();
    Ok(Json(views::flows(&plan, clock::now(), &tenants)))
}

pub(super) async fn ticks(
    State(shared): State<Shared>,
    scope: Scope,
    Ask(query): Ask<TicksQuery>,
) -> Result<Json<TickList>, ErrorBody> {
    let tenants = scope.tenants(query.flow.as_deref()).await?;
    shared.read(move |reads| views::ticks(reads, &query, &tenants)).await.map(Json)
}

pub(super) async fn reload(State(shared): State<Shared>) -> Result<Json<ReloadAnswer>, ErrorBody> {
    shared.ask(|answer| Request::Reload { answer }).await?.map(Json)
}
