//! The container of a pod: an order in a file, a report in the termination message.

mod attempt;
mod compile;
mod inputs;
mod order;
mod report;
mod secrets;
mod stage;

use super::fail;
use report::End;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use wharf_contract::pod::{MAX_STORED_ORDER, PodOrder, paths};
use wharf_contract::{Cause, ExitCode, StoreLocation};
use wharf_runtime::{Refusal, Store};

/// Paths in the pod; each has its place there, and can be given for a run outside of one.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, hide = true, value_name = "FILE", default_value = paths::ORDER)]
    order: PathBuf,
    #[arg(long, hide = true, value_name = "FILE", default_value = paths::POD_UID)]
    uid: PathBuf,
    #[arg(long, hide = true, value_name = "FILE", default_value = paths::REPORT)]
    report: PathBuf,
    #[arg(long, hide = true, value_name = "DIR", default_value = paths::SCRATCH)]
    scratch: PathBuf,
    #[arg(long, hide = true, value_name = "DIR", default_value = paths::STORE_CREDENTIALS)]
    store_credentials: PathBuf,
    #[arg(long, hide = true, value_name = "DIR", default_value = paths::COMPILER_KEYS)]
    compiler_keys: PathBuf,
    #[arg(long, hide = true, value_name = "DIR", default_value = paths::REGISTRY_CREDENTIALS)]
    registry_credentials: PathBuf,
    /// Folder of compiled components; by default one of the scratch folder.
    #[arg(long, hide = true, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Milliseconds between SIGTERM and the end of the guest. Keeping what it left takes up to as long again.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    grace: u64,
}

impl Args {
    fn grace(&self) -> Duration {
        Duration::from_millis(self.grace)
    }

    fn cache(&self) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| self.scratch.join("cache"))
    }

    fn store(&self, location: StoreLocation) -> Store {
        // Without a mounted Secret the pod's surroundings give the credentials, if the store needs any.
        let credentials = self.store_credentials.is_dir().then(|| self.store_credentials.clone());
        Store::new(location, credentials)
    }
}

pub(crate) fn main(args: &Args) -> ExitCode {
    let taken = Instant::now();
    let order = match order::read(&args.order, MAX_STORED_ORDER) {
        Ok(order) => order,
        Err(why) => {
            let end = End::outcome(Refusal::new(Cause::Internal, why));
            return write(args, &End { code: ExitCode::Usage, ..end });
        }
    };
    let end = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(tokio) => tokio.block_on(obey(args, order, taken)),
        Err(e) => End::outcome(Refusal::internal("the runtime cannot start", e)),
    };
    write(args, &end)
}

async fn obey(args: &Args, order: PodOrder, taken: Instant) -> End {
    let mut stop = match StopSignal::listen() {
        Ok(stop) => stop,
        Err(e) => return End::outcome(Refusal::internal("the runtime cannot listen for signals", e)),
    };
    match order {
        PodOrder::Compile(order) => tokio::select! {
            biased;
            done = compile::compile(args, &order) => done.map_or_else(End::not_compiled, End::compiled),
            () = stop.asked() => End::not_compiled(Refusal::new(Cause::Cancelled, "compiling was cancelled")),
        },
        PodOrder::Run(order) => attempt::run(args, *order, &mut stop, taken).await,
        PodOrder::Stored { store, object } => {
            let store = args.store(store);
            let fetched = tokio::select! {
                biased;
                fetched = order::fetch(&store, &object) => fetched,
                () = stop.asked() => Err(Refusal::new(Cause::Cancelled, "the attempt was cancelled")),
            };
            match fetched {
                Ok(order) => attempt::run(args, order, &mut stop, taken).await,
                Err(refusal) => End::outcome(refusal),
            }
        }
    }
}

/// The request to stop: SIGTERM, as the kubelet sends it, or SIGINT.
struct StopSignal {
    term: Signal,
    int: Signal,
}

impl StopSignal {
    fn listen() -> std::io::Result<StopSignal> {
        Ok(StopSignal { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits until it comes.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Writes the report. What is not reported has not succeeded.
fn write(args: &Args, end: &End) -> ExitCode {
    match report::write(&args.report, &end.report) {
        Ok(()) => end.code,
        Err(e) => fail(ExitCode::Internal, format_args!("cannot write the report {}: {e}", args.report.display())),
    }
}
