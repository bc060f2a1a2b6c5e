use super::error::TemplateError;
use super::json;
use super::scan::{Callee, Reference, scan};
use super::scope::{Field, Scope};
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use std::ops::Range;
use std::sync::LazyLock;

/// Longest expression in bytes.
const MAX_SOURCE: usize = 16 << 10;
/// Most names, constants and operators of one expression. Each may be one level deeper in the reader, whose stack is
/// bounded by it.
const MAX_TOKENS: usize = 500;
/// Work that one expression may do: about one for each step, and one for each 64 bytes that it makes.
const FUEL: u64 = 1_000_000;

pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(64);
    env.set_debug(true);
    for name in ["debug", "namespace"] {
        env.remove_global(name);
    }
    for name in ["pprint", "safe", "escape", "e"] {
        env.remove_filter(name);
    }
    env
});

/// An expression, compiled.
#[derive(Debug)]
pub(super) struct Expr {
    form: Form,
    /// As it was written.
    source: String,
    pub(super) references: Vec<Reference>,
    pub(super) callees: Vec<Callee>,
}

/// The most frequent expressions name one variable whole: their JSON text goes through without being read.
#[derive(Debug)]
enum Form {
    Params,
    Item,
    Index,
    RunId,
    RunTrigger,
    PartitionKey,
    Task(String, Field),
    Any(Box<minijinja::Expression<'static, 'static>>),
}

impl Expr {
    /// Compiles the expression that stands at `range` of `text`.
    pub(super) fn compile(text: &str, range: Range<usize>) -> Result<Expr, TemplateError> {
        let whole = &text[range.clone()];
        let expression = whole.strip_prefix(['-', '+']).filter(|e| e.starts_with([' ', '\n'])).unwrap_or(whole);
        let offset = range.start + (whole.len() - expression.len());
        if expression.len() > MAX_SOURCE {
            return Err(TemplateError::new(format!("the expression is longer than {} KiB", MAX_SOURCE >> 10)).at(range));
        }
        let scanned = scan(expression, offset);
        if scanned.tokens > MAX_TOKENS {
            return Err(TemplateError::new(format!("the expression has more than {MAX_TOKENS} parts"))
                .at(range)
                .hint("write long lists as lists of the config, and let a task do the rest"));
        }
        let compiled = ENVIRONMENT.compile_expression_owned(scanned.source).map_err(|e| {
            let end = expression.trim_end().len();
            let span = e.range().map_or(0..end, |r| r.start.min(end)..r.end.min(end));
            let span = if span.is_empty() { end.saturating_sub(1)..end } else { span };
            let words = e.detail().unwrap_or("it cannot be read").to_owned();
            TemplateError::new(format!("the expression has a fault of syntax: {words}"))
                .at(offset + span.start..offset + span.end)
        })?;
        let source = expression.trim().to_owned();
        let form = form_of(&source, &scanned.references).unwrap_or_else(|| Form::Any(Box::new(compiled)));
        Ok(Expr { form, source, references: scanned.references, callees: scanned.callees })
    }

    /// Appends the JSON text of the value.
    pub(super) fn write_json(&self, scope: &Scope, out: &mut String) -> Result<(), TemplateError> {
        match &self.form {
            Form::Params => json::push(out, scope.base().params.text()),
            Form::Item => json::push(out, scope.item().ok_or_else(|| self.undefined("item"))?.text()),
            Form::Index => json::push(out, &scope.index().ok_or_else(|| self.undefined("index"))?.to_string()),
            Form::RunId => json::push(out, &scope.base().run.id.to_string()),
            Form::RunTrigger => quoted(out, scope.base().run.trigger),
            Form::PartitionKey => quoted(out, &self.partition(scope)?.key),
            Form::Task(name, field) => {
                scope.task(name).ok_or_else(|| self.undefined(&format!("tasks.{name}")))?.write(*field, out)
            }
            Form::Any(_) => json::write(out, &self.value(scope)?),
        }
    }

    /// Appends the value as it stands within a string: a string as it is, all else as JSON.
    pub(super) fn write_text(&self, scope: &Scope, out: &mut String) -> Result<(), TemplateError> {
        match &self.form {
            Form::PartitionKey => json::push_escaped(out, &self.partition(scope)?.key),
            Form::RunTrigger => json::push_escaped(out, scope.base().run.trigger),
            Form::Any(_) => {
                let value = self.value(scope)?;
                match value.as_str() {
                    Some(text) => json::push_escaped(out, text),
                    None => {
                        let mut text = String::new();
                        json::write(&mut text, &value)?;
                        json::push_escaped(out, &text)
                    }
                }
            }
            _ => {
                let mut text = String::new();
                self.write_json(scope, &mut text)?;
                if text.starts_with('"') {
                    // The inside of a JSON string is what is being written.
                    json::push(out, text.get(1..text.len() - 1).unwrap_or_default())
                } else {
                    json::push_escaped(out, &text)
                }
            }
        }
    }

    /// The value as a condition.
    pub(super) fn truth(&self, scope: &Scope) -> Result<bool, TemplateError> {
        let mut text = String::new();
        self.write_json(scope, &mut text)?;
        match text.trim() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => {
                let kind = match other.as_bytes().first() {
                    Some(b'"') => "a string",
                    Some(b'[') => "a list",
                    Some(b'{') => "an object",
                    Some(b'n') => "null",
                    _ => "a number",
                };
                Err(TemplateError::new(format!("`{}` is {kind}, and a condition is true or false", self.source))
                    .hint("compare it with something, as in `params.mode == \"full\"` or `params.rows | length > 0`"))
            }
        }
    }

    /// The task whose whole output this is, where it is that and nothing else.
    pub(super) fn whole_output(&self) -> Option<&str> {
        match &self.form {
            Form::Task(name, Field::Output) => Some(name),
            _ => None,
        }
    }

    /// The task whose list of outputs this is, where it is that and nothing else.
    pub(super) fn whole_outputs(&self) -> Option<&str> {
        match &self.form {
            Form::Task(name, Field::Outputs) => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_item(&self) -> bool {
        matches!(self.form, Form::Item)
    }

    pub(super) fn is_params(&self) -> bool {
        matches!(self.form, Form::Params)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.form, Form::PartitionKey | Form::RunTrigger)
    }

    fn partition<'a>(&self, scope: &'a Scope) -> Result<&'a wharf_contract::PartitionContext, TemplateError> {
        scope.base().partition.as_ref().ok_or_else(|| self.undefined("partition"))
    }

    fn value(&self, scope: &Scope) -> Result<minijinja::Value, TemplateError> {
        let Form::Any(expression) = &self.form else {
            return Err(TemplateError::new("this expression names a variable whole"));
        };
        let context = scope.context();
        let value = expression.eval(context.clone()).map_err(|e| match e.kind() {
            ErrorKind::UndefinedError => self.find_undefined(scope, &context),
            ErrorKind::OutOfFuel => {
                TemplateError::new(format!("`{}` does too much work", self.source)).hint("let a task do it instead")
            }
            kind => {
                let words = e.detail().map_or_else(|| kind.to_string(), str::to_owned);
                TemplateError::new(format!("`{}`: {words}", self.source))
            }
        })?;
        match value.kind() {
            ValueKind::Undefined => Err(self.find_undefined(scope, &context)),
            _ => Ok(value),
        }
    }

    fn undefined(&self, name: &str) -> TemplateError {
        TemplateError::new(format!("`{name}` is not defined"))
    }

    /// Names the first reference that leads nowhere, and what would.
    fn find_undefined(&self, scope: &Scope, context: &minijinja::Value) -> TemplateError {
        for reference in &self.references {
            let mut value = context.clone();
            for (depth, name) in reference.path.iter().enumerate() {
                let next = match name.parse::<usize>() {
                    Ok(index) if value.kind() != ValueKind::Map => value.get_item_by_index(index),
                    _ => value.get_attr(name),
                };
                match next {
                    Ok(next) if !next.is_undefined() => value = next,
                    _ => return self.explain(scope, &value, &reference.path[..=depth]),
                }
            }
        }
        TemplateError::new(format!("`{}` is not defined", self.source))
    }

    fn explain(&self, scope: &Scope, last: &minijinja::Value, path: &[String]) -> TemplateError {
        if let [root, task, field] = path
            && root == "tasks"
            && let Some(task) = scope.task(task)
        {
            let field = if field == "outputs" { Field::Outputs } else { Field::Output };
            if let Err(error) = task.write(field, &mut String::new()) {
                return error;
            }
        }
        let error = self.undefined(&path.join("."));
        let names: Vec<_> = match last.try_iter() {
            Ok(names) if last.kind() == ValueKind::Map => names.take(20).map(|n| format!("`{n}`")).collect(),
            _ => Vec::new(),
        };
        match (path.split_last(), names.is_empty()) {
            (Some((_, before)), false) if !before.is_empty() => {
                error.hint(format!("`{}` has {}", before.join("."), names.join(", ")))
            }
            _ => error.hint("where it may be absent, write `NAME | default(VALUE)`"),
        }
    }
}

fn quoted(out: &mut String, text: &str) -> Result<(), TemplateError> {
    json::push(out, "\"")?;
    json::push_escaped(out, text)?;
    json::push(out, "\"")
}

fn form_of(source: &str, references: &[Reference]) -> Option<Form> {
    let [Reference { path, computed: false, span }] = references else { return None };
    if span.len() != source.len() {
        return None;
    }
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["params"] => Some(Form::Params),
        ["item"] => Some(Form::Item),
        ["index"] => Some(Form::Index),
        ["run", "id"] => Some(Form::RunId),
        ["run", "trigger"] => Some(Form::RunTrigger),
        ["partition", "key"] => Some(Form::PartitionKey),
        ["tasks", name, "output"] => Some(Form::Task(name.to_owned(), Field::Output)),
        ["tasks", name, "outputs"] => Some(Form::Task(name.to_owned(), Field::Outputs)),
        _ => None,
    }
}
