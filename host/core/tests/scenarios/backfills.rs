//! Runs over ranges of partitions, and tasks that are coarser than their flow.

use crate::build::{daily, flow, plan, task};
use crate::script::check;
use crate::world::World;
use expect_test::expect;
use serde_json::json;
use wharf_core::partition::Granularity;
use wharf_core::plan::Flow;

const NOW: &str = "2024-03-01T10:00:00Z";

fn layered() -> Flow {
    let mut f = flow(
        "f",
        vec![
            task("day").input(json!("{{ partition.key }}")),
            task("month").needs(&["day"]).per(Granularity::Monthly).input(json!("{{ tasks.day.outputs }}")),
            task("chart").needs(&["month"]).per(Granularity::All).input(json!("{{ tasks.month.outputs }}")),
        ],
    );
    f.partitions = daily("2024-01-30", "2024-02-02");
    f
}

#[test]
fn a_backfill_runs_each_partition_within_its_bound() {
    let mut f = flow("f", vec![task("a")]);
    f.partitions = daily("2024-01-01", "2024-01-05");
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        backfill f 2024-01-01 2024-01-04 2024-01-02
        ok 1 a
        crash
        +2
        fail 2 a permanent
        ok 3 a
        backfill f 2024-01-01 2024-01-02 2024-01-02 2024-01-01
        backfill f 2024-01-04 2024-01-01
        backfill nope a b
        ",
        &expect![[r#"
            > backfill f 2024-01-01 2024-01-04 2024-01-02
              backfill 1 created 2024-01-01..2024-01-04 without ["2024-01-02"]
              1 created t/f 2024-01-01
              2 created t/f 2024-01-03
              1 a#1 started
              2 a#1 started
              => start 1 a#1 of 2024-01-01 null
              => start 2 a#1 of 2024-01-03 null
            > ok 1 a
              1 a#1 succeeded
              1 ended succeeded
              3 created t/f 2024-01-04
              3 a#1 started
              => start 3 a#1 of 2024-01-04 null
            > crash
              2 a#1 worker-lost
              3 a#1 worker-lost
            > +2
              2 a#2 started
              3 a#2 started
              => start 2 a#2 of 2024-01-03 null
              => start 3 a#2 of 2024-01-04 null
            > fail 2 a permanent
              2 a#2 permanent
              2 ended failed
            > ok 3 a
              3 a#2 succeeded
              3 ended succeeded
              backfill 1 failed
            > backfill f 2024-01-01 2024-01-02 2024-01-02 2024-01-01
              refused: nothing is left to be done: each of these partitions has succeeded already
            > backfill f 2024-01-04 2024-01-01
              refused: the range ends before it begins: `2024-01-04` comes after `2024-01-01`
            > backfill nope a b
              refused: there is no flow `t/nope`
        "#]],
    );
}

#[test]
fn coarser_tasks_run_once_what_they_are_made_of_is_final() {
    let mut world = World::new(plan(vec![layered()], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        backfill f 2024-01-30 2024-02-02
        ok 1 day 30
        fail 2 day permanent
        answer
        crash
        +2
        answer
        ok 4 month 1
        ok 3 day 1
        ok 5 day 2
        answer
        ok 6 month 2
        answer
        ok 7 chart
        ",
        &expect![[r#"
            > backfill f 2024-01-30 2024-02-02
              backfill 1 created 2024-01-30..2024-02-02 without []
              1 created t/f daily 2024-01-30
              2 created t/f daily 2024-01-31
              1 day#1 started
              2 day#1 started
              => start 1 day#1 of 2024-01-30 "2024-01-30"
              => start 2 day#1 of 2024-01-31 "2024-01-31"
            > ok 1 day 30
              1 day#1 succeeded
              1 ended succeeded
              3 created t/f daily 2024-02-01
              3 day#1 started
              => start 3 day#1 of 2024-02-01 "2024-02-01"
            > fail 2 day permanent
              2 day#1 permanent
              2 ended failed
              4 created t/f monthly 2024-01
              => read day of 2024-01-30 2024-01-31
            > answer
              4 month#1 started
              => start 4 month#1 of 2024-01 partial [{"partition":"2024-01-30","output":30}]
            > crash
              3 day#1 worker-lost
              4 month#1 worker-lost
            > +2
              3 day#2 started
              => read day of 2024-01-30 2024-01-31
              => start 3 day#2 of 2024-02-01 "2024-02-01"
            > answer
              4 month#2 started
              => start 4 month#2 of 2024-01 partial [{"partition":"2024-01-30","output":30}]
            > ok 4 month 1
              4 month#2 succeeded
              4 ended succeeded
              5 created t/f daily 2024-02-02
              5 day#1 started
              => start 5 day#1 of 2024-02-02 "2024-02-02"
            > ok 3 day 1
              3 day#2 succeeded
              3 ended succeeded
            > ok 5 day 2
              5 day#1 succeeded
              5 ended succeeded
              6 created t/f monthly 2024-02
              => read day of 2024-02-01 2024-02-02
            > answer
              6 month#1 started
              => start 6 month#1 of 2024-02 [{"partition":"2024-02-01","output":1},{"partition":"2024-02-02","output":2}]
            > ok 6 month 2
              6 month#1 succeeded
              6 ended succeeded
              7 created t/f all all
              => read month of 2024-01 2024-02
            > answer
              7 chart#1 started
              => start 7 chart#1 of all [{"partition":"2024-01","output":1},{"partition":"2024-02","output":2}]
            > ok 7 chart
              7 chart#1 succeeded
              7 ended succeeded
              backfill 1 failed
        "#]],
    );
}

#[test]
fn a_coarse_partition_is_left_out_only_where_nothing_of_it_runs_again() {
    let mut world = World::new(plan(vec![layered()], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        backfill f 2024-01-30 2024-02-02 2024-01-30 2024-01-31 2024-01 2024-02-01 2024-02 all
        all-ok
        ",
        &expect![[r#"
            > backfill f 2024-01-30 2024-02-02 2024-01-30 2024-01-31 2024-01 2024-02-01 2024-02 all
              backfill 1 created 2024-01-30..2024-02-02 without ["2024-01-30", "2024-01-31", "2024-02-01", "2024-01"]
              1 created t/f daily 2024-02-02
              1 day#1 started
              => start 1 day#1 of 2024-02-02 "2024-02-02"
            > all-ok
              1 day#1 succeeded
              1 ended succeeded
              2 created t/f monthly 2024-02
              => read day of 2024-02-01 2024-02-02
              2 month#1 started
              => start 2 month#1 of 2024-02 partial [{"partition":"2024-02-02","output":null}]
              2 month#1 succeeded
              2 ended succeeded
              3 created t/f all all
              => read month of 2024-01 2024-02
              3 chart#1 started
              => start 3 chart#1 of all partial [{"partition":"2024-02","output":null}]
              3 chart#1 succeeded
              3 ended succeeded
              backfill 1 succeeded
        "#]],
    );
}

#[test]
fn alone_a_coarse_task_takes_its_own_day_and_the_latest_of_the_others() {
    let mut world = World::new(plan(vec![layered()], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f 2024-01-30
        ok 1 day 30
        answer
        ok 1 month 1
        answer
        ok 1 chart
        run f 2024-01-31
        ok 2 day 31
        answer
        ",
        &expect![[r#"
            > run f 2024-01-30
              1 created t/f 2024-01-30
              1 day#1 started
              => start 1 day#1 of 2024-01-30 "2024-01-30"
            > ok 1 day 30
              1 day#1 succeeded
              => read day of 2024-01-31
            > answer
              1 month#1 started
              => start 1 month#1 of 2024-01 partial [{"partition":"2024-01-30","output":30}]
            > ok 1 month 1
              1 month#1 succeeded
              => read month of 2024-02
            > answer
              1 chart#1 started
              => start 1 chart#1 of all partial [{"partition":"2024-01","output":1}]
            > ok 1 chart
              1 chart#1 succeeded
              1 ended succeeded
            > run f 2024-01-31
              2 created t/f 2024-01-31
              2 day#1 started
              => start 2 day#1 of 2024-01-31 "2024-01-31"
            > ok 2 day 31
              2 day#1 succeeded
              => read day of 2024-01-30
            > answer
              2 month#1 started
              => start 2 month#1 of 2024-01 [{"partition":"2024-01-30","output":30},{"partition":"2024-01-31","output":31}]
        "#]],
    );
}

#[test]
fn a_cancelled_backfill_makes_no_more_runs() {
    let mut world = World::new(plan(vec![layered()], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        backfill f 2024-01-30 2024-02-02
        ok 1 day
        cancel-backfill 1
        cancel-backfill 1
        crash
        cancel-backfill 1
        ",
        &expect![[r#"
            > backfill f 2024-01-30 2024-02-02
              backfill 1 created 2024-01-30..2024-02-02 without []
              1 created t/f daily 2024-01-30
              2 created t/f daily 2024-01-31
              1 day#1 started
              2 day#1 started
              => start 1 day#1 of 2024-01-30 "2024-01-30"
              => start 2 day#1 of 2024-01-31 "2024-01-31"
            > ok 1 day
              1 day#1 succeeded
              1 ended succeeded
              3 created t/f daily 2024-02-01
              3 day#1 started
              => start 3 day#1 of 2024-02-01 "2024-02-01"
            > cancel-backfill 1
              backfill 1 cancelled
              2 cancel requested
              3 cancel requested
              => stop 2 day#1 in 2000 ms
              => stop 3 day#1 in 2000 ms
            > cancel-backfill 1
              refused: backfill 1 is being cancelled already
            > crash
              2 day#1 worker-lost
              3 day#1 worker-lost
              2 ended cancelled
              3 ended cancelled
              backfill 1 cancelled
            > cancel-backfill 1
              refused: there is no open backfill 1
        "#]],
    );
}
