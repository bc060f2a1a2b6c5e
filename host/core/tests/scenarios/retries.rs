//! Attempts after attempts, deadlines, and runs that go on.

use crate::build::{flow, plan, task};
use crate::script::check;
use crate::world::World;
use expect_test::expect;
use serde_json::json;
use std::time::Duration;
use wharf_contract::{Cause, Outcome};
use wharf_core::plan::RunIf;
use wharf_core::time::Timestamp;

const NOW: &str = "2024-03-01T10:00:00Z";

#[test]
fn the_tasks_budget_and_the_platforms_are_counted_apart() {
    let f = flow("f", vec![task("a").attempts(2, 1)]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        fail 1 a worker-lost
        wake
        fail 1 a trap
        wake
        fail 1 a worker-lost
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > fail 1 a worker-lost
              1 a#1 worker-lost
            > wake
              1 a#2 started
              => start 1 a#2 null
            > fail 1 a trap
              1 a#2 trap
            > wake
              1 a#3 started
              => start 1 a#3 null
            > fail 1 a worker-lost
              1 a#3 worker-lost
              1 ended failed
        "#]],
    );
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_up_a_retry() {
    let minutes = |n: i64| n * 60_000_000;
    for crash in [false, true] {
        let mut world = World::new(plan(vec![flow("f", vec![task("a").attempts(1, 9)])], 8, None, &[]), NOW);
        world.run("f");
        world.decide();
        for back in [minutes(20), minutes(-20), minutes(20), 1] {
            let attempt = *world.running.keys().next().expect("an attempt runs");
            world.finish(attempt, Outcome::failed(Cause::WorkerLost, "lost"));
            world.decide();
            world.now = Timestamp::from_micros(world.now.as_micros() - back);
            if crash {
                world.crash();
            }
            world.decide();
            if world.running.is_empty() {
                let waits = world.wake_at.expect("a retry is waited for").since(world.now);
                assert!(waits <= Duration::from_secs(10), "after {back} us back it waits for {waits:?}");
                world.now = world.now.plus(waits);
                world.decide();
            }
            assert_eq!(world.running.len(), 1, "after {back} us back");
        }
    }
}

#[test]
fn only_the_named_causes_are_tried_again() {
    let f = flow("f", vec![task("a").attempts(3, 1).retry_on(&[Cause::Timeout])]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        fail 1 a timeout
        wake
        fail 1 a trap
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > fail 1 a timeout
              1 a#1 timeout
            > wake
              1 a#2 started
              => start 1 a#2 null
            > fail 1 a trap
              1 a#2 trap
              1 ended failed
        "#]],
    );
}

#[test]
fn memory_grows_after_its_limit_also_across_a_crash() {
    let f = flow("f", vec![task("a").attempts(4, 1).memory(1000, 150, 2000)]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        fail 1 a memory-limit
        wake
        fail 1 a memory-limit
        crash
        wake
        fail 1 a memory-limit
        wake
        ok 1 a
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > fail 1 a memory-limit
              1 a#1 memory-limit
            > wake
              1 a#2 started
              => start 1 a#2 null memory=1500
            > fail 1 a memory-limit
              1 a#2 memory-limit
            > crash
            > wake
              1 a#3 started
              => start 1 a#3 null memory=2000
            > fail 1 a memory-limit
              1 a#3 memory-limit
            > wake
              1 a#4 started
              => start 1 a#4 null memory=2000
            > ok 1 a
              1 a#4 succeeded
              1 ended succeeded
        "#]],
    );
}

#[test]
fn a_deadline_for_starting_passes_while_there_is_no_room() {
    let f = flow("f", vec![task("a"), task("b").start_deadline(30), task("c").needs(&["b"]).run_if(RunIf::AnyFailed)]);
    let mut world = World::new(plan(vec![f], 1, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        wake
        all-ok
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > wake
              1 b refused: start-deadline it was ready for 30 s and not started: no slot was free, or the coordinator was away
            > all-ok
              1 a#1 succeeded
              1 c#1 started
              => start 1 c#1 null
              1 c#1 succeeded
              1 ended failed
        "#]],
    );
}

#[test]
fn an_executor_that_never_answers_is_told_to_end_the_attempt() {
    let f = flow("f", vec![task("a").timeout(10)]);
    let mut world = World::new(plan(vec![f], 1, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        +300
        wake
        wake
        fail 1 a cancelled
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > +300
            > wake
              => stop 1 a#1 in 0 ms
            > wake
              => stop 1 a#1 in 0 ms
            > fail 1 a cancelled
              1 a#1 timeout
              1 ended failed
        "#]],
    );
}

#[test]
fn a_failed_run_goes_on_from_what_failed_or_from_a_task() {
    let f = flow(
        "f",
        vec![
            task("a"),
            task("b").needs(&["a"]).input(json!("{{ tasks.a.output }}")),
            task("c").needs(&["b"]),
            task("other").needs(&["a"]),
            task("note").needs(&["c"]).run_if(RunIf::AnyFailed),
        ],
    );
    let mut changed = f.clone();
    changed.digest = "f-2".into();
    changed.tasks[1].input = json!({"was": "{{ tasks.a.output }}"});
    let mut moved = changed.clone();
    moved.digest = "f-3".into();
    moved.tasks[3].name = "another".into();
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        ok 1 a 7
        fail 1 b permanent
        ok 1 other
        retry 1
        ok 1 note
        retry 1 nope
        retry 1 oter
        retry 1
        crash
        wake
        ok 1 b
        ok 1 c
        retry 1
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > ok 1 a 7
              1 a#1 succeeded
              1 b#1 started
              1 other#1 started
              => start 1 b#1 7
              => start 1 other#1 null
            > fail 1 b permanent
              1 b#1 permanent
              1 note#1 started
              => start 1 note#1 null
            > ok 1 other
              1 other#1 succeeded
            > retry 1
              refused: run 1 is not final: cancel it first
            > ok 1 note
              1 note#1 succeeded
              1 ended failed
            > retry 1 nope
              refused: flow `t/f` has no task `nope`: did you mean `note`?
            > retry 1 oter
              refused: flow `t/f` has no task `oter`: did you mean `other`?
            > retry 1
              1 retried b,c,note with f-1
              1 b#2 started
              => start 1 b#2 7
            > crash
              1 b#2 worker-lost
            > wake
              1 b#3 started
              => start 1 b#3 7
            > ok 1 b
              1 b#3 succeeded
              1 c#1 started
              => start 1 c#1 null
            > ok 1 c
              1 c#1 succeeded
              1 ended succeeded
            > retry 1
              refused: run 1 has nothing to retry: no task of it failed; name the task to start from
        "#]],
    );
    world.set_plan(plan(vec![changed], 8, None, &[]));
    check(
        &mut world,
        "retry 1 b latest\ncrash\nwake\nfail 1 b permanent\nall-ok",
        &expect![[r#"
        > retry 1 b latest
          1 retried b,c,note with f-2
          1 b#4 started
          => start 1 b#4 {"was":7}
        > crash
          1 b#4 worker-lost
        > wake
          1 b#5 started
          => start 1 b#5 {"was":7}
        > fail 1 b permanent
          1 b#5 permanent
          1 note#2 started
          => start 1 note#2 null
        > all-ok
          1 note#2 succeeded
          1 ended failed
    "#]],
    );
    world.set_plan(plan(vec![moved], 8, None, &[]));
    check(
        &mut world,
        "retry 1 latest",
        &expect![[r#"
        > retry 1 latest
          refused: run 1 cannot go on with the flow of the present config: the task `another` stands where `other` stood; start a new run instead
    "#]],
    );
}
