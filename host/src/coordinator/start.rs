use super::core_loop::{Loop, Open, State};
use super::feed::Feed;
use super::handle::{Handle, StartError};
use super::options::Options;
use super::reload::Reload;
use super::request::Input;
use super::status::Status;
use super::upkeep::Keeper;
use super::work::{Turns, Work};
use super::{signals, watch as watcher};
use crate::api::{Authentication, Door, Listen, Reviewer, Server, Shared};
use crate::artifacts::Artifacts;
use crate::clock;
use crate::depots::Depots;
use crate::executor::kubernetes::{self, Access, Readers, Surroundings};
use crate::executor::{Executor, Local, Settings};
use crate::load::{Loader, Sources, find_runtime};
use crate::logs::{Followed, Logs, Settling};
use crate::store::{SqliteStore, Store, StoreError};
use crate::telemetry::{ClusterMetrics, Metrics};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wharf_contract::{Cause, Outcome};
use wharf_core::plan::{self, Plan};
use wharf_core::run::AttemptView;
use wharf_core::scheduler::{Recovered, Scheduler};

/// Inputs that wait for the loop; whoever has more waits.
const INPUTS: usize = 4096;
/// Batches of frames that wait for the loop; a worker with more is not read from meanwhile.
const FRAMES: usize = 256;
/// A store in a folder is taken over by nobody.
const EPOCH: u64 = 1;
/// How long answers may take to reach those who asked, once the loop has ended.
const GOODBYE: Duration = Duration::from_millis(500);

/// Starts a coordinator: takes the lock, reads the config, brings back what the store holds, and opens the socket. When
/// this returns, requests are answered. To be called within a Tokio runtime made by [`super::build_runtime`].
///
/// # Errors
/// [`StartError`] says what is in the way; nothing is left running.
pub async fn start(options: Options) -> Result<Handle, StartError> {
    let runtime = find_runtime(options.runtime.as_deref()).map_err(StartError::Io)?;
    let state_dir = std::path::absolute(&options.state_dir)
        .map_err(|e| StartError::Io(format!("cannot use the state folder {}: {e}", options.state_dir.display())))?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&state_dir)?);
    let config = Arc::new(options.config);
    let loader = Arc::new(Mutex::new(Loader::new(runtime.clone())));
    let (plan, sources) = read_config(&config, &loader).await?;
    let now = clock::now();

    let artifacts = Artifacts::new(&state_dir);
    artifacts.clear_staging().map_err(|e| unusable("the staging folder", &state_dir, &e))?;
    let mut scheduler = Scheduler::new(Arc::clone(&plan));
    scheduler.run_schedules(options.schedules);
    let mut state = State::default();
    let recovered = store.recover()?;
    let mut flows: HashMap<_, _> = recovered_flows(&recovered).into_iter().collect();
    flows.extend(plan.flows.values().map(|f| (f.digest.clone(), Arc::clone(f))));
    let open = restore(&mut scheduler, recovered, &mut state)?;

    let (inputs, receiver) = mpsc::channel(INPUTS);
    let (to_loop, told) = mpsc::channel(FRAMES);
    let status =
        watch::Sender::new(Status { draining: false, store_error: None, config_error: None, config_loaded_at: now });
    let sources = watch::Sender::new(sources);
    let plans = watch::Sender::new(Arc::clone(&plan));
    let (logs, feed, mut metrics) = (Logs::new(&state_dir), Feed::new(), Metrics::default());
    metrics.set_plan(&plan);
    let stop = CancellationToken::new();
    let alone = Arc::default();
    let instance = store.reads().instance()?;
    let depots = Depots::new(plans.subscribe(), &instance);
    let readers = matches!(plan.coordinator.executor, plan::Executor::Kubernetes(_))
        .then(|| Readers::new(options.access.clone(), plans.subscribe(), (&instance, EPOCH), metrics.cluster.clone()));
    let depots = match &readers {
        Some(readers) => depots.with_claims(readers.clone()),
        None => depots,
    };
    let mut executor = match &plan.coordinator.executor {
        plan::Executor::Local => {
            let (idle, max_workers) = (options.worker_idle, options.max_workers);
            let settings = Settings { runtime, state_dir: state_dir.clone(), idle, max_workers };
            let phases = metrics.phases.clone();
            Executor::Local(Box::new(Local::new(settings, artifacts.clone(), to_loop, phases).map_err(StartError::Io)?))
        }
        plan::Executor::Kubernetes(settings) => {
            let surroundings = Surroundings {
                depots: depots.clone(),
                instance,
                epoch: EPOCH,
                metrics: metrics.cluster.clone(),
                phases: metrics.phases.clone(),
                followed: followed(inputs.clone()),
                to_loop,
            };
            let opened = kubernetes::open(&options.access, settings, &plan, surroundings).await?;
            Executor::Kubernetes(Box::new(opened))
        }
    };
    take_up(&mut scheduler, &mut executor, &mut state, open)?;
    let (settling, following) = (Settling::default(), executor.following().cloned());
    let shared = Shared {
        inputs: inputs.clone(),
        reads: store.reads(),
        log_hints: logs.hints(),
        artifacts: artifacts.clone(),
        depots: depots.clone(),
        settling: settling.clone(),
        following: following.clone(),
        state_dir: state_dir.clone(),
        readers: feed.readers(),
        plan: plans.subscribe(),
        status: status.subscribe(),
        upkeep: Arc::clone(&alone),
        stop: stop.clone(),
    };
    if options.watch {
        watcher::start(inputs.clone(), sources.subscribe())
            .map_err(|e| StartError::Io(format!("cannot watch the config for changes: {e}")))?;
    }
    if options.signals {
        signals::listen(inputs.clone()).map_err(|e| StartError::Io(format!("cannot listen for signals: {e}")))?;
    }
    let socket = options.socket.unwrap_or_else(|| state_dir.join("wharf.sock"));
    let door = match options.listen {
        Some(listen) => Some(door(listen, &options.access, &metrics.cluster).await?),
        None => None,
    };
    let server = Server::open(&socket, door, shared).await.map_err(StartError::Io)?;
    let address = server.address();
    let keeper = Keeper { store: Arc::clone(&store), plan: plans.subscribe(), alone, stop: stop.clone() };
    let keeping = keeper.start(&state_dir, artifacts.clone(), depots.clone());
    let work = Work {
        inputs: inputs.clone(),
        reads: store.reads(),
        artifacts,
        state_dir,
        depots,
        settling,
        following,
        hints: logs.hints(),
        turns: Turns::default(),
    };
    let reload = Reload { config, loader, inputs: inputs.clone(), sources };
    let the_loop = Loop {
        scheduler,
        plan,
        plans,
        flows,
        durable: store.durable(),
        store_state: store.state(),
        store,
        executor,
        logs,
        work,
        reload,
        inputs: receiver,
        told,
        feed,
        metrics,
        status,
        vitals: options.vitals.clone(),
        began: clock::monotonic(),
        state,
    };
    options.vitals.begin(inputs.clone());
    let (ended, seen) = watch::channel(None);
    tokio::spawn(async move {
        let result = the_loop.run().await;
        stop.cancel();
        let _ = keeping.await;
        if let Some(readers) = readers {
            readers.close().await;
        }
        server.close(GOODBYE).await;
        let _ = ended.send(Some(result));
    });
    Ok(Handle { socket, address, inputs, ended: seen })
}

/// What the API over TCP needs: the cluster, where that says who asks.
async fn door(listen: Listen, access: &Access, metrics: &ClusterMetrics) -> Result<Door, StartError> {
    let reviewer = match listen.authentication() {
        Authentication::None => None,
        Authentication::Kubernetes => {
            let (client, _) = access.client(metrics).await?;
            Some(Reviewer::new(client))
        }
    };
    Ok(Door { listen, reviewer })
}

async fn read_config(
    config: &Arc<super::Config>,
    loader: &Arc<Mutex<Loader>>,
) -> Result<(Arc<Plan>, Sources), StartError> {
    let (config, loader) = (Arc::clone(config), Arc::clone(loader));
    let read = tokio::task::spawn_blocking(move || {
        let mut loader = loader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loader.load(&config, false)
    });
    let loaded = read.await.map_err(|e| StartError::Internal(e.to_string()))?.map_err(StartError::Io)?;
    match loaded.plan {
        None => Err(StartError::Config(loaded.rendered)),
        Some(plan) => {
            if !loaded.faults.is_empty() {
                tracing::warn!("the config has warnings:\n{}", loaded.rendered);
            }
            Ok((plan, loaded.sources))
        }
    }
}

fn recovered_flows(recovered: &Recovered) -> Vec<(String, Arc<wharf_core::plan::Flow>)> {
    let runs = recovered.runs.iter().flat_map(|r| &r.flows);
    let backfills = recovered.backfills.iter().map(|b| &b.flow);
    runs.chain(backfills).map(|f| (f.digest.clone(), Arc::clone(f))).collect()
}

/// Hands what pods say to the loop, while somebody follows.
fn followed(inputs: mpsc::Sender<Input>) -> mpsc::Sender<Followed> {
    let (sender, mut followed) = mpsc::channel(FRAMES);
    tokio::spawn(async move {
        while let Some(lines) = followed.recv().await {
            if inputs.send(Input::Followed(lines)).await.is_err() {
                return;
            }
        }
    });
    sender
}

/// Brings back what is not over, and gives the attempts that were not over either.
fn restore(scheduler: &mut Scheduler, recovered: Recovered, state: &mut State) -> Result<Vec<AttemptView>, StartError> {
    scheduler.restore(recovered).map_err(|e| {
        StartError::Internal(format!(
            "what the store holds does not fit together: {e}; keep the state folder and report it"
        ))
    })?;
    state.live.extend(scheduler.runs().map(|r| (r.id(), Arc::clone(r.flow()))));
    Ok(scheduler.open_attempts().collect())
}

/// Sees to the attempts that were open when the last coordinator ended. Those that outlive a coordinator are taken over;
/// others are gone with its workers, and their ends are recorded with the first turn.
fn take_up(
    scheduler: &mut Scheduler,
    executor: &mut Executor,
    state: &mut State,
    open: Vec<AttemptView>,
) -> Result<(), StartError> {
    if !state.live.is_empty() {
        tracing::info!(runs = state.live.len(), attempts = open.len(), "going on with what was not over");
    }
    let flow = |view: &AttemptView| Some((view.attempt, Arc::clone(state.live.get(&view.attempt.run)?)));
    let known: Vec<_> = open.iter().filter_map(flow).collect();
    if executor.adopt(&known) {
        state.open.extend(open.iter().map(|v| (v.attempt, Open { started: v.started, ..Open::default() })));
        return Ok(());
    }
    let now = clock::now();
    for view in open {
        let outcome = Outcome::failed(Cause::WorkerLost, "the coordinator ended while this attempt ran");
        let done = scheduler.attempt_finished(view.attempt, outcome, now);
        done.map_err(|e| StartError::Internal(e.to_string()))?;
    }
    Ok(())
}

fn unusable(what: &str, dir: &Path, e: &std::io::Error) -> StartError {
    StartError::Io(format!("cannot use {what} in {}: {e}", dir.display()))
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> StartError {
        match error {
            StoreError::Locked { .. } => StartError::Locked(error.to_string()),
            other => StartError::Io(other.to_string()),
        }
    }
}
