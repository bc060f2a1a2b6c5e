use crate::api::types::{BackfillSummary, RunAnswer};
use crate::cli::follow::{self, OnInterrupt};
use crate::cli::{Context, Exit, Failure, report, session, words};
use wharf_core::event::{BackfillId, RunId};

/// Stop a run, or a backfill with all its runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tasks that run are asked to stop, and are ended where they do not. Waits until the run is over.

Examples:
  wharf cancel 17
  wharf cancel --backfill 3")]
pub(in crate::cli) struct Args {
    /// Number of the run
    #[arg(required_unless_present = "backfill", conflicts_with = "backfill", value_parser = words::run_id)]
    run: Option<RunId>,
    /// Number of the backfill
    #[arg(long, value_name = "ID", value_parser = words::backfill_id)]
    backfill: Option<BackfillId>,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let nothing = serde_json::json!({});
    // What was asked for is to cancel it, so that it was cancelled is a success.
    session::with(context, async |session, interrupts| {
        if let Some(id) = args.backfill {
            let _: BackfillSummary = session.client.post(&format!("/v1/backfills/{id}/cancel"), &nothing).await?;
            let summary = follow::backfill(context, session, interrupts, id).await?;
            report::backfill_line(&context.out, &summary)?;
        }
        if let Some(id) = args.run {
            let _: RunAnswer = session.client.post(&format!("/v1/runs/{id}/cancel"), &nothing).await?;
            let detail = follow::run(context, session, interrupts, id, OnInterrupt::Leave, false).await?;
            report::run_line(&context.out, &detail)?;
        }
        Ok(Exit::Ok)
    })
}
