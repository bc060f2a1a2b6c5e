//! `wharf-runtime`: runs sandboxed attempts of WebAssembly tasks.

mod verbs;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs sandboxed attempts of WebAssembly tasks: an invocation in, an outcome out.
#[derive(Parser)]
#[command(name = "wharf-runtime", version, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const AFTER: &str = "\
Exit codes: 0 success; 1 wharf or I/O failed; 2 wrong usage; 10 the task failed by its own word; 11 it trapped; \
12 it ran into a limit; 13 timeout; 14 cancelled; 15 not granted; 16 the component cannot be used.";

#[derive(Subcommand)]
enum Verb {
    /// Run one attempt, then exit with a code that says how it ended.
    Run(verbs::run::Args),
    /// Run many attempts at a time, told by frames on standard input.
    Serve(verbs::serve::Args),
    /// Compile a component into the cache.
    Compile(verbs::compile::Args),
    /// Do what the order of this pod says: run an attempt, or compile a component.
    Pod(verbs::pod::Args),
    /// Serve the store in a volume of this pod to the coordinator.
    Store(verbs::store::Args),
    /// Say what a component imports, exports and asks for, without running it.
    Inspect(verbs::inspect::Args),
}

fn main() -> ExitCode {
    let code = match Cli::parse().verb {
        Verb::Run(args) => verbs::run::main(&args),
        Verb::Serve(args) => verbs::serve::main(&args),
        Verb::Compile(args) => verbs::compile::main(&args),
        Verb::Pod(args) => verbs::pod::main(&args),
        Verb::Store(args) => verbs::store::main(&args),
        Verb::Inspect(args) => verbs::inspect::main(&args),
    };
    ExitCode::from(code as u8)
}
