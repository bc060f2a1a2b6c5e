//! The command line: what a person asks for, done through the library, told in words.
//!
//! Commands return what happened; this module alone turns an error into a message, a hint and an exit code.

mod alone;
mod commands;
mod exit;
mod explain;
mod follow;
mod human;
mod look;
mod out;
mod place;
mod report;
mod screen;
mod session;
mod table;
mod view;
mod words;

pub(crate) use exit::{Exit, Failure};
pub(crate) use out::{Format, Out};
pub(crate) use place::Global;

use crate::telemetry::LogFormat;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use commands::{
    artifact, backfill, cancel, check, cluster, completions, inspect, listings, logs, new, next, push, reload, retry,
    run, runs, serve, show, trigger,
};
use std::ffi::OsString;
use std::process::ExitCode;

/// wharf runs data tasks shipped as WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, max_term_width = 100, after_help = HELP_END, subcommand_required = true)]
#[command(arg_required_else_help = true, propagate_version = false, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const HELP_END: &str = "\
Examples:
  wharf check                               is the configuration right?
  wharf run daily --partition 2012-01-05    run a flow now, and watch it
  wharf run task.wasm -i name=Ada           run a task alone
  wharf serve                               run flows when they are due
  wharf backfill daily --from 2012-01-01 --to 2012-12-31
  wharf logs 17 clean -f                    follow a task's log
  wharf --server http://127.0.0.1:8080 --token-file token trigger team-a/daily

Exit codes:
  0    done
  1    wharf itself failed, or I/O
  2    the command line cannot be used
  3    the configuration, or a component, has faults
  4    there is no such flow, run, task or file
  5    refused: the state folder is in use, the run is over already, a name is taken, a cluster or a server says no
  6    `wharf cluster diff`: the cluster is not as the configuration says
  10   a run or a backfill failed
  14   a run or a backfill was cancelled
  130  interrupted: what was asked for goes on with the next coordinator";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Run(Box<run::Args>),
    Serve(serve::Args),
    Trigger(trigger::Args),
    Backfill(backfill::Args),
    Runs(runs::Args),
    Show(show::Args),
    Logs(logs::Args),
    Artifact(artifact::Args),
    Cancel(cancel::Args),
    Retry(retry::Args),
    Backfills(listings::BackfillsArgs),
    Flows(listings::FlowsArgs),
    Ticks(listings::TicksArgs),
    Reload(reload::Args),
    Next(next::Args),
    Inspect(inspect::Args),
    Push(push::Args),
    Cluster(cluster::Args),
    New(new::Args),
    Completions(completions::Args),
}

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) out: Out,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::command().try_get_matches_from(&args).and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => return refuse(&e, &args),
    };
    let context = Context { out: Out::new(cli.global.output), global: cli.global };
    let done = own_log(&context, &cli.command).and_then(|()| perform(&context, cli.command));
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => tell(&context.out, &failure).into(),
    }
}

/// What the coordinator tells of itself: all that matters where it is what was asked for, else only what is wrong.
fn own_log(context: &Context, command: &Command) -> Result<(), Failure> {
    let least = usize::from(matches!(command, Command::Serve(_)));
    let levels = ["warn", "info", "debug", "trace"];
    let level = levels[(least + usize::from(context.global.verbose)).min(levels.len() - 1)];
    let filter = std::env::var("RUST_LOG").ok().filter(|f| !f.is_empty());
    let filter = filter.unwrap_or_else(|| format!("warn,wharf={level},wharf_core={level}"));
    let format = if context.out.json() { LogFormat::Json } else { LogFormat::Text };
    crate::telemetry::init(format, &filter).map_err(|why| Failure::usage(why).hint("it is in RUST_LOG"))
}

fn perform(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::run(context, &args),
        Command::Run(args) => run::run(context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Trigger(args) => trigger::run(context, &args),
        Command::Backfill(args) => backfill::run(context, &args),
        Command::Runs(args) => runs::run(context, &args),
        Command::Show(args) => show::run(context, &args),
        Command::Logs(args) => logs::run(context, &args),
        Command::Artifact(args) => artifact::run(context, &args),
        Command::Cancel(args) => cancel::run(context, &args),
        Command::Retry(args) => retry::run(context, &args),
        Command::Backfills(_) => listings::backfills(context),
        Command::Flows(_) => listings::flows(context),
        Command::Ticks(args) => listings::ticks(context, &args),
        Command::Reload(_) => reload::run(context),
        Command::Next(args) => next::run(context, &args),
        Command::Inspect(args) => inspect::run(context, &args),
        Command::Push(args) => push::run(context, &args),
        Command::Cluster(args) => cluster::run(context, &args),
        Command::New(args) => new::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
    }
}

/// The one place where a failure becomes a message.
fn tell(out: &Out, failure: &Failure) -> Exit {
    if failure.silent {
        return failure.exit;
    }
    if out.json() {
        out.note(failure.to_json());
        return failure.exit;
    }
    if let Some(report) = &failure.report {
        out.note(report.trim_end());
    }
    out.note(format!("{} {}", out::Paint::Bad.on("error:", out.color_err), failure.message));
    if let Some(hint) = &failure.hint {
        out.note(format!("{} {hint}", out::Paint::Strong.on("hint:", out.color_err)));
    }
    failure.exit
}

/// A command line that clap refused, or that asked for help.
fn refuse(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Ok,
        _ => Exit::Usage,
    };
    let json = args.windows(2).any(|w| (w[0] == "-o" || w[0] == "--output") && w[1] == "json")
        || args.iter().any(|a| a == "-ojson" || a == "--output=json" || a == "-o=json");
    if exit == Exit::Usage && json {
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        let message = first.trim_start_matches("error: ").trim_end();
        Out::new(Format::Json).note(Failure::usage(message).hint("see `wharf --help`").to_json());
    } else {
        // A closed pipe is not worth a word.
        let _ = error.print();
    }
    exit.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
