use super::extract::{Ask, Id};
use super::server::Shared;
use super::types::{ArtifactList, ArtifactQuery, ErrorBody, ErrorCode};
use super::views;
use crate::artifacts::ContentError;
use crate::coordinator::unavailable;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt as _;
use wharf_core::event::RunId;

pub(super) async fn list(State(shared): State<Shared>, Id(run): Id) -> Result<Json<ArtifactList>, ErrorBody> {
    let mut list = shared.read(move |reads| views::artifacts(reads, RunId(run))).await?;
    list.store = shared.store_of(&list.tenant);
    Ok(Json(list))
}

/// The bytes of an artifact of a run. Whoever asked checks them.
pub(super) async fn content(
    State(shared): State<Shared>,
    Id(run): Id,
    Ask(ArtifactQuery { digest }): Ask<ArtifactQuery>,
) -> Result<Response, ErrorBody> {
    let list = shared.read(move |reads| views::artifacts(reads, RunId(run))).await?;
    if !list.artifacts.iter().any(|a| a.artifact.digest == digest) {
        return Err(not_found(format!("run {run} has no artifact {digest}")));
    }
    let (size, content) = shared.artifacts.open(&shared.depots, &list.tenant, &digest).await?;
    let length = [(header::CONTENT_LENGTH, size.to_string()), (header::CONTENT_TYPE, OCTETS.to_owned())];
    Ok((length, Body::from_stream(content.map_ok(Bytes::from))).into_response())
}

const OCTETS: &str = "application/octet-stream";

fn not_found(message: String) -> ErrorBody {
    ErrorBody { code: ErrorCode::NotFound, message, hint: None }
}

impl From<ContentError> for ErrorBody {
    fn from(error: ContentError) -> ErrorBody {
        match error {
            ContentError::Gone(_) => not_found(error.to_string()),
            ContentError::Depots(_) | ContentError::Store(_) => {
                unavailable(error.to_string(), "ask again when the store answers")
            }
            ContentError::File(_) => ErrorBody::internal(error.to_string()),
        }
    }
}
