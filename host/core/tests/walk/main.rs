//! Random walks: flows of chance, under inputs of chance, with crashes in between. Each walk follows from its seed.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../scenarios/build.rs"]
mod build;
mod chance;
mod flows;
mod rules;
#[path = "../scenarios/world.rs"]
mod world;

use chance::Chance;
use std::time::Duration;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::action::Batch;
use wharf_core::event::{Entry, Event, RunState};
use wharf_core::plan::FlowName;
use wharf_core::scheduler::{BackfillRequest, RunRequest};
use world::World;

const STEPS: u32 = 250;

/// `WALK_SEEDS` asks for more than the usual number of walks.
fn seeds() -> u64 {
    std::env::var("WALK_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

/// What happened over all walks, so that a walk that does nothing is noticed.
#[derive(Debug, Default)]
struct Seen {
    started: u64,
    finished: u64,
    retried: u64,
    refused: u64,
    cancelled: u64,
    crashes: u64,
    upstream: u64,
    ticks: u64,
    succeeded: u64,
    failed: u64,
}

#[test]
fn whatever_happens_the_rules_hold_and_every_run_ends() {
    let mut seen = Seen::default();
    for seed in 0..seeds() {
        walk(seed, &mut seen);
    }
    let Seen { started, finished, retried, refused, cancelled, crashes, upstream, ticks, succeeded, failed } = seen;
    for (what, count, least) in [
        ("started", started, 5_000),
        ("finished", finished, 5_000),
        ("retried", retried, 100),
        ("refused", refused, 100),
        ("cancelled", cancelled, 100),
        ("crashes", crashes, 200),
        ("upstream", upstream, 100),
        ("ticks", ticks, 200),
        ("succeeded", succeeded, 300),
        ("failed", failed, 300),
    ] {
        assert!(count >= least, "only {count} {what}");
    }
}

#[test]
fn the_same_walk_gives_the_same_entries() {
    for seed in [3, 7] {
        let log = |_| format!("{:?}", walk(seed, &mut Seen::default()).log);
        assert!(log(1) == log(2), "seed {seed}");
    }
}

fn walk(seed: u64, seen: &mut Seen) -> World {
    let mut chance = Chance(seed);
    let plan = flows::plan(&mut chance);
    let names: Vec<FlowName> = plan.flows.keys().cloned().collect();
    let mut world = World::new(plan, "2024-03-05T00:00:30Z");
    let mut held = false;
    for step in 0..STEPS {
        let what = format!("seed {seed} step {step}");
        match chance.below(100) {
            0..8 => {
                let request = RunRequest {
                    flow: chance.pick(&names).clone(),
                    params: [("n".to_owned(), chance.below(4).into())].into_iter().collect(),
                    partition: None,
                };
                // A flow of no time needs no partition, and one of days has had some.
                world.scheduler.create_run(request, world.now).unwrap();
            }
            8..10 => {
                let days = names.iter().find(|n| n.flow == "days").unwrap().clone();
                let request = BackfillRequest {
                    flow: days,
                    from: "2024-02-27".into(),
                    to: format!("2024-03-0{}", 1 + chance.below(4)),
                    skip: if chance.one_in(2) { vec!["2024-02-28".into()] } else { vec![] },
                    params: serde_json::Map::new(),
                    max_active: Some(1 + u32::try_from(chance.below(3)).unwrap()),
                };
                world.scheduler.backfill(request, world.now).unwrap();
            }
            10..60 => finish_some(&mut world, &mut chance),
            60..75 => world.now = world.now.plus(Duration::from_millis(chance.below(4000))),
            75..77 => world.now = world.now.plus(Duration::from_secs(chance.below(7200))),
            77..83 => world.answer(),
            83..87 => {
                let live: Vec<_> = world.scheduler.runs().map(|r| r.id()).collect();
                if !live.is_empty() {
                    // It may be cancelled already.
                    let _ = world.scheduler.cancel_run(*chance.pick(&live), world.now);
                }
            }
            87..91 => retry(&mut world, &mut chance),
            91..93 => {
                let open: Vec<_> = world.scheduler.backfills().map(|b| b.id).collect();
                if !open.is_empty() {
                    let _ = world.scheduler.cancel_backfill(*chance.pick(&open), world.now);
                }
            }
            93..95 => {
                held = !held;
                world.scheduler.hold(held);
            }
            95..97 => {
                world.crash();
                seen.crashes += 1;
                held = false;
            }
            _ => {}
        }
        // Sometimes a crash takes away what was taken in and not decided on.
        if chance.one_in(40) {
            world.crash();
            seen.crashes += 1;
            held = false;
        }
        let batch = world.decide();
        count(&batch, seen);
        rules::check(&world, held, &what);
        if chance.one_in(8) {
            rules::check_replay(&world, &what);
        }
    }
    world.scheduler.hold(false);
    end(&mut world, &mut chance, seen, seed);
    world
}

fn finish_some(world: &mut World, chance: &mut Chance) {
    for _ in 0..=chance.below(3) {
        let running: Vec<_> = world.running.keys().copied().collect();
        if running.is_empty() {
            return;
        }
        let attempt = *chance.pick(&running);
        let outcome = match chance.below(10) {
            _ if world.stopping.contains(&attempt) && chance.one_in(2) => Outcome::failed(Cause::Cancelled, "stopped"),
            0 => Outcome::failed(*chance.pick(&Cause::ALL[1..]), "no"),
            1 => Outcome::failed(Cause::WorkerLost, "gone"),
            2 => Outcome::failed(Cause::Retryable, "later"),
            _ => Outcome::succeeded(Payload::Json(
                serde_json::value::to_raw_value(&(0..chance.below(5)).collect::<Vec<_>>()).unwrap(),
            )),
        };
        world.finish(attempt, outcome);
    }
}

fn retry(world: &mut World, chance: &mut Chance) {
    let ended = world.log.iter().filter_map(|e| match e {
        Entry::Run { run, event: Event::Ended { .. }, .. } => Some(*run),
        _ => None,
    });
    let mut ended: Vec<_> = ended.collect();
    ended.retain(|run| world.scheduler.run(*run).is_none());
    if ended.is_empty() {
        return;
    }
    let run = *chance.pick(&ended);
    let recorded = world.recorded(run);
    let tasks: Vec<_> = recorded.flows[0].tasks.iter().map(|t| t.name.clone()).collect();
    let from = chance.one_in(2).then(|| chance.pick(&tasks).clone());
    world.scheduler.load_run(recorded).unwrap();
    // There may be nothing to retry, or the task not be part of the run.
    let _ = world.scheduler.retry_run(run, from.as_deref(), chance.one_in(2), world.now);
}

/// Answers all, waits for all: no run may stay.
fn end(world: &mut World, chance: &mut Chance, seen: &mut Seen, seed: u64) {
    world.scheduler.run_schedules(false);
    world.schedules = false;
    for _ in 0..20_000 {
        world.answer();
        finish_some(world, chance);
        count(&world.decide(), seen);
        if world.scheduler.is_idle() {
            break;
        }
        if world.running.is_empty() && world.questions.is_empty() {
            let wake = world.wake_at.unwrap_or_else(|| panic!("seed {seed}: runs wait for nothing"));
            world.now = world.now.max(wake);
        }
    }
    assert!(world.scheduler.is_idle(), "seed {seed}: some runs do not end");
    rules::check_log(world, &format!("seed {seed}"));
}

fn count(batch: &Batch, seen: &mut Seen) {
    for entry in &batch.entries {
        match entry {
            Entry::Tick(_) => seen.ticks += 1,
            Entry::Run { event, .. } => match event {
                Event::Started { .. } => seen.started += 1,
                Event::Finished { .. } => seen.finished += 1,
                Event::Refused { .. } => seen.refused += 1,
                Event::CancelRequested => seen.cancelled += 1,
                Event::Retried { .. } => seen.retried += 1,
                Event::Ended { state: RunState::Succeeded } => seen.succeeded += 1,
                Event::Ended { state: RunState::Failed } => seen.failed += 1,
                _ => {}
            },
            _ => {}
        }
    }
    let read = |a: &&wharf_core::action::Action| matches!(a, wharf_core::action::Action::ReadUpstream(_));
    seen.upstream += batch.actions.iter().filter(read).count() as u64;
}
