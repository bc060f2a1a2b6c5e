//! Tasks without fan-out: order, gates, bounds, cancelling.

use crate::build::{flow, plan, task};
use crate::script::check;
use crate::world::World;
use expect_test::expect;
use serde_json::json;
use wharf_core::plan::RunIf;

const NOW: &str = "2024-03-01T10:00:00Z";

#[test]
fn tasks_start_once_their_needs_have_succeeded_and_see_their_outputs() {
    let f = flow(
        "f",
        vec![
            task("a"),
            task("b").needs(&["a"]).input(json!({"n": "{{ tasks.a.output.n }}", "of": "run {{ run.id }}"})),
            task("c").needs(&["a"]).input(json!("{{ tasks.a.output }}")),
            task("d").needs(&["b", "c"]),
        ],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        r#"
        run f
        ok 1 a {"n":3}
        ok 1 b
        ok 1 c
        ok 1 d
        "#,
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > ok 1 a {"n":3}
              1 a#1 succeeded
              1 b#1 started
              1 c#1 started
              => start 1 b#1 {"n":3,"of":"run 1"}
              => start 1 c#1 {"n":3}
            > ok 1 b
              1 b#1 succeeded
            > ok 1 c
              1 c#1 succeeded
              1 d#1 started
              => start 1 d#1 null
            > ok 1 d
              1 d#1 succeeded
              1 ended succeeded
        "#]],
    );
}

#[test]
fn a_failure_goes_downstream_and_clean_up_runs_all_the_same() {
    let f = flow(
        "f",
        vec![
            task("a"),
            task("b").needs(&["a"]),
            task("c").needs(&["b"]),
            task("clean").needs(&["c"]).run_if(RunIf::AllDone).input(json!("{{ tasks.c.state }}")),
            task("warn").needs(&["b"]).run_if(RunIf::AnyFailed),
            task("cheer").needs(&["warn"]).run_if(RunIf::AnyFailed),
            task("after").needs(&["cheer"]),
        ],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        fail 1 a permanent
        ok 1 clean
        ok 1 warn
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > fail 1 a permanent
              1 a#1 permanent
              1 clean#1 started
              1 warn#1 started
              => start 1 clean#1 "upstream-failed"
              => start 1 warn#1 null
            > ok 1 clean
              1 clean#1 succeeded
            > ok 1 warn
              1 warn#1 succeeded
              1 ended failed
        "#]],
    );
}

#[test]
fn when_and_templates_that_cannot_be_worked_out() {
    let f = flow(
        "f",
        vec![
            task("full").when("params.mode == 'full'"),
            task("after").needs(&["full"]),
            task("typo").input(json!({"x": "{{ params.moed }}"})),
            task("odd").when("params.mode"),
        ],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        r#"run f {"mode":"quick"}"#,
        &expect![[r#"
        > run f {"mode":"quick"}
          1 created t/f
          1 full skipped: When
          1 odd refused: invalid-input when: `params.mode` is a string, and a condition is true or false (compare it with something, as in `params.mode == "full"` or `params.rows | length > 0`)
          1 typo refused: invalid-input input: /x: `params.moed` is not defined (`params` has `mode`)
          1 ended failed
    "#]],
    );
}

#[test]
fn room_goes_by_priority_then_by_age() {
    let mut urgent = flow("urgent", vec![task("u")]);
    urgent.priority = 5;
    let f = flow("f", vec![task("low"), task("high").priority(3), task("db").pool("db", 2), task("db2").pool("db", 1)]);
    let mut world = World::new(plan(vec![f, urgent], 2, None, &[("db", 2)]), NOW);
    check(
        &mut world,
        "
        run f
        run f
        run urgent
        ok 1 high
        ok 3 u
        ok 1 low
        ok 2 high
        all-ok
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 high#1 started
              1 low#1 started
              => start 1 high#1 null
              => start 1 low#1 null
            > run f
              2 created t/f
            > run urgent
              3 created t/urgent
            > ok 1 high
              1 high#1 succeeded
              3 u#1 started
              => start 3 u#1 null
            > ok 3 u
              3 u#1 succeeded
              2 high#1 started
              3 ended succeeded
              => start 2 high#1 null
            > ok 1 low
              1 low#1 succeeded
              1 db#1 started
              => start 1 db#1 null
            > ok 2 high
              2 high#1 succeeded
              2 low#1 started
              => start 2 low#1 null
            > all-ok
              1 db#1 succeeded
              2 low#1 succeeded
              1 db2#1 started
              => start 1 db2#1 null
              1 db2#1 succeeded
              2 db#1 started
              1 ended succeeded
              => start 2 db#1 null
              2 db#1 succeeded
              2 db2#1 started
              => start 2 db2#1 null
              2 db2#1 succeeded
              2 ended succeeded
        "#]],
    );
}

#[test]
fn a_cancelled_run_stops_what_runs_and_starts_nothing_more() {
    let f = flow(
        "f",
        vec![task("a"), task("b"), task("c").needs(&["a", "b"]), task("d").run_if(RunIf::AllDone).needs(&["c"])],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        cancel 1
        cancel 1
        ok 1 a
        fail 1 b cancelled
        cancel 1
        run f
        fail 2 a cancelled
        ok 2 b
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              1 b#1 started
              => start 1 a#1 null
              => start 1 b#1 null
            > cancel 1
              1 cancel requested
              => stop 1 a#1 in 2000 ms
              => stop 1 b#1 in 2000 ms
            > cancel 1
              refused: run 1 is being cancelled already
            > ok 1 a
              1 a#1 succeeded
            > fail 1 b cancelled
              1 b#1 cancelled
              1 ended cancelled
            > cancel 1
              refused: there is no run 1
            > run f
              2 created t/f
              2 a#1 started
              2 b#1 started
              => start 2 a#1 null
              => start 2 b#1 null
            > fail 2 a cancelled
              2 a#1 cancelled
            > ok 2 b
              2 b#1 succeeded
              2 d#1 started
              => start 2 d#1 null
        "#]],
    );
}

#[test]
fn while_held_nothing_is_begun() {
    let f = flow("f", vec![task("a"), task("b").needs(&["a"])]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        hold
        ok 1 a
        run f
        go
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 a#1 started
              => start 1 a#1 null
            > hold
            > ok 1 a
              1 a#1 succeeded
            > run f
              2 created t/f
            > go
              1 b#1 started
              2 a#1 started
              => start 1 b#1 null
              => start 2 a#1 null
        "#]],
    );
}

#[test]
fn parameters_and_partitions_are_judged_when_a_run_is_asked_for() {
    let mut f = flow("f", vec![task("a").input(json!("{{ params }}"))]);
    f.params.schema = Some(json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}));
    f.params.defaults = serde_json::from_value(json!({"m": 1})).unwrap();
    let mut days = flow("days", vec![task("a").input(json!("{{ partition.key }}"))]);
    days.partitions = crate::build::daily("2024-01-01", "2024-02-29");
    let mut world = World::new(plan(vec![f, days], 8, None, &[]), NOW);
    check(
        &mut world,
        r#"
        run nope
        run f
        run f {"n":"x"}
        run f {"n":2}
        run f 2024-01-01
        run days
        run days 2023-12-31
        run days 2024-1-1
        "#,
        &expect![[r#"
            > run nope
              refused: there is no flow `t/nope`
            > run f
              refused: params: "n" is a required property
            > run f {"n":"x"}
              refused: params: "x" is not of type "integer" (at `/n`)
            > run f {"n":2}
              1 created t/f
              1 a#1 started
              => start 1 a#1 {"m":1,"n":2}
            > run f 2024-01-01
              refused: params: "n" is a required property
            > run days
              2 created t/days 2024-02-29
              2 a#1 started
              => start 2 a#1 of 2024-02-29 "2024-02-29"
            > run days 2023-12-31
              refused: partition `2023-12-31` lies outside the flow's partitions, 2024-01-01 to 2024-02-29
            > run days 2024-1-1
              refused: `2024-1-1` is no daily partition: give one of the calendar, written as `2012-01-05`
        "#]],
    );
}
