use crate::api::types::{CreateRun, RunAnswer};
use crate::cli::follow::{self, OnInterrupt};
use crate::cli::{Context, Exit, Failure, report, session, words};

/// Run a flow now, and leave the rest to the coordinator
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Where no `wharf serve` runs, the command carries a coordinator of its own and waits until the run
is over. Ctrl-C ends the waiting, not the run.

Examples:
  wharf trigger daily
  wharf trigger daily --partition 2012-01-05 --wait
  wharf trigger acme/report -p title=\"First quarter\" -p limit=10 -o json")]
pub(in crate::cli) struct Args {
    /// A flow of the configuration: FLOW or TENANT/FLOW
    flow: String,
    /// A parameter; a value that is JSON is taken as that
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// The partition that it works on
    #[arg(long, value_name = "KEY")]
    partition: Option<String>,
    /// Wait until the run is over; the exit code then says how it ended
    #[arg(long)]
    wait: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let request = CreateRun {
        flow: args.flow.clone(),
        params: words::pairs("-p", &args.params)?,
        partition: args.partition.clone(),
    };
    session::with(context, async |session, interrupts| {
        let answer: RunAnswer = session.client.post("/v1/runs", &request).await?;
        if !args.wait && !session.is_here() {
            match context.out.json() {
                true => context.out.value(&answer)?,
                false => context.out.line(format!("run {} of {} is asked for", answer.run, args.flow))?,
            }
            return Ok(Exit::Ok);
        }
        context.out.tell(format!("run {} of {}", answer.run, args.flow));
        let detail = follow::run(context, session, interrupts, answer.run, OnInterrupt::Leave, false).await?;
        report::run_line(&context.out, &detail)
    })
}
