//! Arguments that are values: `key=value`, JSON, `@file`, `-`.

use super::exit::{Exit, Failure};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;
use wharf_core::event::{BackfillId, RunId};

/// Largest input in bytes that is read from a file or standard input.
const LARGEST_INPUT: u64 = 16 << 20;

/// `k=v ...` as an object. A value that is JSON is taken as that, anything else as a string; `k:=v` insists on JSON,
/// `a.b=v` goes into the object `a`.
pub(super) fn pairs(option: &str, pairs: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut object = Map::new();
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=').filter(|(k, _)| !k.trim_end_matches(':').is_empty()) else {
            return Err(Failure::usage(format!("{option}: `{pair}` is not of the form KEY=VALUE"))
                .hint(format!("for example: {option} name=Ada, {option} n=3, {option} 'tags=[\"a\",\"b\"]'")));
        };
        let (key, value) = match key.strip_suffix(':') {
            Some(key) => {
                let value = serde_json::from_str(text)
                    .map_err(|e| Failure::usage(format!("{option}: the value of `{key}` is no JSON: {e}")))?;
                (key, value)
            }
            None => (key, serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))),
        };
        put(&mut object, key, value).map_err(|why| Failure::usage(format!("{option}: `{pair}`: {why}")))?;
    }
    Ok(object)
}

fn put(object: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), String> {
    let Some((head, rest)) = key.split_once('.') else {
        return match object.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(format!("`{key}` is given twice")),
        };
    };
    match object.entry(head).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(inner) => put(inner, rest, value),
        _ => Err(format!("`{head}` is given as a value and as an object")),
    }
}

/// The number of a run.
pub(super) fn run_id(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|_| "a run is named by its number, as `wharf runs` lists it".to_owned())
}

/// The number of a backfill.
pub(super) fn backfill_id(text: &str) -> Result<BackfillId, String> {
    text.parse()
        .map(BackfillId)
        .map_err(|_| "a backfill is named by its number, as `wharf backfills` lists it".to_owned())
}

/// JSON as it stands, of the file after `@`, or of standard input for `-`.
pub(super) fn input(text: &str) -> Result<Value, Failure> {
    let (bytes, from) = match (text, text.strip_prefix('@')) {
        ("-", _) => (read("standard input", Path::new("-"), std::io::stdin().lock())?, "standard input".to_owned()),
        (_, Some(path)) => {
            let file = std::fs::File::open(path).map_err(|e| Failure::io("read the input", Path::new(path), &e))?;
            (read("the input", Path::new(path), file)?, path.to_owned())
        }
        _ => (text.as_bytes().to_vec(), "--input".to_owned()),
    };
    serde_json::from_slice(&bytes).map_err(|e| {
        Failure::usage(format!("{from}: the input is no JSON: {e}"))
            .hint("a string needs quotes of its own: --input '\"text\"'")
    })
}

fn read(what: &str, path: &Path, from: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(LARGEST_INPUT + 1).read_to_end(&mut bytes).map_err(|e| Failure::io("read", path, &e))?;
    if bytes.len() as u64 > LARGEST_INPUT {
        return Err(Failure::new(Exit::Usage, format!("{what} is longer than 16 MiB"))
            .hint("give a large input as a file of a mounted folder"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_become_an_object() {
        let check = |given: &[&str], expect: Result<Value, &str>| {
            let given: Vec<String> = given.iter().map(|s| (*s).to_owned()).collect();
            let object = pairs("-i", &given).map(Value::Object).map_err(|e| e.message);
            assert_eq!(object, expect.map_err(str::to_owned), "{given:?}");
        };
        check(&[], Ok(json!({})));
        check(
            &["name=Ada", "n=3", "on=true", "list=[1,2]"],
            Ok(json!({"name": "Ada", "n": 3, "on": true, "list": [1, 2]})),
        );
        check(
            &["day=2012-01-05", "id=\"3\"", "eq=a=b", "none="],
            Ok(json!({"day": "2012-01-05", "id": "3", "eq": "a=b", "none": ""})),
        );
        check(&["a.b=1", "a.c.d=2"], Ok(json!({"a": {"b": 1, "c": {"d": 2}}})));
        check(&["n:=[1]"], Ok(json!({"n": [1]})));
        check(&["n:=x"], Err("-i: the value of `n` is no JSON: expected value at line 1 column 1"));
        check(&["name"], Err("-i: `name` is not of the form KEY=VALUE"));
        check(&["=x"], Err("-i: `=x` is not of the form KEY=VALUE"));
        check(&["a=1", "a=2"], Err("-i: `a=2`: `a` is given twice"));
        check(&["a=1", "a.b=2"], Err("-i: `a.b=2`: `a` is given as a value and as an object"));
    }
}
