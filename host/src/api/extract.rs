use super::types::{ErrorAnswer, ErrorBody, ErrorCode, MAX_BODY};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// A JSON body. An empty one stands for `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ErrorBody;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, ErrorBody> {
        let bytes = Bytes::from_request(request, state).await.map_err(|e: BytesRejection| {
            let too_large = e.status() == StatusCode::PAYLOAD_TOO_LARGE;
            match too_large {
                true => ErrorBody {
                    code: ErrorCode::TooLarge,
                    message: format!("the body is larger than {MAX_BODY} bytes"),
                    hint: None,
                },
                false => bad(format!("the body cannot be read: {e}")),
            }
        })?;
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json).map(Body).map_err(|e| bad(format!("the body is not what is expected: {e}")))
    }
}

/// The query of an address.
pub(super) struct Ask<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = ErrorBody;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Ask<T>, ErrorBody> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(q)| Ask(q)).map_err(|e: QueryRejection| bad(e.body_text()))
    }
}

/// The number in an address such as `/v1/runs/{id}`.
pub(super) struct Id(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ErrorBody;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, ErrorBody> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let text = path.map(|axum::extract::Path(text)| text).unwrap_or_default();
        text.parse().map(Id).map_err(|_| bad(format!("`{text}` is no number of a run or backfill")))
    }
}

pub(super) fn bad(message: impl Into<String>) -> ErrorBody {
    ErrorBody { code: ErrorCode::BadRequest, message: message.into(), hint: None }
}

impl IntoResponse for ErrorBody {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(ErrorAnswer { error: self })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"wharf\""));
        }
        response
    }
}
