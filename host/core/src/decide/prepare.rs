//! Is a task whose needs are final to run, over which items, and with what input?

use super::scope::{Answer, surroundings};
use super::templates::Compiled;
use super::upstream::Question;
use crate::run::Run;
use crate::template::{Scope, TemplateError};
use serde_json::value::RawValue;
use wharf_contract::{AttemptContext, Cause, Outcome, Payload};

/// What the attempts of a task have in common.
#[derive(Debug)]
pub(crate) struct Prepared {
    scope: Scope,
    /// Of a fan-out.
    items: Option<Vec<Box<RawValue>>>,
    pub(crate) context: AttemptContext,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its `when` is not true.
    Skip,
    Run(Prepared),
}

/// Works out what is worked out once for a task. `fresh` is false where it was decided before, and only what is not
/// recorded is wanted again.
pub(crate) fn prepare(
    run: &Run,
    task: u16,
    compiled: &Compiled,
    questions: &[Question],
    answers: Vec<Answer>,
    fresh: bool,
) -> Result<Verdict, Box<Outcome>> {
    let (scope, context) = surroundings(run, task, compiled, questions, answers);
    if fresh
        && let Some(when) = &compiled.when
        && !when.eval_condition(&scope).map_err(|e| refusal("when", &e))?
    {
        return Ok(Verdict::Skip);
    }
    let items = match &compiled.items {
        Some(items) => Some(items.eval_list(&scope).map_err(|e| refusal("forEach.items", &e))?),
        None => None,
    };
    if let (Some(items), Some(recorded)) = (&items, run.task(task).and_then(|t| t.items))
        && items.len() != recorded as usize
    {
        let message = format!(
            "forEach.items: the list has {} items now, and had {recorded} when it was worked out first",
            items.len()
        );
        return Err(Box::new(Outcome::failed(Cause::InvalidInput, message)));
    }
    Ok(Verdict::Run(Prepared { scope, items, context }))
}

impl Prepared {
    /// Length of the fan-out's list.
    pub(crate) fn len(&self) -> Option<u32> {
        self.items.as_ref().map(|items| u32::try_from(items.len()).unwrap_or(u32::MAX))
    }

    /// Input of an attempt.
    pub(crate) fn input(&self, compiled: &Compiled, item: u32) -> Result<Payload, Box<Outcome>> {
        let template = &compiled.input;
        let input = match self.items.as_ref().and_then(|items| items.get(item as usize)) {
            Some(value) if !template.is_constant() => template.eval(&self.scope.with_item(item, value.clone())),
            _ => template.eval(&self.scope),
        };
        input.map_err(|e| refusal("input", &e))
    }
}

/// The outcome of a task whose template cannot be worked out.
pub(crate) fn refusal(field: &str, error: &TemplateError) -> Box<Outcome> {
    Box::new(Outcome::failed(Cause::InvalidInput, format!("{field}: {error}")))
}
