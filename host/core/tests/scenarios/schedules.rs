//! Ticks and how each ends.

use crate::build::{daily, flow, plan, task};
use crate::script::check;
use crate::world::World;
use expect_test::expect;
use wharf_core::plan::{ConcurrencyPolicy, Flow, Missed};

const NOW: &str = "2024-03-01T10:00:30Z";

fn hourly(policy: ConcurrencyPolicy, missed: Missed) -> Flow {
    let mut f = flow("f", vec![task("a")]);
    f.schedule = Some("0 * * * *".into());
    (f.concurrency_policy, f.missed) = (policy, missed);
    f
}

#[test]
fn a_new_flow_ticks_from_when_it_is_first_seen() {
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Allow, Missed::Last)], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        look
        wake
        +3600
        crash
        ",
        &expect![[r#"
            > look
              cursor 2024-03-01T10:00:30Z
            > wake
              1 created t/f
              tick 2024-03-01T11:00:00Z ran as 1
              cursor 2024-03-01T11:00:00Z
              1 a#1 started
              => start 1 a#1 null
            > +3600
              2 created t/f
              tick 2024-03-01T12:00:00Z ran as 2
              cursor 2024-03-01T12:00:00Z
              2 a#1 started
              => start 2 a#1 null
            > crash
              1 a#1 worker-lost
              2 a#1 worker-lost
        "#]],
    );
}

#[test]
fn missed_ticks_are_made_up_for_as_the_flow_says() {
    let away = "look\nat 2024-03-01T14:20:00Z";
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Allow, Missed::Skip)], 8, None, &[]), NOW);
    check(
        &mut world,
        away,
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > at 2024-03-01T14:20:00Z
          tick 2024-03-01T11:00:00Z skipped: Missed
          tick 2024-03-01T12:00:00Z skipped: Missed
          tick 2024-03-01T13:00:00Z skipped: Missed
          tick 2024-03-01T14:00:00Z skipped: Missed
          cursor 2024-03-01T14:00:00Z
    "#]],
    );
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Allow, Missed::Last)], 8, None, &[]), NOW);
    check(
        &mut world,
        away,
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > at 2024-03-01T14:20:00Z
          tick 2024-03-01T11:00:00Z skipped: Missed
          tick 2024-03-01T12:00:00Z skipped: Missed
          tick 2024-03-01T13:00:00Z skipped: Missed
          1 created t/f
          tick 2024-03-01T14:00:00Z ran late as 1
          cursor 2024-03-01T14:00:00Z
          1 a#1 started
          => start 1 a#1 null
    "#]],
    );
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Allow, Missed::All { max: 2 })], 8, None, &[]), NOW);
    check(
        &mut world,
        away,
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > at 2024-03-01T14:20:00Z
          tick 2024-03-01T11:00:00Z skipped: Missed
          tick 2024-03-01T12:00:00Z skipped: Missed
          1 created t/f
          tick 2024-03-01T13:00:00Z ran late as 1
          2 created t/f
          tick 2024-03-01T14:00:00Z ran late as 2
          cursor 2024-03-01T14:00:00Z
          1 a#1 started
          2 a#1 started
          => start 1 a#1 null
          => start 2 a#1 null
    "#]],
    );
    let mut f = hourly(ConcurrencyPolicy::Allow, Missed::All { max: 9 });
    f.starting_deadline_us = Some(5_000_000_000);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        away,
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > at 2024-03-01T14:20:00Z
          tick 2024-03-01T11:00:00Z skipped: StartingDeadline
          tick 2024-03-01T12:00:00Z skipped: StartingDeadline
          1 created t/f
          tick 2024-03-01T13:00:00Z ran late as 1
          2 created t/f
          tick 2024-03-01T14:00:00Z ran late as 2
          cursor 2024-03-01T14:00:00Z
          1 a#1 started
          2 a#1 started
          => start 1 a#1 null
          => start 2 a#1 null
    "#]],
    );
}

#[test]
fn forbid_holds_the_newest_tick_until_the_run_ends() {
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Forbid, Missed::Last)], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        look
        at 2024-03-01T11:00:00Z
        at 2024-03-01T12:00:00Z
        crash
        at 2024-03-01T13:00:00Z
        ok 1 a
        ok 2 a
        at 2024-03-01T14:00:00Z
        ",
        &expect![[r#"
            > look
              cursor 2024-03-01T10:00:30Z
            > at 2024-03-01T11:00:00Z
              1 created t/f
              tick 2024-03-01T11:00:00Z ran as 1
              cursor 2024-03-01T11:00:00Z
              1 a#1 started
              => start 1 a#1 null
            > at 2024-03-01T12:00:00Z
            > crash
              1 a#1 worker-lost
            > at 2024-03-01T13:00:00Z
              tick 2024-03-01T12:00:00Z skipped: Forbidden
              cursor 2024-03-01T12:00:00Z
              1 a#2 started
              => start 1 a#2 null
            > ok 1 a
              1 a#2 succeeded
              1 ended succeeded
              2 created t/f
              tick 2024-03-01T13:00:00Z ran as 2
              cursor 2024-03-01T13:00:00Z
              2 a#1 started
              => start 2 a#1 null
            > ok 2 a
              2 a#1 succeeded
              2 ended succeeded
            > at 2024-03-01T14:00:00Z
              3 created t/f
              tick 2024-03-01T14:00:00Z ran as 3
              cursor 2024-03-01T14:00:00Z
              3 a#1 started
              => start 3 a#1 null
        "#]],
    );
    let mut f = hourly(ConcurrencyPolicy::Forbid, Missed::Last);
    f.starting_deadline_us = Some(600_000_000);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        look
        at 2024-03-01T11:00:00Z
        at 2024-03-01T12:00:00Z
        wake
        ok 1 a
        ",
        &expect![[r#"
            > look
              cursor 2024-03-01T10:00:30Z
            > at 2024-03-01T11:00:00Z
              1 created t/f
              tick 2024-03-01T11:00:00Z ran as 1
              cursor 2024-03-01T11:00:00Z
              1 a#1 started
              => start 1 a#1 null
            > at 2024-03-01T12:00:00Z
            > wake
              tick 2024-03-01T12:00:00Z skipped: StartingDeadline
              cursor 2024-03-01T12:00:00Z
            > ok 1 a
              1 a#1 succeeded
              1 ended succeeded
        "#]],
    );
}

#[test]
fn replace_cancels_the_active_run() {
    let mut world = World::new(plan(vec![hourly(ConcurrencyPolicy::Replace, Missed::Last)], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        look
        at 2024-03-01T11:00:00Z
        at 2024-03-01T12:00:00Z
        fail 1 a cancelled
        ",
        &expect![[r#"
            > look
              cursor 2024-03-01T10:00:30Z
            > at 2024-03-01T11:00:00Z
              1 created t/f
              tick 2024-03-01T11:00:00Z ran as 1
              cursor 2024-03-01T11:00:00Z
              1 a#1 started
              => start 1 a#1 null
            > at 2024-03-01T12:00:00Z
              1 cancel requested
              2 created t/f
              tick 2024-03-01T12:00:00Z ran as 2
              cursor 2024-03-01T12:00:00Z
              2 a#1 started
              => stop 1 a#1 in 2000 ms
              => start 2 a#1 null
            > fail 1 a cancelled
              1 a#1 cancelled
              1 ended cancelled
        "#]],
    );
}

#[test]
fn suspended_flows_and_changed_schedules_and_flows_that_are_gone() {
    let f = hourly(ConcurrencyPolicy::Allow, Missed::Last);
    let mut world = World::new(plan(vec![f.clone()], 8, None, &[]), NOW);
    check(
        &mut world,
        "look",
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
    "#]],
    );
    let mut suspended = f.clone();
    suspended.suspend = true;
    world.set_plan(plan(vec![suspended], 8, None, &[]));
    check(
        &mut world,
        "at 2024-03-01T11:00:10Z",
        &expect![[r#"
        > at 2024-03-01T11:00:10Z
          tick 2024-03-01T11:00:00Z skipped: Suspended
          cursor 2024-03-01T11:00:00Z
    "#]],
    );
    let mut changed = f.clone();
    changed.schedule = Some("*/20 * * * *".into());
    world.set_plan(plan(vec![changed], 8, None, &[]));
    check(
        &mut world,
        "at 2024-03-01T11:50:00Z\nwake",
        &expect![[r#"
        > at 2024-03-01T11:50:00Z
          cursor 2024-03-01T11:50:00Z
        > wake
          1 created t/f
          tick 2024-03-01T12:00:00Z ran as 1
          cursor 2024-03-01T12:00:00Z
          1 a#1 started
          => start 1 a#1 null
    "#]],
    );
    world.set_plan(plan(vec![], 8, None, &[]));
    check(
        &mut world,
        "at 2024-03-01T15:00:00Z\nwake",
        &expect![[r#"
        > at 2024-03-01T15:00:00Z
        > wake
          refused: nothing to wake for
    "#]],
    );
    world.set_plan(plan(vec![f], 8, None, &[]));
    check(
        &mut world,
        "look",
        &expect![[r#"
        > look
          tick 2024-03-01T13:00:00Z skipped: Missed
          tick 2024-03-01T14:00:00Z skipped: Missed
          2 created t/f
          tick 2024-03-01T15:00:00Z ran as 2
          cursor 2024-03-01T15:00:00Z
          2 a#1 started
          => start 2 a#1 null
    "#]],
    );
}

#[test]
fn every_counts_from_the_previous_tick() {
    let mut f = flow("f", vec![task("a")]);
    f.schedule = Some("@every 90m".into());
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        look
        at 2024-03-01T11:30:35Z
        crash
        at 2024-03-01T17:00:00Z
        wake
        ",
        &expect![[r#"
            > look
              cursor 2024-03-01T10:00:30Z
            > at 2024-03-01T11:30:35Z
              1 created t/f
              tick 2024-03-01T11:30:30Z ran as 1
              cursor 2024-03-01T11:30:30Z
              1 a#1 started
              => start 1 a#1 null
            > crash
              1 a#1 worker-lost
            > at 2024-03-01T17:00:00Z
              tick 2024-03-01T13:00:30Z skipped: Missed
              tick 2024-03-01T14:30:30Z skipped: Missed
              2 created t/f
              tick 2024-03-01T16:00:30Z ran late as 2
              cursor 2024-03-01T16:00:30Z
              1 a#2 started
              2 a#1 started
              => start 1 a#2 null
              => start 2 a#1 null
            > wake
              3 created t/f
              tick 2024-03-01T17:30:30Z ran as 3
              cursor 2024-03-01T17:30:30Z
              3 a#1 started
              => start 3 a#1 null
        "#]],
    );
}

#[test]
fn a_tick_stands_for_the_last_partition_that_has_ended() {
    let mut f = flow("f", vec![task("a")]);
    f.schedule = Some("0 6 * * *".into());
    f.partitions = daily("2024-03-01", "2024-03-03");
    let mut world = World::new(plan(vec![f.clone()], 8, None, &[]), NOW);
    check(
        &mut world,
        "look\nwake\nwake\nwake\nwake",
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > wake
          1 created t/f 2024-03-01
          tick 2024-03-02T06:00:00Z ran as 1
          cursor 2024-03-02T06:00:00Z
          1 a#1 started
          => start 1 a#1 of 2024-03-01 null
        > wake
          2 created t/f 2024-03-02
          tick 2024-03-03T06:00:00Z ran as 2
          cursor 2024-03-03T06:00:00Z
          2 a#1 started
          => start 2 a#1 of 2024-03-02 null
        > wake
          3 created t/f 2024-03-03
          tick 2024-03-04T06:00:00Z ran as 3
          cursor 2024-03-04T06:00:00Z
          3 a#1 started
          => start 3 a#1 of 2024-03-03 null
        > wake
          tick 2024-03-05T06:00:00Z skipped: NoPartition
          cursor 2024-03-05T06:00:00Z
    "#]],
    );
    f.partition_offset = -1;
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "look\nwake\nwake",
        &expect![[r#"
        > look
          cursor 2024-03-01T10:00:30Z
        > wake
          tick 2024-03-02T06:00:00Z skipped: NoPartition
          cursor 2024-03-02T06:00:00Z
        > wake
          1 created t/f 2024-03-01
          tick 2024-03-03T06:00:00Z ran as 1
          cursor 2024-03-03T06:00:00Z
          1 a#1 started
          => start 1 a#1 of 2024-03-01 null
    "#]],
    );
}
