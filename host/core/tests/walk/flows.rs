//! Flows of chance.

use crate::build::{self, Draft, flow, list, task};
use crate::chance::Chance;
use serde_json::json;
use std::sync::Arc;
use wharf_contract::Cause;
use wharf_core::partition::Granularity;
use wharf_core::plan::{ConcurrencyPolicy, Flow, Missed, Plan, RunIf};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

pub(crate) fn plan(chance: &mut Chance) -> Plan {
    let (mut one, mut two) = (of_chance("one", chance), of_chance("two", chance));
    two.name.tenant = "u".into();
    one.schedule = Some("*/20 * * * *".into());
    one.concurrency_policy =
        *chance.pick(&[ConcurrencyPolicy::Allow, ConcurrencyPolicy::Forbid, ConcurrencyPolicy::Replace]);
    one.missed = *chance.pick(&[Missed::Skip, Missed::Last, Missed::All { max: 2 }]);
    one.starting_deadline_us = chance.one_in(2).then_some(900_000_000);
    two.priority = i32::try_from(chance.below(3)).unwrap() - 1;
    let flows = vec![one, two, days(chance)];
    let parallelism = 1 + u32::try_from(chance.below(8)).unwrap();
    let tenant = chance.one_in(2).then(|| 1 + u32::try_from(chance.below(4)).unwrap());
    let mut plan = build::plan(flows, parallelism, tenant, &[("p", 3), ("q", 1)]);
    let other = wharf_core::plan::Tenant { name: "u".into(), parallelism: None, ..(*plan.tenants["t"]).clone() };
    plan.tenants.insert("u".into(), Arc::new(other));
    plan
}

fn of_chance(name: &str, chance: &mut Chance) -> Flow {
    let count = 1 + usize::try_from(chance.below(NAMES.len() as u64)).unwrap();
    let drafts = (0..count).map(|at| one_task(at, chance)).collect();
    flow(name, drafts)
}

fn one_task(at: usize, chance: &mut Chance) -> Draft {
    let needs: Vec<_> = NAMES[..at].iter().copied().filter(|_| chance.one_in(3)).collect();
    let mut draft = task(NAMES[at])
        .attempts(1 + u32::try_from(chance.below(3)).unwrap(), u32::try_from(chance.below(3)).unwrap())
        .priority(i32::try_from(chance.below(3)).unwrap())
        .run_if(*chance.pick(&[RunIf::AllSucceeded, RunIf::AllSucceeded, RunIf::AllDone, RunIf::AnyFailed]));
    let parallelism = chance.one_in(2).then(|| 1 + u32::try_from(chance.below(3)).unwrap());
    if chance.one_in(3) {
        draft = draft.each(list(u32::try_from(chance.below(12)).unwrap()), parallelism);
        // The eighth item cannot be worked out.
        draft = draft.input(json!("{{ {'a': 1} if index != 7 else nope }}"));
    } else if chance.one_in(3) && !needs.is_empty() {
        // Fails where the need is a fan-out or left nothing behind.
        draft = draft.each(json!(format!("{{{{ tasks.{}.output }}}}", needs[0])), parallelism);
    }
    if chance.one_in(5) {
        draft = draft.when("params.n is defined and params.n > 1");
    }
    if chance.one_in(5) {
        draft = draft.timeout(30);
    }
    if chance.one_in(5) {
        draft = draft.start_deadline(20);
    }
    if chance.one_in(3) {
        draft = draft.pool("p", 1 + u32::try_from(chance.below(4)).unwrap());
    } else if chance.one_in(3) {
        draft = draft.pool("q", 1);
    }
    if chance.one_in(5) {
        draft = draft.retry_on(&[Cause::Retryable, Cause::Timeout]);
    }
    if chance.one_in(5) {
        draft = draft.memory(100, 200, 350);
    }
    draft.needs(&needs)
}

fn days(chance: &mut Chance) -> Flow {
    let mut drafts = vec![task("day").attempts(2, 1)];
    if chance.one_in(2) {
        drafts.push(task("each").needs(&["day"]).each(list(3), Some(2)));
    }
    drafts.push(task("month").needs(&["day"]).per(Granularity::Monthly).input(json!("{{ tasks.day.outputs }}")));
    drafts.push(task("chart").needs(&["month", "day"]).per(Granularity::All).run_if(RunIf::AllDone));
    let mut flow = flow("days", drafts);
    flow.partitions = build::daily("2024-02-25", "2024-03-04");
    flow
}
