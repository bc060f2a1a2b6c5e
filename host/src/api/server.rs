use super::auth::{Gate, Guard, Reviewer, Route, Scope, guard};
use super::tls::Tls;
use super::types::{ErrorBody, ErrorCode, MAX_BODY};
use super::{Authentication, Listen, artifacts, backfills, logs, runs, socket, system, tcp};
use crate::artifacts::Artifacts;
use crate::clock;
use crate::coordinator::{Input, Readers, Request, Status, unavailable};
use crate::depots::Depots;
use crate::logs::{Following, LogHints, Settling};
use crate::store::Reads;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request as HttpRequest};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use std::net::SocketAddr;
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
    address: Option<SocketAddr>,
    serving: Vec<JoinHandle<()>>,
}

/// Where the API is to be served over TCP.
pub(crate) struct Door {
    pub(crate) listen: Listen,
    /// Asks the cluster who is there, where [`Listen`] says so.
    pub(crate) reviewer: Option<Reviewer>,
}

impl Server {
    /// Opens the socket, and the port if there is to be one, and answers what comes.
    ///
    /// # Errors
    /// The socket or the port cannot be opened, or the certificate cannot be used, in words.
    pub(crate) async fn open(socket: &Path, door: Option<Door>, shared: Shared) -> Result<Server, String> {
        // The port first: it can fail, and leaves nothing behind.
        let (mut serving, mut address) = (Vec::new(), None);
        if let Some(Door { listen, reviewer }) = door {
            let gate = match (listen.authentication(), reviewer) {
                (Authentication::None, _) => Gate::Machine,
                (Authentication::Kubernetes, Some(reviewer)) => Gate::Cluster(Arc::new(reviewer)),
                (Authentication::Kubernetes, None) => return Err("there is no cluster to ask who is there".to_owned()),
            };
            let tls = listen.tls().cloned().map(Tls::open).transpose()?;
            let (listener, bound) = tcp::bind(listen.address()).await?;
            let stop = shared.stop.clone();
            serving.push(tokio::spawn(tcp::serve(listener, tls, router(&shared, &gate), stop)));
            address = Some(bound);
        }
        let listener = socket::bind(socket)?;
        let router = router(&shared, &Gate::Owner);
        let serve = axum::serve(listener, router).with_graceful_shutdown(shared.stop.cancelled_owned());
        serving.push(tokio::spawn(async move {
            if let Err(e) = serve.await {
                tracing::error!("the socket is not served any more: {e}");
            }
        }));
        Ok(Server { socket: socket.to_owned(), address, serving })
    }

    /// The port, where there is one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Waits until what was asked is answered, and removes the socket. [`Shared::stop`] must be cancelled before.
    pub(crate) async fn close(self, patience: Duration) {
        let _ = std::fs::remove_file(&self.socket);
        let until = clock::monotonic() + patience;
        for serving in self.serving {
            let abort = serving.abort_handle();
            if tokio::time::timeout_at(until, serving).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// All that is answered, each behind a guard of its own.
fn router(shared: &Shared, gate: &Gate) -> Router {
    let mut router = Router::new();
    for route in Route::ALL {
        let (_, path, _) = route.entry();
        let before = Guard { gate: gate.clone(), route, shared: shared.clone() };
        router = router.route(path, handler(route).route_layer(from_fn_with_state(before, guard)));
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared.clone())
}

fn handler(route: Route) -> MethodRouter<Shared> {
    match route {
        Route::Live => get(system::live),
        Route::Ready => get(system::ready),
        Route::Metrics => get(system::metrics),
        Route::Flows => get(system::flows),
        Route::Ticks => get(system::ticks),
        Route::Reload => post(system::reload),
        Route::Runs => get(runs::list),
        Route::CreateRun => post(runs::create),
        Route::Run => get(runs::show),
        Route::WatchRun => get(runs::watch),
        Route::Logs => get(logs::logs),
        Route::Artifacts => get(artifacts::list),
        Route::Artifact => get(artifacts::content),
        Route::CancelRun => post(runs::cancel),
        Route::RetryRun => post(runs::retry),
        Route::Backfills => get(backfills::list),
        Route::CreateBackfill => post(backfills::create),
        Route::Backfill => get(backfills::show),
        Route::WatchBackfill => get(backfills::watch),
        Route::CancelBackfill => post(backfills::cancel),
    }
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

    /// The flow that a user names, out of those that the request may be about.
    pub(super) async fn flow(&self, scope: &Scope, name: &str) -> Result<Arc<Flow>, ErrorBody> {
        let plan = Arc::clone(&self.plan.borrow());
        scope.flow(&plan, name).await
    }
}
