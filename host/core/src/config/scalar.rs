//! Plain scalars as YAML 1.2's core schema reads them.

use serde_json::{Number, Value};

/// What a plain scalar stands for.
///
/// # Errors
/// Why it cannot be used: a number that JSON has not.
pub(super) fn resolve(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("infinity and not-a-number cannot be written as JSON");
    }
    let radix = match text.get(..2) {
        Some("0o") => Some(8),
        Some("0x") => Some(16),
        _ => None,
    };
    if let Some(radix) = radix
        && text.len() > 2
        && text[2..].chars().all(|c| c.is_digit(radix))
    {
        let number = u64::from_str_radix(&text[2..], radix).map_err(|_| TOO_LONG)?;
        return Ok(Value::Number(number.into()));
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let number = match text.parse::<i64>() {
            Ok(n) => n.into(),
            Err(_) => text.trim_start_matches('+').parse::<u64>().map_err(|_| TOO_LONG)?.into(),
        };
        return Ok(Value::Number(number));
    }
    if is_float(unsigned) {
        let number = text.parse::<f64>().ok().and_then(Number::from_f64).ok_or(TOO_LONG)?;
        return Ok(Value::Number(number));
    }
    Ok(Value::String(text.to_owned()))
}

const TOO_LONG: &str = "the number does not fit into 64 bits";

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e)),
        None => (text, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_core_schema() {
        for (text, expect) in [
            ("~", json!(null)),
            ("null", json!(null)),
            ("nUll", json!("nUll")),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("12", json!(12)),
            ("+12", json!(12)),
            ("-0", json!(0)),
            ("012", json!(12)),
            ("0o14", json!(12)),
            ("0xfF", json!(255)),
            ("0x", json!("0x")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("1e3", json!(1000.0)),
            ("e3", json!("e3")),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("1_000", json!("1_000")),
            ("2012-01-05", json!("2012-01-05")),
            ("1:30", json!("1:30")),
        ] {
            assert_eq!(resolve(text), Ok(expect), "{text}");
        }
        assert!(resolve(".inf").is_err());
        assert!(resolve("-.INF").is_err());
        assert!(resolve("99999999999999999999").is_err());
        assert!(resolve("1e999").is_err());
    }
}
