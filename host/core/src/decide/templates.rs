//! The templates of a flow, each compiled when it is first needed.

use crate::plan::Task;
use crate::template::{Template, TemplateError};
use std::sync::OnceLock;

/// By position of the task.
#[derive(Debug)]
pub(crate) struct Templates(Vec<OnceLock<Result<Compiled, TemplateError>>>);

/// The templates of one task.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) input: Template,
    pub(crate) when: Option<Template>,
    pub(crate) items: Option<Template>,
}

impl Templates {
    pub(crate) fn new(tasks: usize) -> Templates {
        Templates((0..tasks).map(|_| OnceLock::new()).collect())
    }

    /// The templates of a task. A fault is one that the check of a config finds, and so comes from a config that an older
    /// version has read.
    pub(crate) fn of(&self, task: u16, spec: &Task) -> Result<&Compiled, &TemplateError> {
        self.0[usize::from(task)].get_or_init(|| compile(spec)).as_ref()
    }
}

fn compile(spec: &Task) -> Result<Compiled, TemplateError> {
    Ok(Compiled {
        input: Template::compile(&spec.input)?,
        when: spec.when.as_deref().map(Template::compile_condition).transpose()?,
        items: spec.for_each.as_ref().map(|f| Template::compile(&f.items)).transpose()?,
    })
}

impl Compiled {
    /// Whether one of the templates refers to the task of that name.
    pub(crate) fn refer_to(&self, name: &str) -> bool {
        [Some(&self.input), self.when.as_ref(), self.items.as_ref()]
            .into_iter()
            .flatten()
            .any(|template| template.refers_to_task(name))
    }
}
