use super::{CacheArgs, fail};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use wharf_contract::{CONTRACT_VERSION, Cause, ExitCode, FromRuntime, Invocation, Outcome, ToRuntime};
use wharf_runtime::{
    Absent, Allocation, Attempt, Cache, CompileLimits, Loader, Outbox, Report, Runtime, execute, never_started,
};

/// Bytes that are read at once, at least.
const READ: usize = 256 << 10;
/// Other work that a thread does at most between two looks at timers and sockets. Guests that compute give way every
/// few milliseconds, so that even then a timer is late by no more than that many of them.
const LOOK_EVERY: u32 = 4;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Attempts at a time; more wait for their turn.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=2048))]
    concurrency: u32,
    /// Threads that run guests; by default one a CPU.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    threads: Option<u32>,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(crate) fn main(args: &Args) -> ExitCode {
    match serve(args) {
        Ok(code) => code,
        Err(why) => fail(ExitCode::Internal, why),
    }
}

fn serve(args: &Args) -> Result<ExitCode, String> {
    let dir = args.cache.dir()?;
    let text = |e: wasmtime::Error| format!("{e:#}");
    let runtime = Runtime::new(Allocation::Pooling { concurrency: args.concurrency }).map_err(text)?;
    let cache = Cache::new(dir, runtime.engine());
    let loader = Loader::new(runtime, cache, Absent::Compile(CompileLimits::default())).map_err(text)?;
    let outbox = Outbox::start(Box::new(stdout().map_err(|e| e.to_string())?));
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let flushed = outbox.clone();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.map_or(cpus, |n| n as usize))
        .enable_all()
        .event_interval(LOOK_EVERY)
        // A thread that runs out of work has the time to write what all have gathered.
        .on_thread_park(move || flushed.flush())
        .build()
        .map_err(|e| e.to_string())?;
    die_with_parent(&tokio);
    outbox.send(&FromRuntime::Ready { contract: CONTRACT_VERSION, version: env!("CARGO_PKG_VERSION").to_owned() });
    outbox.flush();
    let worker = Arc::new(Worker {
        loader,
        outbox,
        turns: Semaphore::new(args.concurrency as usize),
        slots: Mutex::default(),
        open: AtomicUsize::new(1),
    });
    let code = worker.listen(&tokio, std::io::stdin().lock());
    // Standard input has ended, or cannot be followed: nobody waits for what still runs.
    worker.outbox.flush();
    std::process::exit(code as i32);
}

/// Standard output without the buffer that the library puts before it.
fn stdout() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd as _;
    std::io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from)
}

/// Ends this process when its parent dies, even where another process still holds the other end of standard input.
fn die_with_parent(tokio: &tokio::runtime::Runtime) {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use tokio::signal::unix::{SignalKind, signal};
    let parent = getppid();
    tokio.spawn(async move {
        // The signal comes when the *thread* dies that started this process, so it is a reason to look, no more.
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        if set_parent_process_death_signal(Some(Signal::HUP)).is_err() {
            return;
        }
        loop {
            if getppid() != parent {
                std::process::exit(ExitCode::Success as i32);
            }
            if hangup.recv().await.is_none() {
                return;
            }
        }
    });
}

struct Worker {
    loader: Loader,
    outbox: Arc<Outbox>,
    turns: Semaphore,
    slots: Mutex<HashMap<u32, Arc<Attempt>>>,
    /// Attempts that have not ended, and one for standard input until it says that no more will come.
    open: AtomicUsize,
}

impl Worker {
    fn listen(self: &Arc<Self>, tokio: &tokio::runtime::Runtime, mut from: impl Read) -> ExitCode {
        let mut bytes = Vec::with_capacity(2 * READ);
        let mut draining = false;
        loop {
            let mut used = 0;
            loop {
                match wharf_contract::decode::<ToRuntime>(&bytes[used..]) {
                    Ok(Some((message, n))) => {
                        used += n;
                        if let Err(why) = self.hear(tokio, message, &mut draining) {
                            return fail(ExitCode::Usage, why);
                        }
                    }
                    Ok(None) => break,
                    Err(e) => return fail(ExitCode::Usage, e),
                }
            }
            bytes.drain(..used);
            let have = bytes.len();
            bytes.resize(have + READ, 0);
            match from.read(&mut bytes[have..]) {
                Ok(0) => return ExitCode::Success,
                Ok(n) => bytes.truncate(have + n),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => bytes.truncate(have),
                Err(e) => return fail(ExitCode::Internal, format_args!("cannot read standard input: {e}")),
            }
        }
    }

    fn hear(
        self: &Arc<Self>,
        tokio: &tokio::runtime::Runtime,
        message: ToRuntime,
        draining: &mut bool,
    ) -> Result<(), String> {
        match message {
            ToRuntime::Start { slot, .. } if *draining => {
                let outcome = Outcome::failed(Cause::WorkerLost, "the worker takes no more attempts");
                self.outbox.send(&FromRuntime::Finished { slot, outcome: Box::new(outcome) });
                self.outbox.flush();
                Ok(())
            }
            ToRuntime::Start { slot, invocation } => self.start(tokio, slot, invocation),
            ToRuntime::Cancel { slot, grace } => {
                // One that has ended meanwhile is no fault: the two have crossed.
                if let Some(attempt) = self.slots().get(&slot) {
                    attempt.control.cancel(Instant::now(), Duration::from_millis(grace));
                }
                Ok(())
            }
            ToRuntime::Drain => {
                if !std::mem::replace(draining, true) {
                    self.close();
                }
                Ok(())
            }
        }
    }

    fn start(
        self: &Arc<Self>,
        tokio: &tokio::runtime::Runtime,
        slot: u32,
        invocation: Box<Invocation>,
    ) -> Result<(), String> {
        let report = Report::Frames { slot, outbox: self.outbox.clone() };
        let attempt = Arc::new(Attempt::new(invocation, report, Instant::now()));
        match self.slots().entry(slot) {
            Entry::Vacant(free) => drop(free.insert(attempt.clone())),
            Entry::Occupied(_) => return Err(format!("slot {slot} was started again before it finished")),
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        let running = Running { worker: self.clone(), slot, attempt, outcome: None };
        tokio.spawn(async move {
            let outcome = running.worker.run(&running.attempt).await;
            running.end(outcome);
        });
        Ok(())
    }

    async fn run(&self, attempt: &Arc<Attempt>) -> Outcome {
        let _turn = match self.turns.try_acquire() {
            Ok(turn) => turn,
            Err(_) => tokio::select! {
                Ok(turn) = self.turns.acquire() => turn,
                stop = attempt.control.wait() => return never_started(attempt, stop),
            },
        };
        execute(&self.loader, attempt).await
    }

    /// One thing less that is open; with the last the process ends.
    fn close(&self) {
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.outbox.flush();
            std::process::exit(ExitCode::Success as i32);
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u32, Arc<Attempt>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that runs. However it ends, by a panic of ours too, its end is told.
struct Running {
    worker: Arc<Worker>,
    slot: u32,
    attempt: Arc<Attempt>,
    outcome: Option<Outcome>,
}

impl Running {
    fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| {
            self.attempt.end_log();
            Outcome::failed(Cause::Internal, "the runtime panicked; the message is in its standard error")
        });
        self.worker.slots().remove(&self.slot);
        self.worker.outbox.send(&FromRuntime::Finished { slot: self.slot, outcome: Box::new(outcome) });
        self.worker.close();
    }
}
