use super::{CacheArgs, fail};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use wharf_contract::{ExitCode, Invocation, MAX_FRAME, Outcome};
use wharf_runtime::{Absent, Allocation, Attempt, Cache, CompileLimits, Loader, Report, Runtime, execute};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The invocation as JSON; standard input where it is not given.
    #[arg(long, value_name = "FILE")]
    invocation: Option<PathBuf>,
    /// Milliseconds between SIGTERM and the end of the guest.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    grace: u64,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(crate) fn main(args: &Args) -> ExitCode {
    let taken = Instant::now();
    let invocation = match read(args) {
        Ok(invocation) => invocation,
        Err(why) => return fail(ExitCode::Usage, why),
    };
    let dir = match args.cache.dir() {
        Ok(dir) => dir,
        Err(why) => return fail(ExitCode::Usage, why),
    };
    let outcome = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(tokio) => tokio.block_on(attempt(invocation, dir, Duration::from_millis(args.grace), taken)),
        Err(e) => Err(e.to_string()),
    };
    match outcome {
        Ok(outcome) => print(&outcome),
        Err(why) => fail(ExitCode::Internal, why),
    }
}

fn read(args: &Args) -> Result<Box<Invocation>, String> {
    let (from, name): (Box<dyn std::io::Read>, _) = match &args.invocation {
        None => (Box::new(std::io::stdin()), "standard input".to_owned()),
        Some(path) => {
            let name = path.display().to_string();
            (Box::new(File::open(path).map_err(|e| format!("cannot read the invocation {name}: {e}"))?), name)
        }
    };
    let mut bytes = Vec::new();
    from.take(MAX_FRAME as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot read the invocation from {name}: {e}"))?;
    if bytes.len() > MAX_FRAME {
        return Err(format!("the invocation in {name} is larger than {MAX_FRAME} bytes"));
    }
    serde_json::from_slice(&bytes).map_err(|e| format!("{name} holds no invocation: {e}"))
}

async fn attempt(
    invocation: Box<Invocation>,
    dir: PathBuf,
    grace: Duration,
    taken: Instant,
) -> Result<Outcome, String> {
    let text = |e: wasmtime::Error| format!("{e:#}");
    let runtime = Runtime::new(Allocation::OnDemand).map_err(text)?;
    let cache = Cache::new(dir, runtime.engine());
    let loader = Loader::new(runtime, cache, Absent::Compile(CompileLimits::default())).map_err(text)?;
    let attempt = Arc::new(Attempt::new(invocation, Report::Lines { copy: None }, taken));
    let mut term = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut int = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let asked = async {
        loop {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            // Asked a second time, it ends at once.
            let grace = if attempt.control.is_cancelled() { Duration::ZERO } else { grace };
            attempt.control.cancel(Instant::now(), grace);
        }
    };
    tokio::select! {
        biased;
        outcome = execute(&loader, &attempt) => Ok(outcome),
        () = asked => Err("unreachable".into()),
    }
}

fn print(outcome: &Outcome) -> ExitCode {
    let text = match serde_json::to_string(outcome) {
        Ok(text) => text,
        Err(e) => return fail(ExitCode::Internal, e),
    };
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => ExitCode::of(outcome.cause),
        Err(e) => fail(ExitCode::Internal, format_args!("cannot write the outcome: {e}")),
    }
}
