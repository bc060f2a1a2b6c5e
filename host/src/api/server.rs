use super::types::{ErrorBody, ErrorCode, MAX_BODY};
use super::{artifacts, backfills, logs, runs, socket, system};
use crate::artifacts::Artifacts;
use crate::coordinator::{Input, Readers, Request, Status, unavailable};
use crate::depots::Depots;
use crate::logs::{Following, LogHints, Settling};
use crate::store::Reads;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request as HttpRequest};
use axum::routing::{get, post};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wharf_core::plan::{Executor, Flow, Plan};

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) reads: Arc<dyn Reads>,
    pub(crate) log_hints: LogHints,
    pub(crate) artifacts: Artifacts,
    pub(crate) depots: Depots,
    /// Attempts whose logs are on their way to where they are read.
    pub(crate) settling: Settling,
    /// Where attempts run in pods.
    pub(crate) following: Option<Following>,
    pub(crate) state_dir: PathBuf,
    pub(crate) readers: Readers,
    pub(crate) plan: watch::Receiver<Arc<Plan>>,
    pub(crate) status: watch::Receiver<Status>,
    /// Held by whoever reads a final run to bring it back, and by retention, which drops final runs.
    pub(crate) upkeep: Arc<tokio::sync::Mutex<()>>,
    /// The coordinator ends: streams end too.
    pub(crate) stop: CancellationToken,
}

/// The API while it is served.
pub(crate) struct Server {
    socket: PathBuf,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Opens the socket and answers what comes.
    ///
    /// # Errors
    /// The socket cannot be opened, in words.
    pub(crate) fn open(socket: &Path, shared: Shared) -> Result<Server, String> {
        let listener = socket::bind(socket)?;
        let stop = shared.stop.clone();
        let serve = axum::serve(listener, router(shared)).with_graceful_shutdown(stop.cancelled_owned());
        Ok(Server { socket: socket.to_owned(), serving: tokio::spawn(serve.into_future()) })
    }

    /// Waits until what was asked is answered, and removes the socket. [`Shared::stop`] must be cancelled before.
    pub(crate) async fn close(self, patience: Duration) {
        let _ = std::fs::remove_file(&self.socket);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(patience, self.serving).await.is_err() {
            abort.abort();
        }
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/health/live", get(system::live))
        .route("/v1/health/ready", get(system::ready))
        .route("/metrics", get(system::metrics))
        .route("/v1/flows", get(system::flows))
        .route("/v1/ticks", get(system::ticks))
        .route("/v1/reload", post(system::reload))
        .route("/v1/runs", get(runs::list).post(runs::create))
        .route("/v1/runs/{id}", get(runs::show))
        .route("/v1/runs/{id}/watch", get(runs::watch))
        .route("/v1/runs/{id}/logs", get(logs::logs))
        .route("/v1/runs/{id}/artifacts", get(artifacts::list))
        .route("/v1/runs/{id}/artifacts/content", get(artifacts::content))
        .route("/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/v1/runs/{id}/retry", post(runs::retry))
        .route("/v1/backfills", get(backfills::list).post(backfills::create))
        .route("/v1/backfills/{id}", get(backfills::show))
        .route("/v1/backfills/{id}/watch", get(backfills::watch))
        .route("/v1/backfills/{id}/cancel", post(backfills::cancel))
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn no_route(request: HttpRequest) -> ErrorBody {
    let message = format!("there is no route {} {}", request.method(), request.uri().path());
    ErrorBody { code: ErrorCode::NotFound, message, hint: None }
}

impl Shared {
    /// Asks the loop, and waits for its answer.
    pub(super) async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, ErrorBody> {
        let gone = || unavailable("the coordinator has stopped", "ask again when it is there again");
        let (answer, answered) = oneshot::channel();
        self.inputs.send(Input::Request(request(answer))).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// Reads from the store, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reads) -> Result<T, ErrorBody> + Send + 'static,
    ) -> Result<T, ErrorBody> {
        let reads = Arc::clone(&self.reads);
        let done = tokio::task::spawn_blocking(move || read(&*reads)).await;
        done.unwrap_or_else(|e| Err(ErrorBody::internal(e.to_string())))
    }

    /// Where the pods of a flow's tenant keep artifacts.
    pub(super) fn store_of(&self, flow: &str) -> Option<String> {
        let runs_in_pods = matches!(self.plan.borrow().coordinator.executor, Executor::Kubernetes(_));
        let tenant = flow.split('/').next().unwrap_or_default();
        runs_in_pods.then(|| self.depots.url(tenant)).flatten()
    }

    /// The flow that a user names.
    pub(super) fn flow(&self, name: &str) -> Result<Arc<Flow>, ErrorBody> {
        self.plan.borrow().find_flow(name).cloned().map_err(|fits| ErrorBody::no_flow(name, &fits))
    }
}
