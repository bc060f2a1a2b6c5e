//! Tasks over lists.

use crate::build::{flow, list, plan, task};
use crate::script::check;
use crate::world::World;
use expect_test::expect;
use serde_json::json;

const NOW: &str = "2024-03-01T10:00:00Z";

#[test]
fn items_start_in_order_within_the_bound_and_are_gathered_in_order() {
    let f = flow(
        "f",
        vec![
            task("list"),
            task("each")
                .needs(&["list"])
                .each(json!("{{ tasks.list.output }}"), Some(2))
                .input(json!("{{ index }}: {{ item.x }}")),
            task("sum").needs(&["each"]).input(json!("{{ tasks.each.outputs }}")),
        ],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        r#"
        run f
        ok 1 list [{"x":5},{"x":6},{"x":7}]
        ok 1 each.1 11
        ok 1 each.0 10
        ok 1 each.2 12
        ok 1 sum
        "#,
        &expect![[r#"
            > run f
              1 created t/f
              1 list#1 started
              => start 1 list#1 null
            > ok 1 list [{"x":5},{"x":6},{"x":7}]
              1 list#1 succeeded
              1 each expanded to 3
              1 each.0#1 started
              1 each.1#1 started
              => start 1 each.0#1 "0: 5"
              => start 1 each.1#1 "1: 6"
            > ok 1 each.1 11
              1 each.1#1 succeeded
              1 each.2#1 started
              => start 1 each.2#1 "2: 7"
            > ok 1 each.0 10
              1 each.0#1 succeeded
            > ok 1 each.2 12
              1 each.2#1 succeeded
              1 sum#1 started
              => start 1 sum#1 [10,11,12]
            > ok 1 sum
              1 sum#1 succeeded
              1 ended succeeded
        "#]],
    );
}

#[test]
fn one_item_is_tried_again_before_new_ones_and_one_failure_fails_the_task() {
    let f = flow("f", vec![task("each").each(list(4), Some(2)).attempts(2, 0), task("after").needs(&["each"])]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        fail 1 each.0 retryable
        +2
        ok 1 each.1
        fail 1 each.0 retryable
        ok 1 each.2
        ok 1 each.3
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 each expanded to 4
              1 each.0#1 started
              1 each.1#1 started
              => start 1 each.0#1 null
              => start 1 each.1#1 null
            > fail 1 each.0 retryable
              1 each.0#1 retryable
              1 each.2#1 started
              => start 1 each.2#1 null
            > +2
            > ok 1 each.1
              1 each.1#1 succeeded
              1 each.0#2 started
              => start 1 each.0#2 null
            > fail 1 each.0 retryable
              1 each.0#2 retryable
              1 each.3#1 started
              => start 1 each.3#1 null
            > ok 1 each.2
              1 each.2#1 succeeded
            > ok 1 each.3
              1 each.3#1 succeeded
              1 ended failed
        "#]],
    );
}

#[test]
fn empty_lists_and_things_that_are_no_lists() {
    let f = flow(
        "f",
        vec![
            task("none").each(json!([]), None),
            task("after").needs(&["none"]).input(json!("{{ tasks.none.outputs }}")),
            task("odd").each(json!("{{ params.n }}"), None),
            task("bad-item").each(json!([{"x": 1}, {}]), None).input(json!("{{ item.x }}")),
        ],
    );
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        r#"run f {"n":3}"#,
        &expect![[r#"
        > run f {"n":3}
          1 created t/f
          1 none expanded to 0
          1 odd refused: invalid-input forEach.items: the items of a fan-out are a list, and this is `3`
          1 bad-item expanded to 2
          1 after#1 started
          1 bad-item.0#1 started
          1 bad-item.1 refused: invalid-input input: `item.x` is not defined (where it may be absent, write `NAME | default(VALUE)`)
          => start 1 after#1 []
          => start 1 bad-item.0#1 1
    "#]],
    );
}

#[test]
fn a_crash_loses_attempts_and_not_items() {
    let f = flow("f", vec![task("each").each(list(4), Some(2)).input(json!("{{ item }}"))]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        ok 1 each.0
        crash
        +2
        all-ok
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 each expanded to 4
              1 each.0#1 started
              1 each.1#1 started
              => start 1 each.0#1 0
              => start 1 each.1#1 1
            > ok 1 each.0
              1 each.0#1 succeeded
              1 each.2#1 started
              => start 1 each.2#1 2
            > crash
              1 each.1#1 worker-lost
              1 each.2#1 worker-lost
              1 each.3#1 started
              => start 1 each.3#1 3
            > +2
              1 each.1#2 started
              => start 1 each.1#2 1
            > all-ok
              1 each.1#2 succeeded
              1 each.3#1 succeeded
              1 each.2#2 started
              => start 1 each.2#2 2
              1 each.2#2 succeeded
              1 ended succeeded
        "#]],
    );
}

#[test]
fn cancelling_a_fan_out_keeps_what_succeeded_and_a_retry_runs_the_others() {
    let f = flow("f", vec![task("each").each(list(4), Some(2)), task("after").needs(&["each"])]);
    let mut world = World::new(plan(vec![f], 8, None, &[]), NOW);
    check(
        &mut world,
        "
        run f
        ok 1 each.0
        cancel 1
        ok 1 each.1
        fail 1 each.2 cancelled
        retry 1
        all-ok
        retry 1
        retry 1 each
        ",
        &expect![[r#"
            > run f
              1 created t/f
              1 each expanded to 4
              1 each.0#1 started
              1 each.1#1 started
              => start 1 each.0#1 null
              => start 1 each.1#1 null
            > ok 1 each.0
              1 each.0#1 succeeded
              1 each.2#1 started
              => start 1 each.2#1 null
            > cancel 1
              1 cancel requested
              => stop 1 each.1#1 in 2000 ms
              => stop 1 each.2#1 in 2000 ms
            > ok 1 each.1
              1 each.1#1 succeeded
            > fail 1 each.2 cancelled
              1 each.2#1 cancelled
              1 ended cancelled
            > retry 1
              1 retried after, resumed each with f-1
              1 each.2#2 started
              1 each.3#1 started
              => start 1 each.2#2 null
              => start 1 each.3#1 null
            > all-ok
              1 each.2#2 succeeded
              1 each.3#1 succeeded
              1 after#1 started
              => start 1 after#1 null
              1 after#1 succeeded
              1 ended succeeded
            > retry 1
              refused: run 1 has nothing to retry: no task of it failed; name the task to start from
            > retry 1 each
              1 retried each,after with f-1
              1 each expanded to 4
              1 each.0#2 started
              1 each.1#2 started
              => start 1 each.0#2 null
              => start 1 each.1#2 null
        "#]],
    );
}
