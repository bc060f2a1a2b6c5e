//! Whether expressions refer to what there is.

use super::graph::Graph;
use crate::config::elements::params;
use crate::config::elements::task::Task;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::source::At;
use crate::config::yaml::{Node, Val};
use crate::partition::Granularity;
use crate::plan::Params;
use crate::template::{Known, Outputs, Template, TemplateError};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is the same for all tasks of a flow.
pub(super) struct Flow<'a> {
    pub(super) tasks: &'a [Task],
    pub(super) graph: &'a Graph,
    pub(super) params: &'a Params,
    /// The flow's granularity; a list counts as days do.
    pub(super) granularity: Option<Granularity>,
}

impl Flow<'_> {
    pub(super) fn task(&self, place: usize) -> &Task {
        &self.tasks[self.graph.order[place]]
    }

    /// The granularity of the task at a place.
    pub(super) fn granularity_of(&self, place: usize) -> Option<Granularity> {
        self.task(place).partition.map(|(g, _)| g).or(self.granularity)
    }

    /// How the task at `need` is seen from the one at `place`.
    pub(super) fn outputs(&self, place: usize, need: usize) -> Outputs {
        if self.task(need).for_each.is_some() || self.is_finer(need, place) { Outputs::Many } else { Outputs::One }
    }

    pub(super) fn is_finer(&self, need: usize, place: usize) -> bool {
        self.granularity_of(need) < self.granularity_of(place)
    }

    fn known(&self, place: usize) -> Known {
        let before = self.graph.before(place);
        // Outputs of other partitions are read for needs alone.
        let visible = |p: &&usize| self.graph.needs[place].contains(p) || !self.is_finer(**p, place);
        let tasks: BTreeMap<_, _> = before
            .iter()
            .filter(visible)
            .map(|p| (self.task(*p).name.value.clone(), self.outputs(place, *p)))
            .collect();
        let others = self.tasks.iter().map(|t| t.name.value.clone()).filter(|n| !tasks.contains_key(n)).collect();
        Known { params: params::names(self.params), partition: self.granularity.is_some(), item: false, tasks, others }
    }
}

/// Checks the expressions of the task at a place. Gives whether those of its input are good.
pub(super) fn check(reader: &mut Reader<'_>, flow: &Flow<'_>, place: usize) -> bool {
    let task = flow.task(place);
    let known = flow.known(place);
    if let Some(when) = &task.when {
        let errors = match Template::compile_condition(&when.value) {
            Ok(template) => template.check(&known),
            Err(error) => vec![error],
        };
        errors.into_iter().for_each(|error| report(reader, when.at, error));
    }
    if let Some(for_each) = &task.for_each {
        check_value(reader, &for_each.items, &known);
    }
    let known = Known { item: task.for_each.is_some(), ..known };
    task.input.as_ref().is_none_or(|input| check_value(reader, input, &known))
}

/// Each string by itself, so that all faults are found. Gives whether there is none.
fn check_value(reader: &mut Reader<'_>, node: &Node, known: &Known) -> bool {
    match &node.value {
        Val::Text(text) => {
            let errors = match Template::compile(&Value::String(text.clone())) {
                Ok(template) => template.check(known),
                Err(error) => vec![error],
            };
            let good = errors.is_empty();
            errors.into_iter().for_each(|error| report(reader, node.at, error));
            good
        }
        Val::List(items) => items.iter().filter(|item| !check_value(reader, item, known)).count() == 0,
        Val::Map(entries) => entries.iter().filter(|entry| !check_value(reader, &entry.node, known)).count() == 0,
        _ => true,
    }
}

fn report(reader: &mut Reader<'_>, at: At, error: TemplateError) {
    let at = error.span.as_ref().map_or(at, |span| at.within(span));
    reader.faults.error(reader.files, at, Code::Template, error.message, error.hint);
}
