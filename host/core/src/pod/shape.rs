//! Whether a template has the form of a pod template.

use super::fields::{Kind, Type};
use super::flaw::{Flaw, Place};
use crate::config::Code;
use crate::quantity::{ZERO, parse};
use crate::schedule::{nearest, shown};
use serde_json::Value;

/// Everything that is no field, or of another type than its field.
pub(super) fn check(template: &Value) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    of_kind(Kind::ROOT, None, &Place::root(template), &mut flaws);
    flaws
}

fn of_kind(kind: Kind, key: Option<&str>, place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    let fits = match (kind.get(), place.value) {
        (_, Value::Null)
        | (Type::Text | Type::IntOrText, Value::String(_))
        | (Type::Flag, Value::Bool(_))
        | (Type::Quantity, Value::Number(_)) => true,
        (Type::Int | Type::IntOrText, Value::Number(n)) => n.is_i64(),
        (Type::Quantity, Value::String(text)) => {
            if let Err(why) = parse(text, 1)
                && why != ZERO
            {
                let message = format!("`{}` is no quantity: {why}", shown(text));
                flaws.push(place.flaw(Code::InvalidQuantity, message, "write it as `512Mi` or `500m`"));
            }
            return;
        }
        (Type::Struct(fields), Value::Object(_)) => {
            for (name, inner) in place.entries() {
                match fields.get(name) {
                    Some(field) => of_kind(field.kind, field.key, &inner, flaws),
                    None if name.starts_with('$') => directive(name, &inner, flaws),
                    None => flaws.push(unknown(place, name, &inner, fields.keys().copied())),
                }
            }
            return;
        }
        (Type::Map(values), Value::Object(_)) => {
            place.entries().for_each(|(name, inner)| match name.starts_with('$') {
                true => directive(name, &inner, flaws),
                false => of_kind(values, None, &inner, flaws),
            });
            return;
        }
        (Type::List(items), Value::Array(_)) => {
            for item in place.items() {
                if item.value.is_null() {
                    flaws.push(item.flaw(Code::WrongType, format!("`{}` is null", item.path()), "take it away"));
                }
                of_kind(items, None, &item, flaws);
                let replaces = item.text("$patch") == Some("replace");
                if let Some(key) = key.filter(|key| item.value.is_object() && item.get(key).is_none() && !replaces) {
                    let message = format!("`{}` lacks `{key}`", item.path());
                    flaws.push(item.flaw(Code::MissingField, message, "it says which item is meant"));
                }
            }
            return;
        }
        _ => false,
    };
    if !fits {
        let message = format!("`{}` must be {}, and is {}", place.path(), words(kind), is(place.value));
        flaws.push(place.flaw(Code::WrongType, message, "write it as in a pod of Kubernetes"));
    }
}

fn directive(name: &str, place: &Place<'_>, flaws: &mut Vec<Flaw>) {
    if !matches!(name, "$patch" | "$retainKeys") {
        let message = format!("the directive `{}` is not known here", shown(name));
        let hint = "there are `$patch: replace`, `$patch: delete` and `$retainKeys`";
        flaws.push(place.flaw(Code::UnknownField, message, hint));
    }
}

fn unknown(
    place: &Place<'_>,
    name: &str,
    inner: &Place<'_>,
    fields: impl Iterator<Item = &'static str> + Clone,
) -> Flaw {
    let what = if place.pointer.is_empty() { "podTemplate".to_owned() } else { place.path() };
    let hint = match nearest(name, fields.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<_> = fields.take(12).map(|f| format!("`{f}`")).collect();
            format!("it has {}{}", names.join(", "), if names.len() == 12 { ", ..." } else { "" })
        }
    };
    inner.flaw(Code::UnknownField, format!("`{what}` has no field `{}`", shown(name)), hint)
}

fn words(kind: Kind) -> &'static str {
    match kind.get() {
        Type::Text => "a string",
        Type::Flag => "true or false",
        Type::Int => "an integer",
        Type::Quantity => "a quantity",
        Type::IntOrText => "an integer or a string",
        Type::List(_) => "a list",
        Type::Map(_) | Type::Struct(_) => "a mapping",
    }
}

fn is(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(n) if n.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
