//! What a run can be given.

use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::Params;
use jsonschema::PatternOptions;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use std::collections::BTreeSet;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Params",
    doc: "What a run can be given, as `params` in expressions.",
    one: false,
    fields: &[
        Field::new("schema", Kind::JsonObject, "JSON Schema of the whole object; default: any of the `defaults`."),
        Field::new("defaults", Kind::JsonObject, "Values that are used where a run does not say otherwise."),
    ],
};

/// A validator of a schema: patterns take linear time, nothing is fetched.
///
/// # Errors
/// Why the schema is none.
pub(in crate::config) fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
        .map_err(|e| e.to_string())
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Params {
    let Some(node) = spec.get("params") else { return Params::default() };
    let schema = node.get("schema").map(Node::json);
    let defaults = match node.get("defaults").map(Node::json) {
        Some(Value::Object(defaults)) => defaults,
        _ => serde_json::Map::new(),
    };
    if let (Some(schema), Some(at)) = (&schema, node.get("schema")) {
        match validator(schema) {
            Err(why) => reader.error(at.at, Code::Schema, format!("`params.schema` is no JSON Schema: {why}")),
            Ok(validator) => check_defaults(reader, node, spec, &validator, &Value::Object(defaults.clone())),
        }
    }
    Params { schema, defaults }
}

fn check_defaults(
    reader: &mut Reader<'_>,
    node: &Node,
    spec: &Node,
    validator: &jsonschema::Validator,
    defaults: &Value,
) {
    let at = node.get("defaults").unwrap_or(node);
    for error in validator.iter_errors(defaults).take(20) {
        if let ValidationErrorKind::Required { property } = error.kind()
            && error.instance_path().is_empty()
        {
            // A run may give it; a tick cannot.
            if spec.get("schedule").is_some() {
                let message = format!("a scheduled run has no value for the parameter {property}");
                reader.error_hint(at.at, Code::Schema, message, "give it one in `params.defaults`");
            }
            continue;
        }
        let place = at.find(error.instance_path().as_str()).at;
        reader.error(place, Code::Schema, format!("a default does not fit `params.schema`: {error}"));
    }
}

/// The names that expressions may use; none where any may come.
pub(in crate::config) fn names(params: &Params) -> Option<BTreeSet<String>> {
    let defaults = params.defaults.keys().cloned();
    match &params.schema {
        None => Some(defaults.collect()),
        Some(schema) => {
            let properties = schema.get("properties")?.as_object()?;
            Some(properties.keys().cloned().chain(defaults).collect())
        }
    }
}
