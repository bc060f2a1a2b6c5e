//! Whether a value of one JSON Schema can be one of another. Only what certainly cannot is told: where a schema says
//! more than is understood here, nothing is.

use serde_json::Value;
use std::collections::BTreeSet;

/// Deepest nesting that is looked at; schemas may refer to themselves.
const MAX_DEPTH: usize = 24;

/// A schema with the document that its references point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema<'a> {
    node: &'a Value,
    root: &'a Value,
}

/// What comes.
#[derive(Debug, Clone)]
pub(super) enum Type<'a> {
    Schema(Schema<'a>),
    /// A list of it.
    List(Box<Type<'a>>),
    /// A list of `{partition, output}`.
    Partitions(Box<Type<'a>>),
    Text,
    /// It is not known.
    Any,
}

/// What does not fit, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// As in `rows[].date`; empty for the value itself.
    pub(super) path: String,
    pub(super) what: What,
}

/// What does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Another type or value: what is expected, and what comes.
    Other(String, String),
    /// A property that is expected does not come; what comes instead.
    Missing(String),
    /// A property comes that is refused.
    Unknown,
}

impl<'a> Schema<'a> {
    pub(super) fn new(root: &'a Value) -> Schema<'a> {
        Schema { node: root, root }
    }

    /// The schema that references lead to.
    pub(super) fn follow(mut self) -> Option<Schema<'a>> {
        for _ in 0..16 {
            match self.node.get("$ref").and_then(Value::as_str) {
                Some(reference) => {
                    let pointer = reference.strip_prefix('#')?;
                    self.node = if pointer.is_empty() { self.root } else { self.root.pointer(pointer)? };
                }
                None => match self.list("allOf") {
                    Some([only]) if self.node.get("properties").is_none() => self.node = only,
                    _ => return Some(self),
                },
            }
        }
        None
    }

    pub(super) fn at(self, node: &'a Value) -> Schema<'a> {
        Schema { node, root: self.root }
    }

    pub(super) fn property(self, name: &str) -> Option<Schema<'a>> {
        Some(self.at(self.node.get("properties")?.get(name)?))
    }

    pub(super) fn items(self) -> Option<Schema<'a>> {
        self.node.get("items").filter(|i| i.is_object()).map(|i| self.at(i))
    }

    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        self.list("required").unwrap_or_default().iter().filter_map(Value::as_str)
    }

    /// Whether it refuses properties that it does not name.
    pub(super) fn is_closed(self) -> bool {
        self.node.get("additionalProperties") == Some(&Value::Bool(false))
            && self.node.get("patternProperties").is_none()
    }

    /// The names of its properties, for a message.
    pub(super) fn names(self) -> Vec<&'a str> {
        let properties = self.node.get("properties").and_then(Value::as_object);
        properties.map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// What it expects instead, where it certainly refuses null.
    pub(super) fn refuses_null(self) -> Option<String> {
        self.kinds(0).filter(|kinds| !kinds.contains("null")).map(|kinds| words(&kinds))
    }

    /// As a document of its own.
    pub(super) fn to_document(self) -> Value {
        if std::ptr::eq(self.node, self.root) {
            return self.root.clone();
        }
        let mut document = serde_json::json!({"allOf": [self.node]});
        for name in ["$schema", "$defs", "definitions"] {
            if let Some(value) = self.root.get(name) {
                document[name] = value.clone();
            }
        }
        document
    }

    fn list(self, name: &str) -> Option<&'a [Value]> {
        self.node.get(name)?.as_array().map(Vec::as_slice)
    }

    fn alternatives(self) -> Option<&'a [Value]> {
        self.list("anyOf").or_else(|| self.list("oneOf"))
    }

    fn constants(self) -> Option<Vec<&'a Value>> {
        match self.node.get("const") {
            Some(value) => Some(vec![value]),
            None => self.list("enum").map(|values| values.iter().collect()),
        }
    }

    /// The types that it allows; none where that is not known.
    fn kinds(self, depth: usize) -> Option<BTreeSet<&'a str>> {
        let schema = self.follow().filter(|_| depth < MAX_DEPTH)?;
        if let Some(kind) = schema.node.get("type") {
            let mut kinds: BTreeSet<_> = match kind {
                Value::String(kind) => [kind.as_str()].into(),
                Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
                _ => return None,
            };
            if kinds.contains("number") {
                kinds.insert("integer");
            }
            return Some(kinds);
        }
        if let Some(constants) = schema.constants() {
            return Some(constants.into_iter().map(kind_of).collect());
        }
        let mut all = BTreeSet::new();
        for alternative in schema.alternatives()? {
            all.extend(schema.at(alternative).kinds(depth + 1)?);
        }
        Some(all)
    }

    fn in_words(self) -> String {
        match self.kinds(0) {
            Some(kinds) => words(&kinds),
            None => "another value".into(),
        }
    }
}

impl Type<'_> {
    fn kinds(&self) -> Option<BTreeSet<&str>> {
        match self {
            Type::Schema(schema) => schema.kinds(0),
            Type::List(_) | Type::Partitions(_) => Some(["array"].into()),
            Type::Text => Some(["string"].into()),
            Type::Any => None,
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn words(kinds: &BTreeSet<&str>) -> String {
    let shown: Vec<_> = kinds
        .iter()
        .filter(|k| !(**k == "integer" && kinds.contains("number")))
        .map(|kind| match *kind {
            "array" => "a list",
            "object" => "an object",
            "integer" => "an integer",
            "number" => "a number",
            "string" => "a string",
            "boolean" => "true or false",
            _ => "null",
        })
        .collect();
    shown.join(" or ")
}

/// Why what comes can never be what is expected, if so.
pub(super) fn mismatch(comes: &Type<'_>, expected: Schema<'_>) -> Option<Mismatch> {
    compare(comes, expected, &mut String::new(), 0)
}

fn compare(comes: &Type<'_>, expected: Schema<'_>, path: &mut String, depth: usize) -> Option<Mismatch> {
    let expected = expected.follow().filter(|_| depth < MAX_DEPTH)?;
    if let Type::Schema(schema) = comes {
        let schema = schema.follow()?;
        if let Some(alternatives) = schema.alternatives() {
            let found: Option<Vec<_>> =
                alternatives.iter().map(|a| compare(&Type::Schema(schema.at(a)), expected, path, depth + 1)).collect();
            return found.and_then(|all| all.into_iter().next());
        }
        return compare_followed(&Type::Schema(schema), expected, path, depth);
    }
    compare_followed(comes, expected, path, depth)
}

fn compare_followed(comes: &Type<'_>, expected: Schema<'_>, path: &mut String, depth: usize) -> Option<Mismatch> {
    if let (Some(from), Some(to)) = (comes.kinds(), expected.kinds(0))
        && from.is_disjoint(&to)
    {
        return other(path, expected.in_words(), words(&from));
    }
    for all in expected.list("allOf").unwrap_or_default() {
        if let Some(found) = compare(comes, expected.at(all), path, depth + 1) {
            return Some(found);
        }
    }
    if let Some(alternatives) = expected.alternatives() {
        let found: Option<Vec<_>> =
            alternatives.iter().map(|a| compare(comes, expected.at(a), path, depth + 1)).collect();
        // The one that is nearest goes deepest.
        if let Some(nearest) = found.and_then(|all| all.into_iter().max_by_key(|m| m.path.len())) {
            return Some(nearest);
        }
    }
    match comes {
        Type::Schema(schema) => compare_schemas(*schema, expected, path, depth),
        Type::List(inner) => within(path, "[]", |path| compare(inner, expected.items()?, path, depth + 1)),
        Type::Partitions(output) => within(path, "[]", |path| {
            let item = expected.items()?.follow()?;
            let extra = item.required().find(|name| !matches!(*name, "partition" | "output"));
            if let Some(name) = extra {
                let what = What::Missing("only `partition` and `output`".into());
                return Some(Mismatch { path: join(path, name), what });
            }
            if let Some(found) = item
                .property("partition")
                .and_then(|p| within(path, "partition", |path| compare(&Type::Text, p, path, depth + 1)))
            {
                return Some(found);
            }
            let inner = item.property("output")?;
            within(path, "output", |path| compare(output, inner, path, depth + 1))
        }),
        Type::Text | Type::Any => None,
    }
}

fn compare_schemas(from: Schema<'_>, to: Schema<'_>, path: &mut String, depth: usize) -> Option<Mismatch> {
    if let (Some(have), Some(want)) = (from.constants(), to.constants())
        && have.iter().all(|h| !want.contains(h))
    {
        let list = |values: &[&Value]| values.iter().take(8).map(|v| v.to_string()).collect::<Vec<_>>().join(" or ");
        return other(path, list(&want), list(&have));
    }
    let only = |kind: &str| from.kinds(0).is_some_and(|k| k.len() == 1 && k.contains(kind));
    if only("array")
        && let (Some(have), Some(want)) = (from.items(), to.items())
    {
        return within(path, "[]", |path| compare(&Type::Schema(have), want, path, depth + 1));
    }
    if !only("object") {
        return None;
    }
    let open = from.node.get("additionalProperties").is_some_and(|a| a != &Value::Bool(false))
        || ["patternProperties", "allOf", "$ref"].iter().any(|k| from.node.get(k).is_some())
        || from.node.get("properties").is_none();
    for name in to.required().filter(|_| !open) {
        if from.property(name).is_none() {
            return Some(Mismatch { path: join(path, name), what: What::Missing(has(&from.names())) });
        }
    }
    let named = to.names();
    for name in from.required().filter(|_| to.is_closed()) {
        if !named.contains(&name) {
            return Some(Mismatch { path: join(path, name), what: What::Unknown });
        }
    }
    for name in named {
        if let (Some(have), Some(want)) = (from.property(name), to.property(name))
            && let Some(found) = within(path, name, |path| compare(&Type::Schema(have), want, path, depth + 1))
        {
            return Some(found);
        }
    }
    None
}

fn other(path: &str, expected: String, comes: String) -> Option<Mismatch> {
    Some(Mismatch { path: path.to_owned(), what: What::Other(expected, comes) })
}

fn has(names: &[&str]) -> String {
    if names.is_empty() { "nothing".into() } else { format!("only `{}`", names.join("`, `")) }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() || name == "[]" { format!("{path}{name}") } else { format!("{path}.{name}") }
}

fn within<T>(path: &mut String, name: &str, work: impl FnOnce(&mut String) -> Option<T>) -> Option<T> {
    let length = path.len();
    *path = join(path, name);
    let result = work(path);
    path.truncate(length);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(from: Value, to: Value, expect: &str) {
        let found = mismatch(&Type::Schema(Schema::new(&from)), Schema::new(&to));
        let shown = found.map(|m| match m.what {
            What::Other(expected, comes) => format!("{}: {expected} <- {comes}", m.path),
            What::Missing(comes) => format!("{} missing <- {comes}", m.path),
            What::Unknown => format!("{} unknown", m.path),
        });
        let shown = shown.unwrap_or_default();
        assert_eq!(shown, expect, "{from} into {to}");
    }

    #[test]
    fn tells_what_can_never_fit() {
        check(json!({"type": "string"}), json!({"type": "integer"}), ": an integer <- a string");
        check(json!({"type": "integer"}), json!({"type": "number"}), "");
        check(json!({"type": "number"}), json!({"type": "integer"}), "");
        check(json!({"type": ["string", "null"]}), json!({"type": "string"}), "");
        check(json!({"type": ["string", "null"]}), json!({"type": "object"}), ": an object <- null or a string");
        check(json!({"enum": ["a", "b"]}), json!({"enum": ["c"]}), ": \"c\" <- \"a\" or \"b\"");
        check(json!({"const": "a"}), json!({"enum": ["a", "c"]}), "");
        check(json!(true), json!({"type": "integer"}), "");
        check(json!({"type": "integer"}), json!(true), "");
        check(json!({}), json!({"type": "integer"}), "");
    }

    #[test]
    fn looks_into_objects_and_lists() {
        let row = json!({"type": "object", "properties": {"date": {"type": "string"}}, "required": ["date"]});
        let want = |kind: &str| json!({"type": "object", "properties": {"date": {"type": kind}}, "required": ["date"]});
        check(row.clone(), want("string"), "");
        check(row.clone(), want("integer"), "date: an integer <- a string");
        let more = json!({"type": "object", "required": ["date", "rain"], "properties": {}});
        check(row.clone(), more.clone(), "rain missing <- only `date`");
        let open = json!({"type": "object", "properties": {"date": {"type": "string"}}, "additionalProperties": true});
        check(open, more, "");
        check(json!({"type": "object", "additionalProperties": {"type": "string"}}), want("string"), "");
        let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
        check(row.clone(), closed, "date unknown");
        let list = |item: Value| json!({"type": "array", "items": item});
        check(list(list(row.clone())), list(list(want("integer"))), "[][].date: an integer <- a string");
        check(row, list(json!(true)), ": a list <- an object");
    }

    #[test]
    fn follows_references_and_alternatives() {
        let from = json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}}});
        let to = json!({"type": "object", "properties": {"x": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}}, "$defs": {"N": {"type": "integer"}}});
        check(from, to, "x: an integer or null <- a string");
        let some = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        check(some.clone(), json!({"type": "string"}), "");
        check(some, json!({"type": "integer"}), ": an integer <- a string");
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        check(tree.clone(), tree, "");
        check(json!({"$ref": "#/$defs/gone"}), json!({"type": "string"}), "");
    }

    #[test]
    fn knows_lists_of_partitions() {
        let output = json!({"type": "integer"});
        let comes = Type::Partitions(Box::new(Type::Schema(Schema::new(&output))));
        let want = |item: Value| json!({"type": "array", "items": item});
        let good = want(
            json!({"type": "object", "properties": {"partition": {"type": "string"}, "output": {"type": "integer"}}, "required": ["partition", "output"]}),
        );
        assert_eq!(mismatch(&comes, Schema::new(&good)), None);
        let bad = want(json!({"type": "object", "properties": {"output": {"type": "string"}}}));
        assert_eq!(mismatch(&comes, Schema::new(&bad)).unwrap().path, "[].output");
        let bad = want(json!({"type": "object", "required": ["date"]}));
        assert_eq!(mismatch(&comes, Schema::new(&bad)).unwrap().path, "[].date");
    }
}
