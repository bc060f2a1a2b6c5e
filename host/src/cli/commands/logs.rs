use crate::api::types::{LogRecord, LogsQuery};
use crate::cli::look::{Look, logs_query};
use crate::cli::screen::log_line;
use crate::cli::session::{Interrupts, block_on};
use crate::cli::{Context, Exit, Failure, follow};
use std::path::PathBuf;
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
        look.logs(args.run, &query, |record| print(context, record)).await?;
        Ok(Exit::Ok)
    })
}

fn print(context: &Context, record: &LogRecord) -> Result<(), Failure> {
    if context.out.json() {
        let line = serde_json::to_string(record)
            .map_err(|e| Failure::internal(format!("a log line cannot be written as JSON: {e}")))?;
        return context.out.line(line);
    }
    context.out.line(log_line(record, context.out.color, true))
}
