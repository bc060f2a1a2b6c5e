//! The one expression language of a config: JSON in which a string may hold `{{ expression }}`.
//!
//! Expressions are those of Jinja (without statements). A string that is exactly one `{{ expression }}` keeps the type of
//! the expression; any other string becomes text, with what is no string written as JSON. An undefined value is an error.
//! The variables: `params`, `run.{id,scheduledTime,trigger}`, `partition.{key,start,end}`, `tasks.NAME.{output,outputs,state}`,
//! and in a fan-out `item` and `index`. There is no clock and no chance: the same scope gives the same result.
//!
//! ```
//! use wharf_core::template::{RunScope, Scope, TaskOutput, TaskScope, Template};
//! let rows = serde_json::value::to_raw_value(&serde_json::json!({"rows": [1, 2]})).unwrap();
//! let tasks = vec![TaskScope::new("extract", "succeeded", TaskOutput::One(wharf_contract::Payload::Json(rows)))];
//! let scope = Scope::new(&Default::default(), RunScope::default(), None, tasks);
//! let template = Template::compile(&serde_json::json!({"n": "{{ tasks.extract.output.rows | length }}"})).unwrap();
//! assert_eq!(template.eval_value(&scope).unwrap(), serde_json::json!({"n": 2}));
//! ```

mod error;
mod expr;
mod json;
mod known;
mod scan;
mod scope;
mod text;

pub use error::TemplateError;
pub use known::{Known, Outputs};
pub use scan::Reference;
pub use scope::{RunScope, Scope, TaskOutput, TaskScope};

use crate::schedule::shown;
use expr::Expr;
use serde_json::Value;
use serde_json::value::RawValue;
use text::{Part, split};
use wharf_contract::Payload;

/// Most items of a fan-out.
pub const MAX_ITEMS: usize = 1_000_000;

/// A template, compiled once and worked out many times.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    /// The result, where nothing is to be worked out.
    constant: Option<Box<RawValue>>,
}

#[derive(Debug)]
enum Piece {
    /// JSON text.
    Json(String),
    /// The JSON text of an expression's value.
    Value(Expr, String),
    /// What an expression gives within a string.
    Text(Expr, String),
}

/// What a template's result is known to be before anything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// A constant.
    Constant,
    /// The output of this task.
    Output(String),
    /// The list of outputs of this task.
    Outputs(String),
    /// The item of the fan-out.
    Item,
    /// The run's parameters.
    Params,
    /// Text.
    Text,
    /// Something that is worked out.
    Other,
}

impl Template {
    /// Compiles a value in which each string may hold expressions.
    ///
    /// # Errors
    /// A string has a fault of syntax.
    pub fn compile(value: &Value) -> Result<Template, TemplateError> {
        let mut builder = Builder::default();
        builder.value(value)?;
        let mut pieces = builder.pieces;
        if !builder.tail.is_empty() {
            pieces.push(Piece::Json(builder.tail));
        }
        let constant = match &pieces[..] {
            [Piece::Json(text)] => RawValue::from_string(text.clone()).ok(),
            _ => None,
        };
        Ok(Template { pieces, constant })
    }

    /// Compiles the expression of a condition: bare, or as one `{{ }}`.
    ///
    /// # Errors
    /// It has a fault of syntax.
    pub fn compile_condition(text: &str) -> Result<Template, TemplateError> {
        let expr = condition_expr(text)?;
        Ok(Template { pieces: vec![Piece::Value(expr, String::new())], constant: None })
    }

    /// Whether nothing is to be worked out.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.constant.is_some()
    }

    /// What the whole result is known to be.
    #[must_use]
    pub fn whole(&self) -> Whole {
        match &self.pieces[..] {
            _ if self.is_constant() => Whole::Constant,
            [Piece::Value(expr, _)] => match (expr.whole_output(), expr.whole_outputs()) {
                (Some(task), _) => Whole::Output(task.to_owned()),
                (_, Some(task)) => Whole::Outputs(task.to_owned()),
                _ if expr.is_item() => Whole::Item,
                _ if expr.is_params() => Whole::Params,
                _ if expr.is_text() => Whole::Text,
                _ => Whole::Other,
            },
            // Only a string begins with a quote.
            [Piece::Json(text), ..] if text.starts_with('"') => Whole::Text,
            _ => Whole::Other,
        }
    }

    /// Every use of a variable.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.expressions().flat_map(|(expr, _)| &expr.references)
    }

    /// Whether it refers to the task of that name: only these are needed in a [`Scope`].
    #[must_use]
    pub fn refers_to_task(&self, name: &str) -> bool {
        self.references()
            .any(|r| r.path[0] == "tasks" && r.path.get(1).is_none_or(|t| t == name || t.replace('_', "-") == name))
    }

    /// Everything that cannot be right, judged without running anything.
    #[must_use]
    pub fn check(&self, known: &Known) -> Vec<TemplateError> {
        self.expressions()
            .flat_map(|(expr, pointer)| known::check(expr, known).into_iter().map(|e| e.within(pointer)))
            .collect()
    }

    /// Works the template out.
    ///
    /// # Errors
    /// Something is not defined, an expression fails or does too much work, the result is too large, or an output that is
    /// kept as an artifact is not passed whole.
    pub fn eval(&self, scope: &Scope) -> Result<Payload, TemplateError> {
        if let Some(constant) = &self.constant {
            return Ok(Payload::Json(constant.clone()));
        }
        if let [Piece::Value(expr, _)] = &self.pieces[..] {
            if let Some(payload) = expr.whole_output().and_then(|t| scope.task(t)).and_then(TaskScope::payload) {
                return Ok(payload.clone());
            }
            if expr.is_item()
                && let Some(item) = scope.item()
            {
                return Ok(Payload::Json(item.raw()));
            }
        }
        let text = self.eval_text(scope)?;
        match RawValue::from_string(text) {
            Ok(raw) => Ok(Payload::Json(raw)),
            Err(e) => Err(TemplateError::new(format!("the result is no JSON: {e}"))),
        }
    }

    /// Works the template out to a value in memory.
    ///
    /// # Errors
    /// As [`Template::eval`], and where the result is kept as an artifact.
    pub fn eval_value(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let text = self.eval_text(scope)?;
        serde_json::from_str(&text).map_err(|e| TemplateError::new(format!("the result is no JSON: {e}")))
    }

    /// Works the template out to the items of a fan-out.
    ///
    /// # Errors
    /// As [`Template::eval_value`], and where the result is no list or has more than [`MAX_ITEMS`] items.
    pub fn eval_list(&self, scope: &Scope) -> Result<Vec<Box<RawValue>>, TemplateError> {
        let text = self.eval_text(scope)?;
        let items: Vec<Box<RawValue>> = serde_json::from_str(&text).map_err(|_| {
            TemplateError::new(format!("the items of a fan-out are a list, and this is `{}`", shown(&text)))
        })?;
        if items.len() > MAX_ITEMS {
            return Err(TemplateError::new(format!("{} items are more than {MAX_ITEMS}", items.len())));
        }
        Ok(items)
    }

    /// Works a condition out.
    ///
    /// # Errors
    /// As [`Template::eval_value`], and where the result is neither true nor false.
    pub fn eval_condition(&self, scope: &Scope) -> Result<bool, TemplateError> {
        match &self.pieces[..] {
            [Piece::Value(expr, _)] => expr.truth(scope),
            _ => Err(TemplateError::new("a condition is one expression")),
        }
    }

    fn expressions(&self) -> impl Iterator<Item = (&Expr, &str)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Json(_) => None,
            Piece::Value(expr, pointer) | Piece::Text(expr, pointer) => Some((expr, pointer.as_str())),
        })
    }

    fn eval_text(&self, scope: &Scope) -> Result<String, TemplateError> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Json(text) => json::push(&mut out, text)?,
                Piece::Value(expr, at) => expr.write_json(scope, &mut out).map_err(|e| e.within(at))?,
                Piece::Text(expr, at) => expr.write_text(scope, &mut out).map_err(|e| e.within(at))?,
            }
        }
        Ok(out)
    }
}

/// Works a template out that is used once.
///
/// # Errors
/// As [`Template::compile`] and [`Template::eval_value`].
pub fn eval(value: &Value, scope: &Scope) -> Result<Value, TemplateError> {
    Template::compile(value)?.eval_value(scope)
}

/// Works a condition out that is used once.
///
/// # Errors
/// As [`Template::compile_condition`] and [`Template::eval_condition`].
pub fn condition(text: &str, scope: &Scope) -> Result<bool, TemplateError> {
    Template::compile_condition(text)?.eval_condition(scope)
}

fn condition_expr(text: &str) -> Result<Expr, TemplateError> {
    if !text.contains("{{") && !text.contains("{%") {
        return if text.trim().is_empty() {
            Err(TemplateError::new("the condition is empty"))
        } else {
            Expr::compile(text, 0..text.len())
        };
    }
    match only_expression(text)? {
        Some(range) => Expr::compile(text, range),
        None => Err(TemplateError::new("a condition is one expression, not text with expressions in it")
            .hint("write it without braces, as in `params.mode == \"full\"`")),
    }
}

/// The expression's place where the text is one and nothing else.
fn only_expression(text: &str) -> Result<Option<std::ops::Range<usize>>, TemplateError> {
    let parts = split(text)?;
    let mut expressions = parts.iter().filter_map(|p| match p {
        Part::Expression(range) => Some(range.clone()),
        Part::Literal(_) => None,
    });
    let blank =
        parts.iter().all(|p| matches!(p, Part::Expression(_)) || matches!(p, Part::Literal(l) if l.trim().is_empty()));
    match (expressions.next(), expressions.next()) {
        (Some(range), None) if blank => Ok(Some(range)),
        _ => Ok(None),
    }
}

#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
    tail: String,
    pointer: String,
}

impl Builder {
    fn value(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::String(text) => {
                let pointer = self.pointer.clone();
                self.string(text).map_err(|e| e.within(&pointer))
            }
            Value::Array(items) => {
                self.tail.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.tail.push_str(if i > 0 { "," } else { "" });
                    self.inner(&i.to_string(), item)?;
                }
                self.tail.push(']');
                Ok(())
            }
            Value::Object(map) => {
                self.tail.push('{');
                for (i, (key, item)) in map.iter().enumerate() {
                    self.tail.push_str(if i > 0 { "," } else { "" });
                    self.tail.push_str(&Value::String(key.clone()).to_string());
                    self.tail.push(':');
                    self.inner(&key.replace('~', "~0").replace('/', "~1"), item)?;
                }
                self.tail.push('}');
                Ok(())
            }
            other => {
                self.tail.push_str(&other.to_string());
                Ok(())
            }
        }
    }

    fn inner(&mut self, key: &str, value: &Value) -> Result<(), TemplateError> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(key);
        self.value(value)?;
        self.pointer.truncate(length);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), TemplateError> {
        if let Some(range) = only_expression(text)? {
            let expr = Expr::compile(text, range)?;
            self.flush();
            self.pieces.push(Piece::Value(expr, self.pointer.clone()));
            return Ok(());
        }
        self.tail.push('"');
        for part in split(text)? {
            match part {
                Part::Literal(literal) => json::push_escaped(&mut self.tail, literal)?,
                Part::Expression(range) => {
                    let expr = Expr::compile(text, range)?;
                    self.flush();
                    self.pieces.push(Piece::Text(expr, self.pointer.clone()));
                }
            }
        }
        self.tail.push('"');
        Ok(())
    }

    fn flush(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(Piece::Json(std::mem::take(&mut self.tail)));
        }
    }
}

#[cfg(test)]
mod tests;
