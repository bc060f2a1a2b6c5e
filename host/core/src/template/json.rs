//! Between JSON and minijinja's values, both ways by hand: an undefined value or one that JSON has not is an error here,
//! never a silent `null`.

use super::error::TemplateError;
use minijinja::value::ValueKind;
use std::fmt::Write;

/// Largest text in bytes that a template gives.
pub(super) const MAX_RESULT: usize = 12 << 20;
/// Deepest nesting that a template gives; what serde_json reads back.
const MAX_DEPTH: usize = 120;

/// As minijinja's value.
pub(super) fn to_value(json: serde_json::Value) -> minijinja::Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => minijinja::Value::from(()),
        Json::Bool(b) => b.into(),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), ..) => i.into(),
            (_, Some(u), _) => u.into(),
            (.., Some(f)) => f.into(),
            _ => minijinja::Value::from(()),
        },
        Json::String(s) => s.into(),
        Json::Array(list) => list.into_iter().map(to_value).collect::<Vec<_>>().into(),
        Json::Object(map) => minijinja::Value::from_pairs(map.into_iter().map(|(k, v)| (k, to_value(v)))),
    }
}

/// Appends `text` unless the result would be too large.
pub(super) fn push(out: &mut String, text: &str) -> Result<(), TemplateError> {
    if out.len() + text.len() > MAX_RESULT {
        return Err(too_large());
    }
    out.push_str(text);
    Ok(())
}

/// Appends `text` as a JSON string without its quotes.
pub(super) fn push_escaped(out: &mut String, text: &str) -> Result<(), TemplateError> {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    push(out, &quoted[1..quoted.len() - 1])
}

/// Appends a value as JSON.
pub(super) fn write(out: &mut String, value: &minijinja::Value) -> Result<(), TemplateError> {
    write_at(out, value, 0)
}

fn write_at(out: &mut String, value: &minijinja::Value, depth: usize) -> Result<(), TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::new(format!("the result is nested deeper than {MAX_DEPTH} levels")));
    }
    match value.kind() {
        ValueKind::None => push(out, "null"),
        ValueKind::Bool => push(out, if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => number(out, value),
        ValueKind::String => {
            push(out, "\"")?;
            push_escaped(out, value.as_str().unwrap_or_default())?;
            push(out, "\"")
        }
        ValueKind::Seq | ValueKind::Iterable => {
            push(out, "[")?;
            for (i, item) in value.try_iter().map_err(|e| plain(&e))?.enumerate() {
                if i > 0 {
                    push(out, ",")?;
                }
                write_at(out, &item, depth + 1)?;
            }
            push(out, "]")
        }
        ValueKind::Map => {
            push(out, "{")?;
            for (i, key) in value.try_iter().map_err(|e| plain(&e))?.enumerate() {
                if i > 0 {
                    push(out, ",")?;
                }
                let Some(name) = key.as_str() else {
                    return Err(TemplateError::new(format!("the key `{key}` of an object is no string")));
                };
                push(out, "\"")?;
                push_escaped(out, name)?;
                push(out, "\":")?;
                write_at(out, &value.get_item(&key).map_err(|e| plain(&e))?, depth + 1)?;
            }
            push(out, "}")
        }
        ValueKind::Undefined => Err(TemplateError::new("a value in the result is not defined")),
        ValueKind::Invalid => Err(TemplateError::new(value.to_string())),
        _ => Err(TemplateError::new(format!("`{value}` cannot be written as JSON"))),
    }
}

fn number(out: &mut String, value: &minijinja::Value) -> Result<(), TemplateError> {
    if value.is_integer() {
        let _ = write!(out, "{value}");
        return Ok(());
    }
    let float = f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64);
    match float {
        Some(n) => push(out, &n.to_string()),
        None => Err(TemplateError::new(format!("`{value}` is no number of JSON"))),
    }
}

fn plain(error: &minijinja::Error) -> TemplateError {
    TemplateError::new(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
}

fn too_large() -> TemplateError {
    TemplateError::new(format!("the result is larger than {} MiB", MAX_RESULT >> 20))
        .hint("pass large data as artifacts, and a reference to them here")
}
