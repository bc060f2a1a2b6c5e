use crate::api::types::{LogRecord, LogsQuery, RunQuery};
use crate::api::views;
use crate::cli::look::{Look, logs_query};
use crate::cli::screen::log_line;
use crate::cli::session::{Interrupts, block_on};
use crate::cli::{Context, Exit, Failure, follow};
use crate::depots::Depots;
use crate::executor::kubernetes::{Access, Readers};
use crate::logs::{self, LogFilter, LogKey};
use crate::store::{Reads as _, SqliteReads};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_core::event::RunId;

/// Print what a run's tasks logged
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With -o json: one JSON object a line.

Examples:
  wharf logs 17
  wharf logs 17 clean -f
  wharf logs 17 each --item 42 --attempt 2 -o json")]
pub(in crate::cli) struct Args {
    /// Number of the run
    #[arg(value_parser = crate::cli::words::run_id)]
    run: RunId,
    /// Only of this task
    task: Option<String>,
    /// Only of this item of the task's fan-out, from 0
    #[arg(long, value_name = "N", requires = "task")]
    item: Option<u32>,
    /// Only of this attempt, from 1
    #[arg(long, value_name = "N", requires = "task")]
    attempt: Option<u32>,
    /// Go on until the run is over
    #[arg(short, long)]
    follow: bool,
    // Takes the place of the global option: as in kubectl, -f is to follow where logs are read.
    /// Configuration; without the short -f here
    #[arg(long, value_name = "PATH", env = "WHARF_CONFIG", hide_env_values = true, help_heading = "Global options")]
    config: Vec<PathBuf>,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let query = LogsQuery { task: args.task.clone(), item: args.item, attempt: args.attempt, follow: args.follow };
    block_on(async {
        let look = Look::open(context).await?;
        if args.follow
            && let Some(client) = look.client()
        {
            let mut events = client.events(logs_query(args.run, &query).as_str()).await?;
            let mut interrupts = Interrupts::new()?;
            loop {
                let event = tokio::select! {
                    event = events.next() => event?,
                    // To end the following is how it is meant to end.
                    () = interrupts.next() => return Ok(Exit::Ok),
                };
                match event {
                    Some(event) if event.event == "log" => print(context, &follow::read(&event)?)?,
                    Some(event) if event.event == "lagged" => {
                        context.out.note(format!("some lines were missed: {}", event.data));
                    }
                    Some(event) if event.event != "end" => {}
                    _ => return Ok(Exit::Ok),
                }
            }
        }
        // Without a coordinator nothing runs, so that what is there is all that there is to follow.
        let query = LogsQuery { follow: false, ..query };
        if let Look::Store { state, reads } = &look {
            bring(context, state, reads, args.run, &query).await?;
        }
        look.logs(args.run, &query, |record| print(context, record)).await?;
        Ok(Exit::Ok)
    })
}

/// Brings what attempts said in pods, where that is not here: without a coordinator nobody else does.
async fn bring(
    context: &Context,
    state: &Path,
    reads: &SqliteReads,
    run: RunId,
    query: &LogsQuery,
) -> Result<(), Failure> {
    let filter = LogFilter { task: query.task.clone(), item: query.item, attempt: query.attempt };
    let detail = views::run(reads, run, RunQuery { attempts: Some(u32::MAX) })?;
    let keys = detail.tasks.iter().flat_map(|task| {
        let said = task.attempts.iter().filter(|a| a.outcome.as_ref().is_some_and(|o| o.usage.log_lines > 0));
        said.map(|a| LogKey { run, task: task.task.clone(), item: a.item, attempt: a.attempt })
    });
    if !keys.filter(|key| filter.fits(key)).any(|key| !logs::is_here(state, &key)) {
        return Ok(());
    }
    // Of a local attempt whose lines could not be kept there is nothing to bring, and no need of a configuration.
    let Ok(plan) = super::plan(context) else { return Ok(()) };
    let tenant = detail.summary.flow.split('/').next().unwrap_or_default();
    let instance = reads.instance()?;
    let readers = Readers::of(Access::default(), Arc::clone(&plan), &instance);
    let depots = Depots::of(plan, &instance).with_claims(readers.clone());
    if !depots.has(tenant) {
        return Ok(());
    }
    let fetched = async {
        let depot = depots.tenant(tenant).await.map_err(|e| Failure::with_advice(Exit::Internal, &e.to_string()))?;
        logs::fetch(&depot, state, run, &filter).await.map_err(|e| Failure::internal(e.to_string()))
    };
    let fetched = fetched.await;
    readers.close().await;
    fetched
}

fn print(context: &Context, record: &LogRecord) -> Result<(), Failure> {
    if context.out.json() {
        let line = serde_json::to_string(record)
            .map_err(|e| Failure::internal(format!("a log line cannot be written as JSON: {e}")))?;
        return context.out.line(line);
    }
    context.out.line(log_line(record, context.out.color, true))
}
