//! What a template may refer to, judged before anything runs.

use super::error::TemplateError;
use super::expr::{ENVIRONMENT, Expr};
use super::scan::{Callee, CalleeKind, Reference};
use crate::schedule::nearest;
use minijinja::ErrorKind;
use std::collections::{BTreeMap, BTreeSet};

/// What a template may refer to at its place.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names of parameters; none: any.
    pub params: Option<BTreeSet<String>>,
    /// Whether the flow has partitions.
    pub partition: bool,
    /// Whether it is worked out for each item of a fan-out.
    pub item: bool,
    /// The tasks that are final by then.
    pub tasks: BTreeMap<String, Outputs>,
    /// The flow's other tasks, for a better message.
    pub others: BTreeSet<String>,
}

/// How a task's outputs are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// `output`.
    One,
    /// `outputs`: a fan-out, or a task of finer partitions.
    Many,
}

const VARIABLES: [&str; 6] = ["params", "run", "partition", "tasks", "item", "index"];
const FUNCTIONS: [&str; 2] = ["range", "dict"];

pub(super) fn check(expr: &Expr, known: &Known) -> Vec<TemplateError> {
    let callees = expr.callees.iter().filter_map(check_callee);
    expr.references.iter().filter_map(|r| check_reference(r, known)).chain(callees).collect()
}

fn check_callee(callee: &Callee) -> Option<TemplateError> {
    let mut state = ENVIRONMENT.empty_state();
    let (known, kind) = match callee.kind {
        CalleeKind::Filter => {
            let known =
                !matches!(state.apply_filter(&callee.name, &[]), Err(e) if e.kind() == ErrorKind::UnknownFilter);
            (known, "filter")
        }
        CalleeKind::Test => {
            let known = !matches!(state.perform_test(&callee.name, &[]), Err(e) if e.kind() == ErrorKind::UnknownTest);
            (known, "test")
        }
        CalleeKind::Function => (FUNCTIONS.contains(&callee.name.as_str()), "function"),
    };
    (!known).then(|| TemplateError::new(format!("there is no {kind} `{}`", callee.name)).at(callee.span.clone()))
}

fn check_reference(reference: &Reference, known: &Known) -> Option<TemplateError> {
    let fault = |message: String| TemplateError::new(message).at(reference.span.clone());
    let root = reference.path[0].as_str();
    let second = reference.path.get(1).map(String::as_str);
    match root {
        "item" | "index" if !known.item => Some(
            fault(format!("`{root}` stands outside of a fan-out"))
                .hint("it is defined in `input` of a task with `forEach`"),
        ),
        "item" | "index" => None,
        "partition" if !known.partition => {
            Some(fault("`partition` stands in a flow without partitions".into()).hint("declare `spec.partitions`"))
        }
        "partition" => one_of(second, &["key", "start", "end"]).map(|why| fault(format!("`partition` {why}"))),
        "run" => one_of(second, &["id", "scheduledTime", "trigger"]).map(|why| fault(format!("`run` {why}"))),
        "params" => check_param(second?, known).map(|(message, hint)| fault(message).hint(hint)),
        "tasks" => check_task(reference, known).map(|(message, hint)| fault(message).hint(hint)),
        _ => {
            let error = fault(format!("there is no variable `{root}`"));
            Some(match nearest(root, VARIABLES.into_iter()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error
                    .hint("there are `params`, `run`, `partition`, `tasks`, `item` and `index`; text goes in quotes"),
            })
        }
    }
}

fn one_of(name: Option<&str>, names: &[&str]) -> Option<String> {
    match name {
        Some(name) if !names.contains(&name) => {
            Some(format!("has no `{name}`: it has {}", list(names.iter().copied())))
        }
        _ => None,
    }
}

fn check_param(name: &str, known: &Known) -> Option<(String, String)> {
    let params = known.params.as_ref()?;
    if params.contains(name) {
        return None;
    }
    let hint = match nearest(name, params.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `params.{near}`?"),
        None => "declare it in `spec.params.schema` or give it a value in `spec.params.defaults`".into(),
    };
    Some((format!("the flow has no parameter `{name}`"), hint))
}

fn check_task(reference: &Reference, known: &Known) -> Option<(String, String)> {
    let Some(name) = reference.path.get(1) else {
        return Some(("`tasks` is asked for as a whole".into(), "name a task, as in `tasks.NAME.output`".into()));
    };
    let same = |other: &&str| other.len() == name.len() && other.replace('-', "_") == name.replace('-', "_");
    let Some((name, outputs)) = known.tasks.iter().find(|(n, _)| same(&n.as_str())) else {
        if known.others.iter().any(|n| same(&n.as_str())) {
            let hint = format!("add `{name}` to `needs`");
            return Some((format!("`tasks.{name}` is used, but the task is no need of this one"), hint));
        }
        let all = known.tasks.keys().chain(&known.others).map(String::as_str);
        let hint = nearest(name, all).map_or_else(
            || format!("its needs are {}", list(known.tasks.keys().map(String::as_str))),
            |near| format!("did you mean `tasks.{near}`?"),
        );
        return Some((format!("the flow has no task `{name}`"), hint));
    };
    let right = match outputs {
        Outputs::One => "output",
        Outputs::Many => "outputs",
    };
    match reference.path.get(2).map(String::as_str) {
        Some(field) if field == right || field == "state" => None,
        Some("output") => Some((
            format!("`tasks.{name}` has a list of outputs, and no `output`"),
            format!("write `tasks.{name}.outputs`"),
        )),
        Some("outputs") => {
            Some((format!("`tasks.{name}` has one output, and no `outputs`"), format!("write `tasks.{name}.output`")))
        }
        Some(other) => {
            Some((format!("`tasks.{name}` has no `{other}`"), format!("write `tasks.{name}.{right}` or `.state`")))
        }
        None => Some((format!("`tasks.{name}` is asked for as a whole"), format!("write `tasks.{name}.{right}`"))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|n| format!("`{n}`")).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
