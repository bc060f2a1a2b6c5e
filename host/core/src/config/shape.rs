//! What a document looks like, as tables: one source for the check of a file's structure, for the JSON Schema that
//! editors read, and for the reference of fields.

use super::fault::Code;
use super::reader::Reader;
use super::yaml::{Node, Val};
use crate::schedule::nearest;

/// A mapping with named fields.
#[derive(Debug)]
pub(super) struct Shape {
    /// In the JSON Schema.
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) fields: &'static [Field],
    /// Exactly one of the fields is given.
    pub(super) one: bool,
}

/// A field of a mapping.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// What it means, with its default.
    pub(super) doc: &'static str,
}

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Bool,
    /// From, to.
    Int(i64, i64),
    Number,
    Text,
    /// A string with a form of its own; the words name it.
    Form(&'static str),
    /// A string or number that is a Kubernetes quantity.
    Quantity,
    Enum(&'static [&'static str]),
    /// A cause that may change; checked where it is read.
    Cause,
    List(&'static Kind),
    Map(&'static Kind),
    Object(&'static Shape),
    /// Anything.
    Json,
    /// Any mapping.
    JsonObject,
    /// Either a mapping (the second one) or what is no mapping.
    Or(&'static Kind, &'static Shape),
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Field {
        Field { name, kind, required: false, doc }
    }

    pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Field {
        Field { name, kind, required: true, doc }
    }
}

/// Reports everything about a node that does not fit its kind.
pub(super) fn check(reader: &mut Reader<'_>, kind: &Kind, node: &Node, what: &str) {
    if let Kind::Or(other, shape) = kind {
        let is_map = matches!(node.value, Val::Map(_));
        return if is_map { object(reader, shape, node, what) } else { check(reader, other, node, what) };
    }
    let fits = match (kind, &node.value) {
        (Kind::Json, _) | (_, Val::Null) => true,
        (Kind::Bool, Val::Bool(_)) | (Kind::Text | Kind::Form(_) | Kind::Cause, Val::Text(_)) => true,
        (Kind::Number, Val::Number(_)) | (Kind::Quantity, Val::Number(_) | Val::Text(_)) => true,
        (Kind::JsonObject, Val::Map(_)) => true,
        (Kind::Int(least, most), Val::Number(n)) => match n.as_i64() {
            Some(i) if (*least..=*most).contains(&i) => true,
            Some(_) => {
                let message = format!("`{what}` is {n}, and must be {}", bounds(*least, *most));
                return reader.error(node.at, Code::InvalidValue, message);
            }
            None => false,
        },
        (Kind::Enum(names), Val::Text(text)) => {
            if !names.contains(&text.as_str()) {
                let hint = match nearest(text, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it is one of {}", quoted(names)),
                };
                let message = format!("`{what}` cannot be `{}`", crate::schedule::shown(text));
                reader.error_hint(node.at, Code::InvalidValue, message, hint);
            }
            return;
        }
        (Kind::List(inner), Val::List(items)) => {
            for (i, item) in items.iter().enumerate() {
                let what = format!("{what}[{i}]");
                if item.is_null() {
                    reader.error(item.at, Code::WrongType, format!("`{what}` is null"));
                }
                check(reader, inner, item, &what);
            }
            return;
        }
        (Kind::Map(inner), Val::Map(entries)) => {
            for entry in entries {
                check(reader, inner, &entry.node, &entry.key);
            }
            return;
        }
        (Kind::Object(shape), Val::Map(_)) => return object(reader, shape, node, what),
        _ => false,
    };
    if !fits {
        let message = format!("`{what}` must be {}, and is {}", in_words(kind), node.kind());
        match hint(kind, node) {
            Some(hint) => reader.error_hint(node.at, Code::WrongType, message, hint),
            None => reader.error(node.at, Code::WrongType, message),
        }
    }
}

fn object(reader: &mut Reader<'_>, shape: &Shape, node: &Node, what: &str) {
    for entry in node.entries() {
        match shape.fields.iter().find(|f| f.name == entry.key) {
            Some(field) => check(reader, &field.kind, &entry.node, field.name),
            None => {
                let names: Vec<_> = shape.fields.iter().map(|f| f.name).collect();
                let hint = match nearest(&entry.key, names.iter().copied()) {
                    _ if entry.key == "<<" => {
                        "merge keys are not read: repeat the fields, or use the tenant's `defaults`".into()
                    }
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has {}", quoted(&names)),
                };
                let shown = crate::schedule::shown(&entry.key);
                reader.error_hint(entry.at, Code::UnknownField, format!("`{what}` has no field `{shown}`"), hint);
            }
        }
    }
    for field in shape.fields.iter().filter(|f| f.required && node.get(f.name).is_none()) {
        let at = node.entries().iter().find(|e| e.key == field.name).map_or(node.at, |e| e.at);
        reader.error_hint(at, Code::MissingField, format!("`{what}` lacks `{}`", field.name), field.doc.to_owned());
    }
    if shape.one {
        let names: Vec<_> = shape.fields.iter().map(|f| f.name).collect();
        let given = node.entries().iter().filter(|e| names.contains(&e.key.as_str())).count();
        if given != 1 {
            let message = format!("`{what}` must have exactly one of {}", quoted(&names));
            reader.error(node.at, Code::InvalidValue, message);
        }
    }
}

fn hint(kind: &Kind, node: &Node) -> Option<String> {
    match (kind, &node.value) {
        (Kind::Form(words), Val::Number(n)) if words.starts_with("a duration") => {
            Some(format!("give it a unit, as in `{n}s`"))
        }
        (Kind::Text | Kind::Form(_) | Kind::Enum(_), Val::Number(n)) => Some(format!("write it in quotes: \"{n}\"")),
        (Kind::Text | Kind::Form(_) | Kind::Enum(_), Val::Bool(b)) => Some(format!("write it in quotes: \"{b}\"")),
        (Kind::Int(..) | Kind::Number, Val::Text(t)) if t.parse::<f64>().is_ok() => {
            Some("write it without quotes".into())
        }
        (Kind::Bool, Val::Text(t)) if matches!(t.as_str(), "yes" | "no" | "on" | "off" | "true" | "false") => {
            Some("write true or false, without quotes".into())
        }
        (Kind::Object(shape), Val::Text(_)) if shape.fields.iter().filter(|f| f.required).count() == 1 => {
            let field = shape.fields.iter().find(|f| f.required)?;
            Some(format!("write it as `{{{}: ...}}`", field.name))
        }
        (Kind::List(_), Val::Map(_) | Val::Text(_)) => Some("begin each item with `- `, or write `[a, b]`".into()),
        _ => None,
    }
}

fn bounds(least: i64, most: i64) -> String {
    match (least, most) {
        (least, i64::MAX | 4_294_967_295) => format!("at least {least}"),
        _ => format!("from {least} to {most}"),
    }
}

pub(super) fn in_words(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".into(),
        Kind::Int(least, most) => format!("an integer, {}", bounds(*least, *most)),
        Kind::Number => "a number".into(),
        Kind::Text => "a string".into(),
        Kind::Form(words) => format!("a string: {words}"),
        Kind::Quantity => "a quantity".into(),
        Kind::Cause => "a cause".into(),
        Kind::Enum(names) => quoted(names).replace("`, `", "` or `"),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) | Kind::Object(_) | Kind::JsonObject => "a mapping".into(),
        Kind::Json => "anything".into(),
        Kind::Or(other, _) => format!("{}, or a mapping", in_words(other)),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
