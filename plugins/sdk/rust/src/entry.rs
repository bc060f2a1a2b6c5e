use crate::TaskError;
use serde::{Serialize, de::DeserializeOwned};

/// Holds a function to the shape of a task; costs nothing at run time.
pub fn check<I: DeserializeOwned, O: Serialize>(_: fn(I) -> Result<O, TaskError>) {}

/// Calls a task with a JSON text and gives its output as one.
pub(crate) fn call<I, O>(input: &[u8], task: fn(I) -> Result<O, TaskError>) -> Result<String, TaskError>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let output = task(parse(input)?)?;
    serde_json::to_string(&output).map_err(|e| TaskError::Permanent(format!("the output is no JSON value: {e}")))
}

fn parse<I: DeserializeOwned>(input: &[u8]) -> Result<I, TaskError> {
    let mut json = serde_json::Deserializer::from_slice(input);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        let at = if path == "." { "input".to_owned() } else { format!("input.{path}") };
        TaskError::InvalidInput(format!("{at}: {}", words(e.inner())))
    })?;
    json.end().map_err(|e| TaskError::InvalidInput(format!("input: {e}")))?;
    Ok(value)
}

/// A place in the text helps only where the text itself is broken; elsewhere the path says more.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() {
        return text;
    }
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        #[allow(dead_code, reason = "only its type matters")]
        temp: f64,
    }

    #[derive(Deserialize)]
    struct Rows {
        rows: Vec<Row>,
    }

    fn count(input: Rows) -> Result<usize, TaskError> {
        Ok(input.rows.len())
    }

    fn check(input: &str, expect: Result<&str, &str>) {
        let got = call(input.as_bytes(), count);
        let expect = expect.map(str::to_owned).map_err(|m| TaskError::InvalidInput(m.to_owned()));
        assert_eq!(got, expect, "{input}");
    }

    #[test]
    fn input_that_does_not_fit_is_named_by_its_path() {
        check(r#"{"rows":[{"temp":1.5},{"temp":2}]}"#, Ok("2"));
        check(
            r#"{"rows":[{"temp":1.5},{"temp":"x"}]}"#,
            Err(r#"input.rows[1].temp: invalid type: string "x", expected f64"#),
        );
        check(r#"{"rows":[{"temp":1,"x":2}]}"#, Err("input.rows[0].x: unknown field `x`, expected `temp`"));
        check("{}", Err("input: missing field `rows`"));
        check("null", Err("input: invalid type: null, expected struct Rows"));
        check(r#"{"rows":["#, Err("input.rows: EOF while parsing a list at line 1 column 9"));
        check(r#"{"rows":[]} x"#, Err("input: trailing characters at line 1 column 13"));
        check("", Err("input: EOF while parsing a value at line 1 column 0"));
    }
}
