//! Probes and scrapes, without authentication and on a port of their own: from the start of the process to its end,
//! whether its coordinator leads or waits. Nothing else is answered there.

use super::tcp;
use crate::coordinator::{Phase, Vitals};
use crate::telemetry::Format;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::SocketAddr;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The probes while they are answered; dropping it ends that.
#[derive(Debug)]
pub struct Health {
    address: SocketAddr,
    _open: DropGuard,
}

impl Health {
    /// Answers for a coordinator at this address; port 0 is one that the system chooses.
    ///
    /// # Errors
    /// In words: the address is taken, or not this machine's.
    pub async fn open(address: SocketAddr, vitals: Vitals) -> Result<Health, String> {
        let (listener, address) = tcp::bind(address).await?;
        let router = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(vitals);
        let stop = CancellationToken::new();
        tokio::spawn(tcp::serve(listener, None, router, stop.clone()));
        Ok(Health { address, _open: stop.drop_guard() })
    }

    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// That it is answered at all is what is asked.
async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(vitals): State<Vitals>) -> (StatusCode, String) {
    match vitals.phase() {
        Phase::Leading => (StatusCode::OK, "ok\n".to_owned()),
        phase @ (Phase::Standby | Phase::Starting | Phase::Draining) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", phase.as_str()))
        }
    }
}

async fn metrics(State(vitals): State<Vitals>, headers: HeaderMap) -> Response {
    let format = Format::of(&headers);
    match vitals.metrics(format).await {
        Some(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the coordinator does not answer\n").into_response(),
    }
}
