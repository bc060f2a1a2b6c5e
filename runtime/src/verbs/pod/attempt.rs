//! An attempt in a pod: fetch, run, keep, report.

use super::report::End;
use super::stage::{Stage, without_artifacts};
use super::{Args, StopSignal, inputs, order, secrets};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wharf_contract::Cause;
use wharf_contract::pod::PodInvocation;
use wharf_depot::keys;
use wharf_runtime::{Absent, Allocation, Attempt, Loader, Refusal, Report, Runtime, Store, execute, parse_digest};

/// Runs the attempt to its end and says what is to be reported.
pub(super) async fn run(args: &Args, order: PodInvocation, stop: &mut StopSignal, taken: Instant) -> End {
    let uid = match order::uid(&args.uid) {
        Ok(uid) => uid,
        Err(refusal) => return End::outcome(refusal),
    };
    let ready = tokio::select! {
        biased;
        ready = prepare(args, order, taken) => ready,
        () = stop.asked() => Err(Refusal::new(Cause::Cancelled, "the attempt was cancelled before its guest started")),
    };
    let Ready { loader, attempt, store, fetch } = match ready {
        Ok(ready) => ready,
        Err(refusal) => return End::outcome(refusal),
    };
    let mut outcome = {
        let running = execute(&loader, &attempt);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                outcome = &mut running => break outcome,
                () = stop.asked() => {
                    // Asked a second time, it ends at once.
                    let grace = if attempt.control.is_cancelled() { Duration::ZERO } else { args.grace() };
                    attempt.control.cancel(Instant::now(), grace);
                }
            }
        }
    };
    outcome.usage.fetch_us = u64::try_from(fetch.as_micros()).unwrap_or(u64::MAX);
    // What the guest held is not needed while its results are sent.
    drop(loader);
    let stage = Stage {
        store: &store,
        attempt: &attempt,
        uid: &uid,
        artifacts: &args.scratch.join(STAGING),
        log: &args.scratch.join(LOG),
    };
    let cancelled = attempt.control.is_cancelled();
    let spare = outcome.clone();
    let too_late = async {
        if !cancelled {
            stop.asked().await;
        }
        tokio::time::sleep(args.grace()).await;
    };
    tokio::select! {
        biased;
        end = stage.keep(outcome) => end,
        () = too_late => {
            let why = "the pod was told to stop, and its grace passed before all was sent";
            End::outcome(without_artifacts(spare, &why))
        }
    }
}

/// Names in the scratch folder.
const STAGING: &str = "staging";
const ARTIFACTS: &str = "artifacts";
const LOG: &str = "log.jsonl";

/// All that an attempt needs.
struct Ready {
    loader: Loader,
    attempt: Arc<Attempt>,
    store: Arc<Store>,
    /// How long the component and the inputs took to fetch.
    fetch: Duration,
}

async fn prepare(args: &Args, order: PodInvocation, taken: Instant) -> Result<Ready, Refusal> {
    let PodInvocation { mut invocation, compiled, store, secret_env, secrets } = order;
    let internal = |e: &dyn std::fmt::Display| Refusal::internal("the runtime cannot start", e);
    let store = Arc::new(args.store(store));
    let component = parse_digest(&invocation.component.digest)?;
    let cache = inputs::cache(&args.cache(), &compiled, &component)?;
    // The engine is made while the network is waited for.
    let engine = tokio::task::spawn_blocking({
        let cache = cache.clone();
        move || Loader::new(Runtime::new(Allocation::OnDemand)?, cache, Absent::Refuse)
    });

    let before = Instant::now();
    inputs::component(&store, &cache, &compiled, &component).await?;
    let artifacts = args.scratch.join(ARTIFACTS);
    inputs::artifacts(&store, &artifacts, &invocation.grants.readable).await?;
    let fetch = before.elapsed();

    invocation.grants.secret_env = secrets::read(&secret_env)?;
    invocation.grants.secrets = secrets::read(&secrets)?;
    invocation.grants.staging = Some(args.scratch.join(STAGING));
    invocation.grants.artifacts = Some(artifacts);
    invocation.grants.state = None;

    let loader = engine.await.map_err(|e| internal(&e))?.map_err(|e| internal(&format_args!("{e:#}")))?;
    let log = log_file(&args.scratch.join(LOG))?;
    let key = keys::state(&invocation.id);
    // The set-up is what is left of the time since the start without the fetching.
    let attempt = Attempt::new(Box::new(invocation), Report::Lines { copy: Some(log) }, taken + fetch);
    let attempt = Arc::new(attempt.with_checkpoint(store.clone(), key));
    Ok(Ready { loader, attempt, store, fetch })
}

fn log_file(path: &Path) -> Result<File, Refusal> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(path));
    made.map_err(|e| Refusal::internal(format_args!("cannot write the log {}", path.display()), e))
}
