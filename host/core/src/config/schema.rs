use super::document::{API_VERSION, KINDS};
use super::shape::{Field, Kind, Shape, in_words};
use super::{causes, practice};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use wharf_contract::Cause;

/// The JSON Schema of one document, for editors.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let branches: Vec<_> = KINDS
        .iter()
        .map(|(kind, shape)| {
            let reference = object(shape, &mut definitions);
            json!({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference})
        })
        .collect();
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A document of a wharf config",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": kinds}},
        "allOf": branches,
        "definitions": definitions,
    })
}

/// The reference of all fields, rules of practice and causes, as tables of Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    let mut done = Vec::new();
    KINDS.iter().for_each(|(_, shape)| table(shape, &mut out, &mut done));
    out.push_str(&practice::table());
    out.push_str(&causes::table());
    out
}

fn object(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(shape.name) {
        definitions.insert(shape.name.to_owned(), Value::Null);
        let properties: Map<_, _> = shape
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), described(value(&field.kind, definitions), field.doc)))
            .collect();
        let required: Vec<_> = shape.fields.iter().filter(|f| f.required).map(|f| f.name).collect();
        let mut schema = json!({
            "type": "object",
            "description": shape.doc,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if shape.one {
            schema["minProperties"] = json!(1);
            schema["maxProperties"] = json!(1);
        }
        definitions.insert(shape.name.to_owned(), schema);
    }
    json!({"$ref": format!("#/definitions/{}", shape.name)})
}

/// In draft 7 what stands beside a `$ref` is not read.
fn described(schema: Value, doc: &str) -> Value {
    match schema {
        Value::Object(map) if map.contains_key("$ref") => json!({"allOf": [map], "description": doc}),
        Value::Object(mut map) => {
            map.insert("description".into(), doc.into());
            Value::Object(map)
        }
        other => other,
    }
}

fn value(kind: &Kind, definitions: &mut Map<String, Value>) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Number => json!({"type": "number"}),
        Kind::Text | Kind::Form(_) => json!({"type": "string"}),
        Kind::Quantity => json!({"type": ["string", "number"]}),
        Kind::Enum(names) => json!({"enum": names}),
        Kind::Cause => {
            let causes = Cause::ALL.into_iter().filter(|c| c.may_change());
            json!({"enum": causes.map(Cause::as_str).collect::<Vec<_>>()})
        }
        Kind::List(inner) => json!({"type": "array", "items": value(inner, definitions)}),
        Kind::Map(inner) => json!({"type": "object", "additionalProperties": value(inner, definitions)}),
        Kind::Object(shape) => object(shape, definitions),
        Kind::Json => json!({}),
        Kind::JsonObject => json!({"type": "object"}),
        Kind::Or(other, shape) => json!({"anyOf": [value(other, definitions), object(shape, definitions)]}),
    }
}

fn table(shape: &'static Shape, out: &mut String, done: &mut Vec<&'static str>) {
    if done.contains(&shape.name) {
        return;
    }
    done.push(shape.name);
    let _ = write!(out, "### {}\n\n{}\n\n", shape.name, shape.doc);
    if shape.fields.is_empty() {
        return;
    }
    out.push_str("| field | type | |\n|---|---|---|\n");
    for Field { name, kind, required, doc } in shape.fields {
        let mark = if *required { " (required)" } else { "" };
        let _ = writeln!(out, "| `{name}`{mark} | {} | {} |", named(kind).replace('|', "\\|"), doc.replace('|', "\\|"));
    }
    out.push('\n');
    for field in shape.fields {
        inner(&field.kind, out, done);
    }
}

fn named(kind: &Kind) -> String {
    match kind {
        Kind::Object(shape) => link(shape),
        Kind::List(inner) => format!("list: {}", named(inner)),
        Kind::Map(inner) => format!("mapping of names to: {}", named(inner)),
        Kind::Or(other, shape) => format!("{}, or {}", named(other), link(shape)),
        Kind::Form(words) => (*words).to_owned(),
        Kind::Cause => "[cause](#causes)".to_owned(),
        other => in_words(other).trim_start_matches("a ").trim_start_matches("an ").to_owned(),
    }
}

fn link(shape: &Shape) -> String {
    format!("[{}](#{})", shape.name, shape.name.to_lowercase())
}

fn inner(kind: &Kind, out: &mut String, done: &mut Vec<&'static str>) {
    match kind {
        Kind::Object(shape) | Kind::Or(_, shape) => table(shape, out, done),
        Kind::List(kind) | Kind::Map(kind) => inner(kind, out, done),
        _ => {}
    }
}
