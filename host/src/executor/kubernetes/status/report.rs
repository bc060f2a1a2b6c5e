use wharf_contract::pod::{MAX_REPORT, PodReport};

/// The report in a container's termination message.
///
/// # Errors
/// There is none, or it is none of ours: in words, without what it says.
pub(super) fn parse(message: Option<&str>) -> Result<PodReport, String> {
    let message = message.map(str::trim).unwrap_or_default();
    if message.is_empty() {
        return Err("left no outcome".into());
    }
    if message.len() > MAX_REPORT {
        return Err(format!("left an outcome of {} bytes, over the bound of {MAX_REPORT}", message.len()));
    }
    // Cut off, or written by another program: either way nothing to go by.
    serde_json::from_str(message)
        .map_err(|e| format!("left an outcome that cannot be read ({:?} at byte {})", e.classify(), e.column()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::pod::StoredObject;
    use wharf_contract::{Cause, Outcome};

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let stored = StoredObject { key: "staging/7-a-x-1/u/outcome.json".into(), digest: "sha256:ab".into(), size: 9 };
        for report in [
            PodReport::Outcome(Box::new(Outcome::failed(Cause::MemoryLimit, "it wants more than 64 MiB"))),
            PodReport::Stored(stored.clone()),
            PodReport::Compiled { object: stored },
            PodReport::NotCompiled { cause: Cause::CompileLimit, message: "too large".into() },
        ] {
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(parse(Some(&format!("{text}\n"))), Ok(report));
        }
    }

    #[test]
    fn what_is_no_report_is_none_and_is_not_repeated() {
        let long = format!("{{\"outcome\":{{\"cause\":\"succeeded\",\"message\":\"{}\"}}}}", "x".repeat(MAX_REPORT));
        let cut = r#"{"outcome":{"cause":"succeeded","out"#;
        for (message, expect) in [
            (None, "left no outcome"),
            (Some(""), "left no outcome"),
            (Some("\n"), "left no outcome"),
            (Some(cut), "cannot be read (Eof"),
            (Some("s3cret"), "cannot be read (Syntax"),
            (Some(r#"{"outcome":{"cause":"s3cret"}}"#), "cannot be read (Data"),
            (Some(&*long), "over the bound of 4096"),
        ] {
            let why = parse(message).unwrap_err();
            assert!(why.contains(expect), "{message:?}: {why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
