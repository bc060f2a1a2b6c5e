use super::object::Kind;
use super::yaml;
use serde_json::{Value, json};

/// What stands in place of a value that nobody shall see.
const HIDDEN: &str = "(hidden)";

/// What wharf's apply changes of an object, a line for each field: empty where it changes nothing.
///
/// `live` is none where the object is not there yet.
pub(super) fn lines(kind: Kind, live: Option<&Value>, next: &Value) -> Vec<String> {
    let (live, next) = (live.map(|l| clean(kind, l)), clean(kind, next));
    let Some(live) = live else {
        return yaml::document(&next).lines().map(|line| format!("+ {line}")).collect();
    };
    let mut lines = Vec::new();
    compare(&mut lines, "", Some(&live), Some(&next));
    lines
}

/// Without what the server keeps for itself, and without the values of Secrets: wharf never changes one.
fn clean(kind: Kind, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for kept in ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"] {
            metadata.remove(kept);
        }
    }
    if kind == Kind::Secret {
        for field in ["data", "stringData"] {
            for value in object.get_mut(field).and_then(Value::as_object_mut).into_iter().flat_map(|m| m.values_mut()) {
                *value = json!(HIDDEN);
            }
        }
    }
    object
}

/// Lists are compared as a whole: their elements have no names of their own.
fn compare(lines: &mut Vec<String>, path: &str, live: Option<&Value>, next: Option<&Value>) {
    match (live, next) {
        (Some(Value::Object(live)), Some(Value::Object(next))) => {
            let mut keys: Vec<_> = live.keys().chain(next.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                // A key with a dot, such as a label's, would read as two.
                let path = if key.contains(['.', '/']) { format!("{path}[{key}]") } else { format!("{path}.{key}") };
                compare(lines, &path, live.get(key), next.get(key));
            }
        }
        (live, next) if live == next => {}
        (live, next) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            lines.extend(live.map(|value| format!("- {path}: {value}")));
            lines.extend(next.map(|value| format!("+ {path}: {value}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(live: Value, next: Value, expect: &[&str]) {
        assert_eq!(lines(Kind::ResourceQuota, Some(&live), &next), expect);
    }

    #[test]
    fn what_the_server_keeps_is_no_difference() {
        check(
            json!({"metadata": {"name": "a", "uid": "1", "resourceVersion": "2", "managedFields": []}, "status": {"used": {}}}),
            json!({"metadata": {"name": "a", "uid": "1", "resourceVersion": "3", "generation": 4}}),
            &[],
        );
    }

    #[test]
    fn fields_are_named_by_their_path() {
        check(
            json!({"metadata": {"labels": {"a.b/c": "x"}}, "spec": {"hard": {"pods": "1"}, "gone": true}}),
            json!({"metadata": {"labels": {"a.b/c": "y"}}, "spec": {"hard": {"pods": "1", "cpu": "2"}, "l": [1]}}),
            &[
                "- metadata.labels[a.b/c]: \"x\"",
                "+ metadata.labels[a.b/c]: \"y\"",
                "- spec.gone: true",
                "+ spec.hard.cpu: \"2\"",
                "+ spec.l: [1]",
            ],
        );
    }

    #[test]
    fn a_secret_shows_no_value() {
        let secret = json!({"metadata": {"name": "s"}, "data": {"k": "c2VjcmV0"}});
        let lines = lines(Kind::Secret, None, &secret).join("\n");
        assert!(lines.contains("k: \"(hidden)\"") && !lines.contains("c2VjcmV0"), "{lines}");
    }
}
