use serde_json::Value;
use std::collections::HashMap;
use wharf_contract::{Artifact, Payload};

/// Artifacts that one attempt may read at the most.
const MAX_READABLE: usize = 16 << 10;
const PREFIX: &str = "sha256:";

/// The artifacts that an input names and that its tenant has: an object that is an artifact reference, or a bare digest.
/// `size` says how large an artifact of the tenant is, and nothing for one that it does not have.
pub(super) fn readable(input: &Payload, mut size: impl FnMut(&str) -> Option<u64>) -> Vec<Artifact> {
    let json = match input {
        Payload::Artifact(artifact) => return vec![artifact.clone()],
        Payload::Json(json) => json.get(),
    };
    // Nearly every input names none, and a search is far cheaper than parsing.
    if !json.contains(PREFIX) {
        return Vec::new();
    }
    let Ok(value) = serde_json::from_str::<Value>(json) else { return Vec::new() };
    let mut found = Found::default();
    found.look(&value);
    let mut artifacts: Vec<_> = found.by_digest.into_values().collect();
    artifacts.sort_by_key(|(at, _)| *at);
    artifacts
        .into_iter()
        .filter_map(|(_, artifact)| size(&artifact.digest).map(|size| Artifact { size, ..artifact }))
        .collect()
}

#[derive(Default)]
struct Found {
    /// In the order of first mention.
    by_digest: HashMap<String, (usize, Artifact)>,
}

impl Found {
    fn look(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.note(text, None),
            Value::Array(items) => items.iter().for_each(|v| self.look(v)),
            Value::Object(fields) => {
                if let Some(Value::String(digest)) = fields.get("digest") {
                    self.note(digest, serde_json::from_value(value.clone()).ok());
                }
                fields.values().for_each(|v| self.look(v));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn note(&mut self, digest: &str, artifact: Option<Artifact>) {
        let hex = digest.strip_prefix(PREFIX).unwrap_or_default();
        let is_digest = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let at = self.by_digest.len();
        if !is_digest || at >= MAX_READABLE || self.by_digest.contains_key(digest) {
            return;
        }
        let artifact = artifact.unwrap_or_else(|| Artifact {
            digest: digest.to_owned(),
            size: 0,
            name: hex.to_owned(),
            media_type: None,
        });
        self.by_digest.insert(digest.to_owned(), (at, artifact));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, value::to_raw_value};

    fn digest(c: char) -> String {
        format!("sha256:{}", c.to_string().repeat(64))
    }

    fn check(input: &Value, expect: &[(&str, u64, &str)]) {
        let size = |d: &str| (d != digest('f')).then_some(7);
        let seen = readable(&Payload::Json(to_raw_value(input).unwrap()), size);
        let seen: Vec<_> = seen.iter().map(|a| (a.digest.as_str(), a.size, a.name.as_str())).collect();
        assert_eq!(seen, expect, "{input}");
    }

    #[test]
    fn finds_what_the_input_names_and_the_tenant_has() {
        let (a, b, f) = (digest('a'), digest('b'), digest('f'));
        let named = json!({"digest": a, "size": 3, "name": "rows.csv"});
        check(&json!({"x": 1}), &[]);
        check(&json!({"table": named}), &[(&a, 7, "rows.csv")]);
        check(&json!([named, named, [b]]), &[(&a, 7, "rows.csv"), (&b, 7, &"b".repeat(64))]);
        check(&json!({"x": f}), &[]);
        check(&json!(["sha256:abc", format!("{a}0"), a.to_uppercase(), format!("see {a}")]), &[]);
        check(&json!({"digest": b, "more": true}), &[(&b, 7, &"b".repeat(64))]);
    }

    #[test]
    fn an_input_that_is_an_artifact_is_readable_itself() {
        let artifact = Artifact { digest: digest('a'), size: 9, name: "input".into(), media_type: None };
        assert_eq!(readable(&Payload::Artifact(artifact.clone()), |_| None), [artifact]);
    }
}
