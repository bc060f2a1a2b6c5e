use super::runs::{trigger, when};
use crate::api::types::{AttemptDetail, RunDetail, RunQuery, TaskDetail, TaskState};
use crate::cli::look::Look;
use crate::cli::out::Paint;
use crate::cli::screen::{safe, safe_lines};
use crate::cli::session::block_on;
use crate::cli::table::{Table, painted};
use crate::cli::view::label;
use crate::cli::{Context, Exit, Failure, human, report};
use std::time::Duration;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::event::RunId;

/// Show a run: its tasks, their attempts and what came out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf show 17
  wharf show 17 --attempts 1000 -o json")]
pub(in crate::cli) struct Args {
    /// Number of the run
    #[arg(value_parser = crate::cli::words::run_id)]
    run: RunId,
    /// Attempts of each task that are listed at the most, those that did not succeed first
    #[arg(long, value_name = "N", default_value_t = 20)]
    attempts: u32,
}

/// Longest output that is shown in a text, in characters.
const LONGEST_OUTPUT: usize = 2_000;

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let query = RunQuery { attempts: Some(args.attempts) };
    let detail = block_on(async { Look::open(context).await?.run(args.run, query).await })?;
    if context.out.json() {
        context.out.value(&detail)?;
        return Ok(Exit::Ok);
    }
    let state = context.global.here()?;
    let color = context.out.color;
    let summary = &detail.summary;
    let mut text = format!("{}\n", report::ended(summary, color));
    let mut fact = |name: &str, value: &str| text.push_str(&format!("  {name:<10} {value}\n"));
    if let Some(partition) = &summary.partition {
        fact("partition", partition);
    }
    fact("trigger", &trigger(summary));
    if let Some(tick) = &summary.scheduled_time {
        fact("tick", &when(tick));
    }
    fact("created", &when(&summary.created_at));
    fact("version", &detail.flow_digest);
    if !detail.params.is_empty() {
        fact("params", &serde_json::Value::Object(detail.params.clone()).to_string());
    }
    if detail.cancel_requested && !summary.state.is_final() {
        fact("asked", "to stop");
    }
    text.push('\n');
    text.push_str(&tasks(&detail, color));
    for task in &detail.tasks {
        text.push_str(&attempts(task, color));
    }
    text.push_str(&outputs(&detail, state.as_deref(), color));
    context.out.text(text)?;
    Ok(Exit::Ok)
}

fn tasks(detail: &RunDetail, color: bool) -> String {
    let mut table = Table::new(["task", "state", ">attempts", ">items", "started", ">took", "needs"]);
    for task in &detail.tasks {
        let items = task.items.map_or_else(String::new, |i| match i.failed {
            0 => format!("{}/{}", i.succeeded, i.total),
            n => format!("{}/{} ({n} failed)", i.succeeded, i.total),
        });
        let took = report::took(task.started_at.as_deref(), task.ended_at.as_deref()).map(human::duration);
        table.row([
            task.task.clone().into(),
            painted(task.state.as_str(), paint(task.state)),
            task.attempts_total.to_string().into(),
            items.into(),
            task.started_at.as_deref().map(when).unwrap_or_default().into(),
            took.unwrap_or_default().into(),
            task.needs.join(", ").into(),
        ]);
    }
    table.render(color)
}

pub(super) fn paint(state: TaskState) -> Paint {
    match state {
        TaskState::Pending | TaskState::Ready | TaskState::Skipped => Paint::Dim,
        TaskState::Running | TaskState::Cancelled => Paint::Busy,
        TaskState::Succeeded => Paint::Good,
        TaskState::Failed | TaskState::UpstreamFailed => Paint::Bad,
    }
}

/// What is worth a line: why it did not succeed, and what it used.
fn attempts(task: &TaskDetail, color: bool) -> String {
    let mut text = String::new();
    let reason = task
        .skip_reason
        .map(|r| serde_json::to_value(r).ok().and_then(|v| Some(v.as_str()?.to_owned())).unwrap_or_default());
    if let Some(reason) = reason {
        text.push_str(&format!("  {}: skipped: {reason}\n", task.task));
    }
    if let Some(outcome) = &task.refused {
        text.push_str(&format!("  {}: {}\n", task.task, ended(outcome, color)));
    }
    for attempt in &task.attempts {
        let head = format!("{}#{}", label(&task.task, attempt.item), attempt.attempt);
        text.push_str(&format!("  {head}: {}\n", one(attempt, color)));
    }
    let more = task.attempts_total.saturating_sub(task.attempts.len() as u64);
    if more > 0 {
        text.push_str(&format!("  {}: {more} more attempts (--attempts N)\n", task.task));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn one(attempt: &AttemptDetail, color: bool) -> String {
    match (&attempt.outcome, &attempt.progress) {
        (Some(outcome), _) => ended(outcome, color),
        (None, Some(p)) => {
            let total = p.total.map_or_else(String::new, |t| format!(" of {t}"));
            format!("running, {}{total} {}", p.done, safe(p.message.as_deref().unwrap_or_default()))
        }
        (None, None) => match &attempt.phase {
            Some(phase) => format!("{}, since {}", safe(phase), when(&attempt.started_at)),
            None => format!("running since {}", when(&attempt.started_at)),
        },
    }
}

fn ended(outcome: &Outcome, color: bool) -> String {
    let paint = match outcome.cause {
        Cause::Succeeded => Paint::Good,
        Cause::Cancelled => Paint::Busy,
        _ => Paint::Bad,
    };
    let mut text = paint.on(outcome.cause.as_str(), color);
    if !outcome.message.is_empty() {
        text.push_str(&format!(": {}", safe_lines(&outcome.message)));
    }
    let usage = &outcome.usage;
    let mut used = Vec::new();
    if usage.run_us > 0 {
        used.push(human::duration(Duration::from_micros(usage.run_us)));
    }
    if usage.memory_bytes > 0 {
        used.push(human::bytes(usage.memory_bytes));
    }
    if usage.log_dropped > 0 {
        used.push(format!("{} log lines dropped", usage.log_dropped));
    }
    if !used.is_empty() {
        text.push_str(&format!(" ({})", used.join(", ")));
    }
    text
}

/// The outputs of the tasks that no other needs, and where their artifacts lie.
pub(super) fn outputs(detail: &RunDetail, state: Option<&std::path::Path>, color: bool) -> String {
    let mut text = String::new();
    let tenant = detail.summary.flow.split('/').next().unwrap_or_default();
    let place = report::Place { state, tenant, store: detail.store.as_deref() };
    for (task, outcome) in results(detail) {
        let name = Paint::Strong.on(task, color);
        match &outcome.output {
            Some(Payload::Json(json)) => {
                let json = json.get();
                match json.char_indices().nth(LONGEST_OUTPUT) {
                    Some((cut, _)) => text.push_str(&format!(
                        "\n{name}: {} ... ({})\n",
                        &json[..cut],
                        human::bytes(json.len() as u64)
                    )),
                    None => text.push_str(&format!("\n{name}: {json}\n")),
                }
            }
            Some(Payload::Artifact(a)) => {
                text.push_str(&format!("\n{name}: {}\n", place.of(&a.digest)));
            }
            None => {}
        }
        for a in &outcome.artifacts {
            text.push_str(&format!("  {}\n", place.line(a)));
        }
    }
    text
}

/// Outcomes that are the run's result: of plain tasks that succeeded and that no other task needs.
pub(super) fn results(detail: &RunDetail) -> Vec<(&str, &Outcome)> {
    let needed = |name: &str| detail.tasks.iter().any(|t| t.needs.iter().any(|n| n == name));
    detail
        .tasks
        .iter()
        .filter(|t| !needed(&t.task) && t.items.is_none())
        .filter_map(|t| {
            let outcome =
                t.attempts.iter().rev().find_map(|a| a.outcome.as_ref().filter(|o| o.cause == Cause::Succeeded))?;
            Some((t.task.as_str(), outcome))
        })
        .collect()
}
