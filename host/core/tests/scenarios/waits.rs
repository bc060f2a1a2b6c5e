//! How long attempts waited, by a clock that is not the wall's.

use crate::build::{flow, plan, task};
use crate::world::World;
use serde_json::json;
use std::time::Duration;
use wharf_contract::{Cause, Outcome, Payload};
use wharf_core::action::Action;
use wharf_core::plan::Flow;

const NOW: &str = "2024-03-01T10:00:00Z";

/// Runs a flow of which one attempt at a time has room. Each attempt ends 10 s after it was decided, as told; one that is
/// tried again has a backoff of 2 s. Gives for each start its task, item and wait in seconds.
fn check(tasks: Flow, ends: &[Cause], expect: &[(&str, Option<u32>, u64)]) {
    let mut world = World::new(plan(vec![tasks], 1, None, &[]), NOW);
    let (mut seconds, mut seen, mut ends) = (100, Vec::new(), ends.iter());
    world.scheduler.measure(Duration::from_secs(seconds));
    let run = world.run("f");
    while !world.scheduler.is_idle() {
        world.scheduler.measure(Duration::from_secs(seconds));
        for action in world.decide().actions {
            if let Action::Start(start) = action {
                let task = &start.flow.tasks[usize::from(start.attempt.task)].name;
                seen.push((task.clone(), start.attempt.item, start.waited.as_secs()));
            }
        }
        // The wall clock jumps about, which is nothing to the other one.
        world.now = world.now.plus(Duration::from_secs(3_600));
        seconds += 10;
        world.scheduler.measure(Duration::from_secs(seconds));
        if let Some(attempt) = world.running.keys().next().copied() {
            world.finish(
                attempt,
                match ends.next() {
                    Some(cause) => Outcome::failed(*cause, "no"),
                    None => Outcome::succeeded(Payload::null()),
                },
            );
        }
    }
    assert!(world.replayed(run).state().is_final());
    let seen: Vec<_> = seen.iter().map(|(task, item, waited)| (task.as_str(), *item, *waited)).collect();
    assert_eq!(seen, expect);
}

#[test]
fn a_task_waits_from_when_its_needs_are_final() {
    let tasks = vec![task("a"), task("b").needs(&["a"]), task("c"), task("d").needs(&["b", "c"])];
    // `c` is ready from the beginning, and comes after both others: `a` and `b` are before it in line.
    check(flow("f", tasks), &[], &[("a", None, 0), ("b", None, 0), ("c", None, 20), ("d", None, 0)]);
}

#[test]
fn an_item_waits_from_when_its_list_was_there() {
    let tasks = vec![task("e").each(json!(["x", "y", "z"]), None)];
    check(flow("f", tasks), &[], &[("e", Some(0), 0), ("e", Some(1), 10), ("e", Some(2), 20)]);
}

#[test]
fn another_attempt_waits_from_when_its_time_has_come() {
    let tasks = vec![task("a").attempts(2, 1), task("b")];
    // An hour later by the wall clock the backoff is over; the decision that sees it is the one that starts.
    check(flow("f", tasks), &[Cause::Trap], &[("a", None, 0), ("b", None, 10), ("a", None, 0)]);
}
