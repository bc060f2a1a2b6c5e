use crate::api::types::{RetryRun, RunAnswer};
use crate::cli::follow::{self, OnInterrupt};
use crate::cli::{Context, Exit, Failure, report, session};
use wharf_core::event::RunId;

/// Go on with a run that is over, from what did not succeed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What succeeded keeps its output. The run goes on with the flow as it was when the run was made,
unless --latest is given.

Examples:
  wharf retry 17
  wharf retry 17 --from clean          also what succeeded, from this task on
  wharf retry 17 --latest --wait       with the flow as it is now")]
pub(in crate::cli) struct Args {
    /// Number of the run
    #[arg(value_parser = crate::cli::words::run_id)]
    run: RunId,
    /// Start from this task, with all that is downstream of it
    #[arg(long, value_name = "TASK")]
    from: Option<String>,
    /// With the flow as it is now
    #[arg(long)]
    latest: bool,
    /// Wait until the run is over; the exit code then says how it ended
    #[arg(long)]
    wait: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let request = RetryRun { from: args.from.clone(), latest: args.latest };
    session::with(context, async |session, interrupts| {
        let answer: RunAnswer = session.client.post(&format!("/v1/runs/{}/retry", args.run), &request).await?;
        if !args.wait && !session.is_here() {
            match context.out.json() {
                true => context.out.value(&answer)?,
                false => context.out.line(format!("run {} goes on", args.run))?,
            }
            return Ok(Exit::Ok);
        }
        context.out.tell(format!("run {} goes on", args.run));
        let detail = follow::run(context, session, interrupts, args.run, OnInterrupt::Leave, false).await?;
        report::run_line(&context.out, &detail)
    })
}
