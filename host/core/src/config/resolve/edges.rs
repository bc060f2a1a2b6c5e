//! Whether a task takes what it is given: constants by its JSON Schema, outputs of other tasks by theirs.

use super::templates::Flow;
use super::types::{Schema, Type, What, mismatch};
use crate::config::elements::params::validator;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::source::At;
use crate::config::yaml::{Node, Val};
use crate::template::{Outputs, Template, Whole};
use wharf_contract::{Inspection, World};

/// What the task at a place can see.
#[derive(Clone, Copy)]
struct Sight<'b> {
    flow: &'b Flow<'b>,
    place: usize,
    /// By declared position.
    found: &'b [Option<&'b Inspection>],
}

struct Check<'a, 'b> {
    reader: &'b mut Reader<'a>,
    sight: Sight<'b>,
    /// No fault was found.
    good: bool,
}

/// Checks the input of the task at a place against its component's schema. The expressions in it are good.
pub(super) fn check(
    reader: &mut Reader<'_>,
    flow: &Flow<'_>,
    place: usize,
    inspection: &Inspection,
    found: &[Option<&Inspection>],
) {
    let Some(schema) = inspection.manifest.as_ref().and_then(|m| m.input.as_ref()) else { return };
    if inspection.world != World::Task {
        return;
    }
    let task = flow.task(place);
    let schema = Schema::new(schema);
    let mut check = Check { reader, sight: Sight { flow, place, found }, good: true };
    match &task.input {
        Some(input) => check.value(input, schema, ""),
        None => {
            if let Some(expected) = schema.refuses_null() {
                let message = format!("`{}` has no `input`, and its component takes {expected}", task.name);
                check.error(task.at, message);
            }
        }
    }
}

impl Check<'_, '_> {
    fn name(&self) -> String {
        self.sight.flow.task(self.sight.place).name.value.clone()
    }

    fn value(&mut self, node: &Node, to: Schema<'_>, path: &str) {
        let Ok(template) = Template::compile(&node.json()) else { return };
        match template.whole() {
            Whole::Constant => self.constant(node, to, path),
            Whole::Output(task) | Whole::Outputs(task) => {
                if let Some(need) = self.sight.find(&task) {
                    let comes = self.sight.output(need);
                    let who = format!("`{}`", self.sight.flow.task(need).name);
                    self.compare(node.at, &comes, to, path, &who);
                }
            }
            Whole::Item => {
                let comes = self.sight.item();
                self.compare(node.at, &comes, to, path, "an item");
            }
            Whole::Params => {
                if let Some(schema) = &self.sight.flow.params.schema {
                    let comes = Type::Schema(Schema::new(schema));
                    self.compare(node.at, &comes, to, path, "`params`");
                }
            }
            Whole::Text => self.compare(node.at, &Type::Text, to, path, "this"),
            Whole::Other => match &node.value {
                Val::Map(_) => self.object(node, to, path),
                Val::List(items) => {
                    if let Some(schema) = to.follow().and_then(Schema::items) {
                        items.iter().for_each(|item| self.value(item, schema, &format!("{path}[]")));
                    }
                }
                _ => {}
            },
        }
    }

    fn error(&mut self, at: At, message: String) {
        self.good = false;
        self.reader.error(at, Code::Edge, message);
    }

    /// Field by field, for better words; then the whole, for what else the schema says.
    fn constant(&mut self, node: &Node, to: Schema<'_>, path: &str) {
        if matches!(node.value, Val::Map(_)) && to.follow().is_some_and(|to| !to.names().is_empty()) {
            let before = std::mem::replace(&mut self.good, true);
            self.object(node, to, path);
            if !self.good {
                return;
            }
            self.good = before;
        }
        let Ok(validator) = validator(&to.to_document()) else { return };
        for error in validator.iter_errors(&node.json()).take(10) {
            let inner = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            let full = [path, &inner].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".");
            let message = format!("`{}` does not take this as {}: {error}", self.name(), shown(&full));
            self.error(node.find(error.instance_path().as_str()).at, message);
        }
    }

    fn object(&mut self, node: &Node, to: Schema<'_>, path: &str) {
        let Some(to) = to.follow() else { return };
        for name in to.required().filter(|name| !node.entries().iter().any(|e| e.key == *name)) {
            let message = format!("`{}` needs {}, and is not given it", self.name(), shown(&join(path, name)));
            self.error(node.at, message);
        }
        for entry in node.entries() {
            match to.property(&entry.key) {
                Some(schema) => self.value(&entry.node, schema, &join(path, &entry.key)),
                None if to.is_closed() => {
                    let message = format!("`{}` knows no {}", self.name(), shown(&join(path, &entry.key)));
                    let hint = format!("it takes `{}`", to.names().join("`, `"));
                    self.good = false;
                    self.reader.error_hint(entry.at, Code::Edge, message, hint);
                }
                None => {}
            }
        }
    }

    fn compare(&mut self, at: At, comes: &Type<'_>, to: Schema<'_>, path: &str, who: &str) {
        if let Some(found) = mismatch(comes, to) {
            let full =
                if found.path.starts_with('[') { format!("{path}{}", found.path) } else { join(path, &found.path) };
            let (name, full) = (self.name(), shown(&full));
            let message = match found.what {
                What::Other(expected, comes) => format!("`{name}` takes {full} as {expected}, and {who} gives {comes}"),
                What::Missing(comes) => format!("`{name}` needs {full}, and {who} gives {comes}"),
                What::Unknown => format!("`{name}` refuses {full}, which {who} gives"),
            };
            self.error(at, message);
        }
    }
}

impl<'b> Sight<'b> {
    fn find(self, task: &str) -> Option<usize> {
        (0..self.place).find(|place| {
            let name = &self.flow.task(*place).name.value;
            name == task || *name == task.replace('_', "-")
        })
    }

    /// The schema of one output of the task at a place.
    fn schema(self, place: usize) -> Option<Schema<'b>> {
        let position = self.flow.graph.order[place];
        self.found[position]?.manifest.as_ref()?.output.as_ref().map(Schema::new)
    }

    /// What a need gives, as this task sees it.
    fn output(self, need: usize) -> Type<'b> {
        let one = self.schema(need).map_or(Type::Any, Type::Schema);
        let fan = self.flow.task(need).for_each.is_some();
        let all = if fan { Type::List(Box::new(one)) } else { one };
        match self.flow.outputs(self.place, need) {
            Outputs::Many if self.flow.is_finer(need, self.place) => Type::Partitions(Box::new(all)),
            _ => all,
        }
    }

    /// What an item of this task's fan-out is.
    fn item(self) -> Type<'b> {
        let for_each = self.flow.task(self.place).for_each.as_ref();
        let whole = for_each.and_then(|f| Template::compile(&f.value.items).ok()).map(|t| t.whole());
        let Some(Whole::Output(task)) = whole else { return Type::Any };
        let items = self.find(&task).and_then(|need| self.schema(need)?.follow()?.items());
        items.map_or(Type::Any, Type::Schema)
    }
}

fn join(path: &str, name: &str) -> String {
    [path, name].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".")
}

fn shown(path: &str) -> String {
    if path.is_empty() { "its input".into() } else { format!("`{path}`") }
}
