use crate::api::types::{RunSummary, RunsQuery, TriggerKind};
use crate::cli::look::Look;
use crate::cli::session::block_on;
use crate::cli::table::{Table, painted};
use crate::cli::{Context, Exit, Failure, human, report, words};
use wharf_core::event::{BackfillId, RunState};
use wharf_core::time::Timestamp;

/// List runs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf runs
  wharf runs --flow daily --state failed
  wharf runs --backfill 3 --limit 1000 -o json")]
pub(in crate::cli) struct Args {
    /// Only of this flow: FLOW or TENANT/FLOW
    #[arg(long)]
    flow: Option<String>,
    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = ["running", "succeeded", "failed", "cancelled"])]
    state: Option<String>,
    /// Only of this backfill
    #[arg(long, value_name = "ID", value_parser = words::backfill_id)]
    backfill: Option<BackfillId>,
    /// How many at the most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let query = RunsQuery {
        flow: args.flow.clone(),
        state: args.state.as_deref().and_then(RunState::parse),
        backfill: args.backfill,
        limit: Some(args.limit),
        before: None,
    };
    let list = block_on(async { Look::open(context).await?.runs(&query).await })?;
    if context.out.json() {
        context.out.value(&list.runs)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new([">run", "flow", "state", "partition", "trigger", "created", ">took"]);
    for run in &list.runs {
        let took = report::took(Some(&run.created_at), run.ended_at.as_deref()).map(human::duration);
        table.row([
            run.run.to_string().into(),
            run.flow.clone().into(),
            painted(run.state.as_str(), report::paint(run.state)),
            run.partition.clone().unwrap_or_default().into(),
            trigger(run).into(),
            when(&run.created_at).into(),
            took.unwrap_or_default().into(),
        ]);
    }
    context.out.text(table.render(context.out.color))?;
    if list.runs.is_empty() {
        context.out.note("no run fits");
    }
    Ok(Exit::Ok)
}

/// `manual`, `schedule`, `backfill 3`.
pub(super) fn trigger(run: &RunSummary) -> String {
    match (run.trigger, run.backfill) {
        (TriggerKind::Manual, _) => "manual".to_owned(),
        (TriggerKind::Schedule, _) => "schedule".to_owned(),
        (TriggerKind::Backfill, Some(id)) => format!("backfill {id}"),
        (TriggerKind::Backfill, None) => "backfill".to_owned(),
    }
}

/// An instant of the API in whole seconds.
pub(super) fn when(instant: &str) -> String {
    Timestamp::parse_rfc3339(instant).map_or_else(|| instant.to_owned(), human::time)
}
