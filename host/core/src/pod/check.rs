//! Judges templates: their form, what is wharf's own, what only the operator may loosen.

pub(crate) use super::flaw::Flaw;

use super::flaw::Place;
use super::needs::beyond;
use super::{guard, harden, merge, own, shape, template};
use crate::config::Code;
use serde_json::Value;

/// What is wrong with the operator's template.
pub(crate) fn operator(template: &Value) -> Vec<Flaw> {
    let mut flaws = shape::check(template);
    guard::own(&Place::root(template), &mut flaws);
    merges(&Value::Null, template, flaws)
}

/// What is wrong with a tenant's template, or with a task's, where the tenant's is `before`.
pub(crate) fn guest(operator: Option<&Value>, before: Option<&Value>, own: &Value) -> Vec<Flaw> {
    let mut flaws = shape::check(own);
    guard::own(&Place::root(own), &mut flaws);
    harden::loosened(&Place::root(own), operator, &mut flaws);
    // A fault of these templates stands there.
    let Ok(base) = template(operator, before, None) else { return flaws };
    if flaws.is_empty() {
        flaws = merges(&base, own, flaws);
    }
    if flaws.is_empty()
        && let Ok(merged) = merge(base, own)
    {
        init_containers(&merged, own, &mut flaws);
    }
    flaws
}

fn merges(base: &Value, template: &Value, mut flaws: Vec<Flaw>) -> Vec<Flaw> {
    if flaws.is_empty()
        && let Err(fault) = merge(base.clone(), template)
    {
        let hint = fault.hint.to_owned();
        flaws.push(Flaw { pointer: fault.pointer, code: Code::InvalidValue, message: fault.message, hint });
    }
    flaws
}

/// The init containers that this template adds or changes must be whole once they are merged.
fn init_containers(merged: &Value, template: &Value, flaws: &mut Vec<Flaw>) {
    let Some(spec) = Place::root(template).get("spec") else { return };
    let merged = merged.get("spec").and_then(|s| s.get("initContainers")).and_then(Value::as_array);
    for place in spec.each("initContainers") {
        let name = place.text("name");
        let Some(name) = name.filter(|n| *n != own::CONTAINER) else { continue };
        let whole = merged.into_iter().flatten().find(|c| c.get("name").and_then(Value::as_str) == Some(name));
        let Some(container) = whole else { continue };
        if container.get("image").is_none() {
            let message = format!("the init container `{name}` has no `image`");
            flaws.push(place.flaw(Code::MissingField, message, "name one, with a tag or a digest"));
        }
        if let Some((what, request, limit)) = beyond(container) {
            let message = format!("the init container `{name}` requests {request} of {what}, and its limit is {limit}");
            flaws.push(place.flaw(Code::OverLimit, message, format!("say `resources.limits.{what}`, or request less")));
        }
        for missing in harden::missing(container) {
            let message = format!("the init container `{name}` lacks what Pod Security `restricted` wants");
            flaws.push(place.flaw(Code::MissingField, message, format!("add `{missing}`")));
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
