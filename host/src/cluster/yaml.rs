use serde_json::Value;
use std::fmt::Write as _;

/// A value as a YAML document in block style. The same value gives the same text: keys are sorted.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, true);
    text
}

/// Writes a value; `open` says that the line so far is empty or a list's dash.
fn write(text: &mut String, value: &Value, indent: usize, open: bool) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| *key);
            for (i, (key, value)) in keys.into_iter().enumerate() {
                if i > 0 || !open {
                    start(text, indent);
                }
                text.push_str(&scalar(key));
                text.push(':');
                nested(text, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 || !open {
                    start(text, indent);
                }
                text.push_str("- ");
                write(text, item, indent + 2, true);
            }
        }
        Value::Object(_) => text.push_str("{}\n"),
        Value::Array(_) => text.push_str("[]\n"),
        Value::String(s) => text.push_str(&format!("{}\n", scalar(s))),
        // Numbers, booleans and null are written in YAML as in JSON.
        other => text.push_str(&format!("{other}\n")),
    }
}

/// What follows a key's colon: lists and maps begin on a line of their own.
fn nested(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            write(text, value, indent + 2, false);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write(text, value, indent, false);
        }
        _ => {
            text.push(' ');
            write(text, value, indent, true);
        }
    }
}

fn start(text: &mut String, indent: usize) {
    // Writing to a string does not fail.
    let _ = write!(text, "{:indent$}", "");
}

/// A string that every YAML reader takes for just that string: plain where nothing can be read into it, else quoted as
/// JSON quotes, which YAML shares.
fn scalar(s: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let begins = s.starts_with(|c: char| c.is_ascii_alphabetic());
    let holds = s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-'));
    if begins && holds && !WORDS.contains(&s.to_ascii_lowercase().as_str()) {
        return s.to_owned();
    }
    Value::from(s).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_block_style() {
        let value = json!({
            "b": {"x": [{"p": 1, "q": [true, null]}, [1, 2], "s"], "empty": {}, "none": []},
            "a": ["z"],
        });
        let expect = "\
a:
- z
b:
  empty: {}
  none: []
  x:
  - p: 1
    q:
    - true
    - null
  - - 1
    - 2
  - s
";
        assert_eq!(document(&value), expect);
    }

    #[test]
    fn quotes_what_could_be_read_otherwise() {
        for (text, expect) in [
            ("wharf-task", "wharf-task"),
            ("app.kubernetes.io/name", "app.kubernetes.io/name"),
            ("", "\"\""),
            ("Yes", "\"Yes\""),
            ("10", "\"10\""),
            ("1e3", "\"1e3\""),
            ("a: b", "\"a: b\""),
            ("a\nb", "\"a\\nb\""),
            ("10.0.0.0/8", "\"10.0.0.0/8\""),
            ("::/0", "\"::/0\""),
            ("*", "\"*\""),
            ("-", "\"-\""),
        ] {
            assert_eq!(scalar(text), expect);
        }
    }
}
