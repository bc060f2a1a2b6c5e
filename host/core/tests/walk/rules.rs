//! What must hold after every step, worked out from scratch.

use crate::world::World;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use wharf_core::event::{Entry, Event, RunId, SkipReason, Trigger};
use wharf_core::plan::RunIf;
use wharf_core::run::{ItemState, Run, TaskState, TaskView};

pub(crate) fn check(world: &World, held: bool, what: &str) {
    bounds(world, what);
    for run in world.scheduler.runs() {
        for task in run.tasks() {
            state_follows_from_needs(run, task, what);
            has_an_owner(world, run, task, held, what);
        }
    }
    if !held {
        frontier(world, what);
    }
}

/// Parallelism and pools.
fn bounds(world: &World, what: &str) {
    let coordinator = &world.plan.coordinator;
    assert!(world.running.len() <= coordinator.parallelism as usize, "{what}: too many attempts");
    let (mut tenants, mut pools, mut tasks) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for key in world.running.keys() {
        let run = world.scheduler.run(key.run).unwrap_or_else(|| panic!("{what}: {key:?} of a run that is over"));
        let spec = &run.flow().tasks[usize::from(key.task)];
        *tenants.entry(run.flow().name.tenant.clone()).or_insert(0) += 1;
        *tasks.entry((key.run, key.task)).or_insert(0) += 1;
        if let Some(pool) = &spec.pool {
            let (used, attempts) = pools.entry(pool.clone()).or_insert((0, 0));
            *used += spec.slots;
            *attempts += 1;
        }
    }
    for (name, used) in &tenants {
        let most = world.plan.tenants[name].parallelism;
        assert!(most.is_none_or(|most| *used <= most), "{what}: tenant {name} has {used} attempts");
    }
    for (name, (used, attempts)) in &pools {
        assert!(*used <= coordinator.pools[name] || *attempts == 1, "{what}: pool {name} is over its size");
    }
    for ((run, task), open) in tasks {
        let run = world.scheduler.run(run).unwrap();
        let for_each = run.flow().tasks[usize::from(task)].for_each.as_ref();
        let most = for_each.map_or(Some(1), |f| f.parallelism);
        assert!(most.is_none_or(|most| open <= most), "{what}: {open} items of task {task}");
        assert_eq!(run.task(task).unwrap().counts.open, open, "{what}: the executor and the run disagree");
    }
}

/// A task waits exactly as long as a need is not final, and what its needs decide is so.
fn state_follows_from_needs(run: &Run, task: TaskView, what: &str) {
    let what = format!("{what}: run {} task {}", run.id(), task.task);
    let spec = &run.flow().tasks[usize::from(task.task)];
    // A retry from one task leaves others cancelled as they are.
    if task.state == TaskState::Cancelled {
        return;
    }
    let needs: Vec<_> =
        spec.needs.iter().filter_map(|n| run.task(u16::try_from(*n).unwrap())).map(|n| n.state).collect();
    let open = needs.iter().any(|n| !n.is_final());
    if run.is_cancelling() {
        assert!(task.state.is_final() || task.state == TaskState::Active, "{what} is {:?}", task.state);
        return;
    }
    if open {
        return assert_eq!(task.state, TaskState::Waiting, "{what}");
    }
    let bad = |n: &TaskState| matches!(n, TaskState::Failed | TaskState::UpstreamFailed | TaskState::Cancelled);
    let failed = needs.iter().any(bad);
    let skipped = needs.iter().any(|n| matches!(n, TaskState::Skipped(_)));
    let decided = match spec.run_if {
        RunIf::AllSucceeded if failed => Some(TaskState::UpstreamFailed),
        RunIf::AllSucceeded if skipped => Some(TaskState::Skipped(SkipReason::NeedSkipped)),
        RunIf::AnyFailed if !failed => Some(TaskState::Skipped(SkipReason::NoneFailed)),
        _ => None,
    };
    match decided {
        Some(state) => assert_eq!(task.state, state, "{what}"),
        None => {
            let by_needs = matches!(
                task.state,
                TaskState::Waiting
                    | TaskState::UpstreamFailed
                    | TaskState::Skipped(SkipReason::NeedSkipped | SkipReason::NoneFailed)
            );
            assert!(!by_needs, "{what} is {:?}", task.state);
        }
    }
}

/// Nothing waits for nobody.
fn has_an_owner(world: &World, run: &Run, task: TaskView, held: bool, what: &str) {
    if task.state.is_final() || task.state == TaskState::Waiting || held {
        return;
    }
    let with_executor = task.counts.open > 0;
    let with_store = world.questions.iter().any(|q| q.run == run.id() && q.task == task.task);
    let retries = (0..task.items.unwrap_or(1)).filter_map(|i| run.retry_at(task.task, i));
    let retry = retries.filter(|at| *at > world.now).min();
    let with_clock = retry.is_some();
    assert!(
        retry.is_none_or(|at| run.is_cancelling() || world.wake_at.is_some_and(|wake| wake <= at)),
        "{what}: sleeps past {retry:?}"
    );
    let in_line = !startable(world, run, task).is_empty();
    assert!(
        with_executor || with_store || with_clock || in_line,
        "{what}: task {} of run {} waits for nobody: {task:?}",
        task.task,
        run.id()
    );
}

/// Items that could start now, but for the bounds over tasks.
fn startable(world: &World, run: &Run, task: TaskView) -> Vec<u32> {
    let spec = &run.flow().tasks[usize::from(task.task)];
    let asks = world.questions.iter().any(|q| q.run == run.id() && q.task == task.task);
    let full = spec.for_each.as_ref().and_then(|f| f.parallelism).is_some_and(|most| task.counts.open >= most);
    if task.state.is_final() || task.state == TaskState::Waiting || run.is_cancelling() || asks || full {
        return Vec::new();
    }
    let due = |item: &u32| match run.item(task.task, *item).unwrap().0 {
        ItemState::Waiting => true,
        ItemState::Retrying => run.retry_at(task.task, *item).is_some_and(|at| at <= world.now),
        _ => false,
    };
    (0..task.items.unwrap_or(1)).filter(due).collect()
}

/// Of each lane the first task does not fit: worked out from all tasks of all runs, not from what has changed. And as much
/// is in line as the scheduler says.
fn frontier(world: &World, what: &str) {
    let mut lanes: BTreeMap<(String, Option<String>), Vec<_>> = BTreeMap::new();
    let mut queued = 0;
    for run in world.scheduler.runs() {
        let flow = run.flow();
        for task in run.tasks() {
            let items = startable(world, run, task);
            if items.is_empty() {
                continue;
            }
            queued += items.len() as u64;
            let spec = &flow.tasks[usize::from(task.task)];
            let place = (Reverse(flow.priority), Reverse(spec.priority), run.id(), task.task, spec.slots);
            lanes.entry((flow.name.tenant.clone(), spec.pool.clone())).or_default().push(place);
        }
    }
    let load = world.scheduler.load();
    assert_eq!(load.queued, queued, "{what}: what is in line of {lanes:?}");
    if load.running >= load.parallelism {
        return;
    }
    for ((tenant, pool), places) in lanes {
        let first = places.iter().min().unwrap();
        let full = |usage: &[wharf_core::scheduler::Usage], name: &str, more: u32| {
            let usage = usage.iter().find(|u| u.name == name).unwrap();
            usage.size.is_some_and(|size| usage.used > 0 && usage.used + more > size)
        };
        let blocked = full(&load.tenants, &tenant, 1) || pool.is_some_and(|pool| full(&load.pools, &pool, first.4));
        assert!(blocked, "{what}: {first:?} has room and was not started");
    }
}

/// What was recorded leads to the state in memory.
pub(crate) fn check_replay(world: &World, what: &str) {
    for run in world.scheduler.runs() {
        assert!(world.replayed(run.id()) == *run, "{what}: run {} is not what was recorded", run.id());
    }
}

/// The whole log replays, each started attempt has one end, and no number came twice.
pub(crate) fn check_log(world: &World, what: &str) {
    let mut attempts: BTreeMap<(RunId, u16, Option<u32>, u32), bool> = BTreeMap::new();
    let (mut runs, mut ticks, mut parts, mut backfills) =
        (Vec::new(), BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for entry in &world.log {
        let (run, event) = match entry {
            Entry::Run { run, event, .. } => (run, event),
            Entry::Tick(tick) => {
                assert!(ticks.insert((&tick.flow, tick.scheduled_time)), "{what}: {tick:?} ended twice");
                continue;
            }
            Entry::BackfillCreated { id, .. } => {
                backfills.insert(*id, 0);
                continue;
            }
            Entry::BackfillEnded { id, .. } => {
                *backfills.get_mut(id).unwrap() += 1;
                continue;
            }
            Entry::Cursor { .. } | Entry::BackfillCancelled { .. } => continue,
        };
        match event {
            Event::Created(spec) => {
                runs.push(*run);
                if let Trigger::Backfill(id) = spec.trigger {
                    let key = &spec.partition.as_ref().unwrap().key;
                    assert!(parts.insert((id.0, spec.layer, key)), "{what}: backfill {id} runs {key} twice");
                }
            }
            Event::Started { task, item, attempt } => {
                let twice = attempts.insert((*run, *task, *item, *attempt), false);
                assert_eq!(twice, None, "{what}: run {run} task {task} {item:?} #{attempt} started twice");
            }
            Event::Finished { task, item, attempt, .. } => {
                let ended = attempts.get_mut(&(*run, *task, *item, *attempt)).unwrap();
                assert!(!*ended, "{what}: run {run} task {task} {item:?} #{attempt} ended twice");
                *ended = true;
            }
            _ => {}
        }
    }
    assert!(backfills.values().all(|ends| *ends == 1), "{what}: {backfills:?} are the ends of backfills");
    assert!(attempts.values().all(|ended| *ended), "{what}: an attempt has no end");
    for run in runs {
        assert!(world.replayed(run).state().is_final(), "{what}: run {run}");
    }
}
