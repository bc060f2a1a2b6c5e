use super::show;
use crate::api::types::{BackfillList, BackfillSummary, CreateBackfill, ErrorCode, RunDetail, RunList};
use crate::cli::follow;
use crate::cli::session::{self, Session};
use crate::cli::{Context, Exit, Failure, report, words};
use crate::client::{ClientError, Query};
use wharf_core::event::{BackfillId, RunState};

/// Run a flow for each partition of a range
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Partitions that have succeeded before are left out, unless --force is given; where none is left,
there is nothing to do, and the exit code is 0. Where a backfill of the same flow and range is not
over yet (because it runs, or because its process was ended), the command goes on with that one.

Where no `wharf serve` runs, the command carries a coordinator of its own. Ctrl-C ends the waiting,
not the backfill: the same command goes on with it.

Examples:
  wharf backfill daily --from 2012-01-01 --to 2015-12-31
  wharf backfill daily --from 2012-01-01 --to 2012-01-31 --force
  wharf backfill acme/daily --from 2012-01-01 --to 2015-12-31 --detach")]
pub(in crate::cli) struct Args {
    /// A flow of the configuration: FLOW or TENANT/FLOW
    flow: String,
    /// Key of the first partition
    #[arg(long, value_name = "KEY")]
    from: String,
    /// Key of the last partition
    #[arg(long, value_name = "KEY")]
    to: String,
    /// Also partitions that have succeeded before
    #[arg(long)]
    force: bool,
    /// A parameter; a value that is JSON is taken as that
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Wait until it is over (the default)
    #[arg(long, overrides_with = "detach")]
    wait: bool,
    /// Leave it to the running coordinator
    #[arg(long)]
    detach: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let request = CreateBackfill {
        flow: args.flow.clone(),
        from: args.from.clone(),
        to: args.to.clone(),
        force: args.force,
        params: words::pairs("-p", &args.params)?,
    };
    session::with(context, async |session, interrupts| {
        let Some(mut summary) = ask(context, session, &request).await? else { return Ok(Exit::Ok) };
        if args.detach && !session.is_here() {
            match context.out.json() {
                true => context.out.value(&summary)?,
                false => context.out.line(format!("backfill {} is asked for", summary.backfill))?,
            }
            return Ok(Exit::Ok);
        }
        summary = follow::backfill(context, session, interrupts, summary.backfill).await?;
        report::backfill_line(&context.out, &summary)?;
        if summary.state == RunState::Succeeded && !context.out.json() {
            last_result(context, session, summary.backfill).await?;
        }
        Ok(follow::exit_of(summary.state))
    })
}

/// Where the files of the newest run lie: of a flow with coarser tasks, what the whole backfill came to.
async fn last_result(context: &Context, session: &Session, backfill: BackfillId) -> Result<(), Failure> {
    let query = Query::new("/v1/runs").pair("backfill", backfill).pair("limit", 1);
    let list: RunList = session.client.get(query.as_str()).await?;
    let Some(last) = list.runs.first() else { return Ok(()) };
    let detail: RunDetail = session.client.get(&format!("/v1/runs/{}", last.run)).await?;
    if show::results(&detail).iter().all(|(_, outcome)| outcome.artifacts.is_empty()) {
        return Ok(());
    }
    let text = show::outputs(&detail, context.global.here()?.as_deref(), context.out.color);
    let partition = last.partition.as_ref().map_or_else(String::new, |key| format!(" ({key})"));
    context.out.line(format!("its last run, {}{partition}, brought", last.run))?;
    context.out.text(text.trim_start_matches('\n'))
}

/// The open backfill of the same flow and range where there is one, else a new one.
/// Nothing where all of the range has succeeded before: what was asked for is the case.
async fn ask(
    context: &Context,
    session: &Session,
    request: &CreateBackfill,
) -> Result<Option<BackfillSummary>, Failure> {
    let list: BackfillList = session.client.get("/v1/backfills").await?;
    let same = |b: &BackfillSummary| {
        b.state == RunState::Running && b.from == request.from && b.to == request.to && is_of(&b.flow, &request.flow)
    };
    if let Some(open) = list.backfills.into_iter().find(same) {
        context.out.tell(format!("backfill {} of {} is not over: going on with it", open.backfill, open.flow));
        return Ok(Some(open));
    }
    let summary: BackfillSummary = match session.client.post("/v1/backfills", request).await {
        Err(ClientError::Api(e)) if e.code == ErrorCode::NothingToDo => {
            match context.out.json() {
                true => context.out.value(&serde_json::Value::Null)?,
                false => context.out.line(
                    "nothing to do: every partition of the range has succeeded before (--force runs them anew)",
                )?,
            }
            return Ok(None);
        }
        answer => answer?,
    };
    let skipped = match summary.runs.skipped {
        0 => String::new(),
        n => format!("; {n} that have succeeded before are left out"),
    };
    let total = summary.runs.total.map_or_else(String::new, |n| format!(", {n} to run"));
    context.out.tell(format!(
        "backfill {} of {} from {} to {}{total}{skipped}",
        summary.backfill, summary.flow, summary.from, summary.to
    ));
    Ok(Some(summary))
}

/// Whether a flow's full name is the one that a person wrote.
fn is_of(full: &str, written: &str) -> bool {
    full == written || full.split_once('/').is_some_and(|(_, flow)| flow == written)
}
