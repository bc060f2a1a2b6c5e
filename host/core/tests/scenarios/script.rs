//! Scenarios as text: one step a line; what each led to is written below it.

use crate::world::World;
use serde_json::value::RawValue;
use std::fmt::Write;
use std::time::Duration;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::action::{Action, AttemptKey, Batch};
use wharf_core::event::{BackfillId, Entry, Event, RunId, TickEnd};
use wharf_core::plan::{Flow, FlowName};
use wharf_core::scheduler::BackfillRequest;

/// Runs the steps of a script and compares with what is expected.
///
/// `run FLOW [PARTITION] [JSON]`, `ok N TASK[.ITEM] [JSON]`, `fail N TASK[.ITEM] CAUSE`, `+SECONDS`, `at TIME`, `cancel N`,
/// `retry N [TASK] [latest]`, `backfill FLOW FROM TO [SKIP...]`, `cancel-backfill N`, `answer` (of the store), `crash`,
/// `hold`, `go`, `all-ok` (whatever runs succeeds, until nothing does), `wake` (on to when it asked to be woken).
pub(crate) fn check(world: &mut World, script: &str, expect: &expect_test::Expect) {
    let mut out = String::new();
    for step in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let _ = writeln!(out, "> {step}");
        let words: Vec<_> = step.split_whitespace().collect();
        if words[0] == "all-ok" {
            all_ok(world, &mut out);
            continue;
        }
        if let Err(refused) = perform(world, &words) {
            let _ = writeln!(out, "  refused: {refused}");
        }
        let batch = world.decide();
        show(world, &batch, &mut out);
    }
    expect.assert_eq(&out);
}

fn all_ok(world: &mut World, out: &mut String) {
    while !world.running.is_empty() || !world.questions.is_empty() {
        world.answer();
        let attempts: Vec<_> = world.running.keys().copied().collect();
        for attempt in attempts {
            world.finish(attempt, Outcome::succeeded(Payload::null()));
        }
        let batch = world.decide();
        show(world, &batch, out);
    }
}

fn perform(world: &mut World, words: &[&str]) -> Result<(), String> {
    let now = world.now;
    let run = |at: usize| RunId(words[at].parse().unwrap());
    match words[0] {
        "run" => {
            let json = words.get(2).filter(|w| w.starts_with('{'));
            let params = json.map(|w| serde_json::from_str(w).unwrap()).unwrap_or_default();
            world.try_run(words[1], params, words.get(2).filter(|w| !w.starts_with('{')).copied()).map(drop)
        }
        "ok" => {
            let output = words.get(3).copied().unwrap_or("null");
            let output = Payload::Json(RawValue::from_string(output.to_owned()).unwrap());
            let attempt = attempt(world, run(1), words[2]);
            world.finish(attempt, Outcome::succeeded(output));
            Ok(())
        }
        "fail" => {
            let attempt = attempt(world, run(1), words[2]);
            world.finish(attempt, Outcome::failed(Cause::parse(words[3]).unwrap(), "no"));
            Ok(())
        }
        "cancel" => world.scheduler.cancel_run(run(1), now).map_err(|e| e.to_string()),
        "retry" => {
            world.scheduler.load_run(world.recorded(run(1))).map_err(|e| e.to_string())?;
            let from = words.get(2).filter(|w| **w != "latest").copied();
            world.scheduler.retry_run(run(1), from, words.contains(&"latest"), now).map_err(|e| e.to_string())
        }
        "backfill" => {
            let request = BackfillRequest {
                flow: FlowName { tenant: "t".into(), flow: words[1].into() },
                from: words[2].into(),
                to: words[3].into(),
                skip: words[4..].iter().map(|w| (*w).to_owned()).collect(),
                params: serde_json::Map::new(),
                max_active: None,
            };
            world.scheduler.backfill(request, now).map(drop).map_err(|e| e.to_string())
        }
        "cancel-backfill" => {
            let id = BackfillId(words[1].parse().unwrap());
            world.scheduler.cancel_backfill(id, now).map_err(|e| e.to_string())
        }
        "at" => {
            world.now = wharf_core::time::Timestamp::parse_rfc3339(words[1]).unwrap();
            Ok(())
        }
        "wake" => {
            world.now = world.wake_at.ok_or("nothing to wake for")?;
            Ok(())
        }
        "answer" => {
            world.answer();
            Ok(())
        }
        "crash" => {
            world.crash();
            Ok(())
        }
        "hold" | "go" => {
            world.scheduler.hold(words[0] == "hold");
            Ok(())
        }
        "look" => Ok(()),
        step => {
            let seconds = step.strip_prefix('+').unwrap_or_else(|| panic!("no such step: {step}")).parse().unwrap();
            world.now = world.now.plus(Duration::from_secs(seconds));
            Ok(())
        }
    }
}

/// The running attempt of `TASK` or `TASK.ITEM`.
fn attempt(world: &World, run: RunId, name: &str) -> AttemptKey {
    let (task, item) = match name.split_once('.') {
        Some((task, item)) => (task, Some(item.parse().unwrap())),
        None => (name, None),
    };
    let flow = world.scheduler.run(run).unwrap().flow().clone();
    let task = flow.tasks.iter().position(|t| t.name == task).unwrap();
    let mut fits = world.running.keys().filter(|k| k.run == run && usize::from(k.task) == task && k.item == item);
    *fits.next().unwrap_or_else(|| panic!("{name} of run {run} is not running"))
}

fn show(world: &World, batch: &Batch, out: &mut String) {
    for entry in &batch.entries {
        let _ = match entry {
            Entry::Run { run, event, .. } => writeln!(out, "  {run} {}", event_text(&flow_of(world, *run), event)),
            Entry::Tick(tick) => {
                let end = match tick.end {
                    TickEnd::Ran(run) => format!("ran as {run}"),
                    TickEnd::Late(run) => format!("ran late as {run}"),
                    TickEnd::Skipped(why) => format!("skipped: {why:?}"),
                };
                writeln!(out, "  tick {} {end}", tick.scheduled_time)
            }
            Entry::Cursor { at, .. } => writeln!(out, "  cursor {at}"),
            Entry::BackfillCreated { id, spec, .. } => {
                writeln!(out, "  backfill {id} created {}..{} without {:?}", spec.from, spec.to, spec.skip)
            }
            Entry::BackfillEnded { id, state, .. } => writeln!(out, "  backfill {id} {}", state.as_str()),
            Entry::BackfillCancelled { id, .. } => writeln!(out, "  backfill {id} cancelled"),
        };
    }
    for action in &batch.actions {
        let _ = match action {
            Action::Start(s) => {
                let input = match &s.input {
                    Payload::Json(raw) => raw.get().to_owned(),
                    Payload::Artifact(a) => format!("artifact {}", a.name),
                };
                let memory = s.memory.map(|m| format!(" memory={m}")).unwrap_or_default();
                let partition = s.context.partition.as_ref().map(|p| format!(" of {}", p.key)).unwrap_or_default();
                let partial = if s.context.partial { " partial" } else { "" };
                writeln!(out, "  => start {}{partition}{partial} {input}{memory}", name(&s.flow, s.attempt))
            }
            Action::Stop { attempt, grace } => {
                writeln!(out, "  => stop {} in {grace} ms", name(&flow_of(world, attempt.run), *attempt))
            }
            Action::ReadUpstream(q) => {
                let need = &q.flow.tasks[usize::from(q.need)].name;
                writeln!(out, "  => read {need} of {}", q.partitions.join(" "))
            }
        };
    }
}

fn flow_of(world: &World, run: RunId) -> Flow {
    let recorded = world.recorded(run);
    (**recorded.flows.last().unwrap()).clone()
}

fn name(flow: &Flow, key: AttemptKey) -> String {
    let item = key.item.map(|i| format!(".{i}")).unwrap_or_default();
    format!("{} {}{item}#{}", key.run, flow.tasks[usize::from(key.task)].name, key.attempt)
}

fn event_text(flow: &Flow, event: &Event) -> String {
    let task = |task: u16, item: Option<u32>| {
        let item = item.map(|i| format!(".{i}")).unwrap_or_default();
        format!("{}{item}", flow.tasks[usize::from(task)].name)
    };
    let names = |tasks: &[u16]| tasks.iter().map(|t| task(*t, None)).collect::<Vec<_>>().join(",");
    match event {
        Event::Created(spec) => {
            let partition = spec.partition.as_ref().map(|p| format!(" {}", p.key)).unwrap_or_default();
            let layer = spec.layer.map(|l| format!(" {l}")).unwrap_or_default();
            format!("created {}{layer}{partition}", spec.flow)
        }
        Event::Expanded { task: t, items } => format!("{} expanded to {items}", task(*t, None)),
        Event::Skipped { task: t, reason } => format!("{} skipped: {reason:?}", task(*t, None)),
        Event::Refused { task: t, item, outcome } => {
            format!("{} refused: {} {}", task(*t, *item), outcome.cause, outcome.message)
        }
        Event::Started { task: t, item, attempt } => format!("{}#{attempt} started", task(*t, *item)),
        Event::Finished { task: t, item, attempt, outcome } => {
            format!("{}#{attempt} {}", task(*t, *item), outcome.cause)
        }
        Event::CancelRequested => "cancel requested".into(),
        Event::Retried { tasks, resumed, flow_digest } => {
            let resumed = if resumed.is_empty() { String::new() } else { format!(", resumed {}", names(resumed)) };
            format!("retried {}{resumed} with {flow_digest}", names(tasks))
        }
        Event::Ended { state } => format!("ended {}", state.as_str()),
    }
}
