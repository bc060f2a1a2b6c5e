use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use wharf_contract::pod::{MAX_REPORT, PodReport, StoredObject};
use wharf_contract::{ExitCode, Outcome};
use wharf_runtime::Refusal;

/// Bytes of a report that are left free: the kubelet cuts what is over its limit, and half a report is none.
const MARGIN: usize = 96;

/// Whether the outcome can be told in the termination message itself.
pub(super) fn fits(outcome: &Outcome) -> bool {
    // The name of the variant and its braces come on top.
    serde_json::to_vec(outcome).is_ok_and(|text| text.len() + 16 <= MAX_REPORT - MARGIN)
}

/// What a pod says at its end, in both ways.
#[derive(Debug)]
pub(super) struct End {
    pub report: PodReport,
    pub code: ExitCode,
}

impl End {
    /// The outcome, told in the termination message.
    pub(super) fn outcome(outcome: impl Into<Outcome>) -> End {
        let outcome = outcome.into();
        End { code: ExitCode::of(outcome.cause), report: PodReport::Outcome(Box::new(outcome)) }
    }

    /// A component was compiled.
    pub(super) fn compiled(object: StoredObject) -> End {
        End { report: PodReport::Compiled { object }, code: ExitCode::Success }
    }

    /// A component was not compiled.
    pub(super) fn not_compiled(Refusal { cause, message }: Refusal) -> End {
        // Cut as an outcome's, so that it fits.
        let message = Outcome::failed(cause, message).message;
        End { report: PodReport::NotCompiled { cause, message }, code: ExitCode::of(cause) }
    }
}

/// Writes the report over what the file held.
pub(super) fn write(path: &Path, report: &PodReport) -> io::Result<()> {
    let text = serde_json::to_vec(report)?;
    // A file that the kubelet has made and mounted: it can be written to, not replaced.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;
    use wharf_contract::{Cause, Payload};

    #[test]
    fn what_fits_stays_under_the_limit_and_little_is_lost() {
        let with = |n: usize| {
            let text = RawValue::from_string(format!("\"{}\"", "x".repeat(n))).unwrap();
            Outcome::succeeded(Payload::Json(text))
        };
        let largest = (0..MAX_REPORT).rev().find(|n| fits(&with(*n))).unwrap();
        assert!(largest > 3_800, "{largest}");
        let report = serde_json::to_vec(&PodReport::Outcome(Box::new(with(largest)))).unwrap();
        assert!((MAX_REPORT - MARGIN - 16..=MAX_REPORT).contains(&report.len()), "{}", report.len());
        let failed = Outcome::failed(Cause::Trap, "\u{1}".repeat(600));
        assert!(fits(&failed), "six bytes for each of a message's still fit");
    }
}
