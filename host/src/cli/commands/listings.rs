//! Lists of what is configured and what was asked for: flows, ticks, backfills.

use super::runs::when;
use crate::api::types::{TickEndKind, TicksQuery};
use crate::cli::look::{self, Look};
use crate::cli::out::Paint;
use crate::cli::session::block_on;
use crate::cli::table::{Table, painted};
use crate::cli::{Context, Exit, Failure, report};

/// List the flows of the configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf flows
  wharf flows -o json")]
pub(in crate::cli) struct FlowsArgs {}

/// List the ticks of a flow's schedule and what became of each, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf ticks daily
  wharf ticks daily --limit 1000 -o json")]
pub(in crate::cli) struct TicksArgs {
    /// A flow of the configuration: FLOW or TENANT/FLOW
    flow: String,
    /// How many at the most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// List backfills, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf backfills
  wharf backfills -o json")]
pub(in crate::cli) struct BackfillsArgs {}

pub(in crate::cli) fn flows(context: &Context) -> Result<Exit, Failure> {
    let list = block_on(look::flows(context))?;
    if context.out.json() {
        context.out.value(&list.flows)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["flow", "schedule", "zone", "next tick", "tasks"]);
    for flow in &list.flows {
        let next = match (&flow.next_tick, flow.suspend) {
            (_, true) => painted("suspended", Paint::Dim),
            (Some(tick), false) => when(tick).into(),
            (None, false) => "".into(),
        };
        table.row([
            flow.flow.clone().into(),
            flow.schedule.clone().unwrap_or_default().into(),
            flow.time_zone.clone().into(),
            next,
            flow.tasks.join(", ").into(),
        ]);
    }
    context.out.text(table.render(context.out.color))?;
    Ok(Exit::Ok)
}

pub(in crate::cli) fn ticks(context: &Context, args: &TicksArgs) -> Result<Exit, Failure> {
    let query = TicksQuery { flow: Some(args.flow.clone()), limit: Some(args.limit) };
    let list = block_on(async { Look::open(context).await?.ticks(&query).await })?;
    if context.out.json() {
        context.out.value(&list.ticks)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["tick", "end", ">run", "reason", "decided"]);
    for tick in &list.ticks {
        let end = match tick.end {
            TickEndKind::Ran => painted("ran", Paint::Good),
            TickEndKind::Late => painted("ran late", Paint::Busy),
            TickEndKind::Skipped => painted("skipped", Paint::Dim),
        };
        let reason = tick.reason.and_then(|r| serde_json::to_value(r).ok()).and_then(|v| Some(v.as_str()?.to_owned()));
        table.row([
            when(&tick.scheduled_time).into(),
            end,
            tick.run.map(|r| r.to_string()).unwrap_or_default().into(),
            reason.unwrap_or_default().into(),
            when(&tick.decided_at).into(),
        ]);
    }
    context.out.text(table.render(context.out.color))?;
    if list.ticks.is_empty() {
        context.out.note(format!("no tick of {} yet", args.flow));
    }
    Ok(Exit::Ok)
}

pub(in crate::cli) fn backfills(context: &Context) -> Result<Exit, Failure> {
    let list = block_on(async { Look::open(context).await?.backfills().await })?;
    if context.out.json() {
        context.out.value(&list.backfills)?;
        return Ok(Exit::Ok);
    }
    let mut table =
        Table::new([">backfill", "flow", "from", "to", "state", ">done", ">failed", ">left out", "created", ">took"]);
    for b in &list.backfills {
        let done = b.runs.succeeded + b.runs.failed + b.runs.cancelled;
        let took = report::took(Some(&b.created_at), b.ended_at.as_deref()).map(crate::cli::human::duration);
        table.row([
            b.backfill.to_string().into(),
            b.flow.clone().into(),
            b.from.clone().into(),
            b.to.clone().into(),
            painted(b.state.as_str(), report::paint(b.state)),
            b.runs.total.map_or_else(|| done.to_string(), |total| format!("{done}/{total}")).into(),
            b.runs.failed.to_string().into(),
            b.runs.skipped.to_string().into(),
            when(&b.created_at).into(),
            took.unwrap_or_default().into(),
        ]);
    }
    context.out.text(table.render(context.out.color))?;
    if list.backfills.is_empty() {
        context.out.note("no backfill yet");
    }
    Ok(Exit::Ok)
}
