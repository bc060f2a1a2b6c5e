//! Names of Jobs and pods. The config refuses flows and tasks whose Jobs could not be named within 63 characters.

use sha2::{Digest as _, Sha256};
use wharf_contract::AttemptId;

/// Longest name of a Job: its pods carry it as a label.
#[cfg(test)]
const LONGEST: usize = 63;
/// Characters that run, item and attempt may have together; a longer triple is named by its hash.
const DIGITS: usize = 14;
/// Characters of the hash that stands for run, item and attempt: 80 bits. With the one hyphen before it, it takes the room
/// of the digits and of the three hyphens before them.
const HASH: usize = DIGITS + 2;
/// Characters that tell coordinators of one namespace apart. Two with the same ones are told apart by their labels.
const INSTANCE: usize = 5;

/// Name of an attempt's Job: the same for the same attempt of the same coordinator, and never the same for two attempts.
///
/// It reads `<flow>-<task>-<run>-<item, or x>-<attempt>-<instance>`.
pub(super) fn attempt(instance: &str, flow: &str, id: &AttemptId) -> String {
    let AttemptId { run, task, item, attempt } = id;
    let item = item.map_or_else(|| "x".to_owned(), |item| item.to_string());
    let (run, attempt) = (run.to_string(), attempt.to_string());
    let which = if run.len() + item.len() + attempt.len() <= DIGITS {
        format!("{run}-{item}-{attempt}")
    } else {
        short(&[&run, &item, &attempt], HASH)
    };
    format!("{flow}-{task}-{which}-{}", short(&[instance], INSTANCE))
}

/// Name of the Job that compiles a component for an engine: `wharf-compile-<hash>-<instance>`. `attempt` tells a later one
/// from an earlier one that failed.
pub(super) fn compile(instance: &str, digest: &str, engine: &str, architecture: &str, attempt: u32) -> String {
    let what = short(&[digest, engine, architecture], HASH);
    format!("wharf-compile-{what}-{attempt}-{}", short(&[instance], INSTANCE))
}

/// Name of a Job that serves a store: `wharf-store-<hash>-<instance>`. `token` is the digest of what it is asked with, and so
/// another one each time.
pub(super) fn store(instance: &str, token: &str) -> String {
    format!("wharf-store-{}-{}", short(&[token], HASH), short(&[instance], INSTANCE))
}

/// The first `length` characters (at most 51) of a hash in lower-case base32.
fn short(parts: &[&str], length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hash = hash.finalize();
    let bit = |i: usize| usize::from(hash[i / 8] >> (7 - i % 8) & 1);
    (0..length).map(|c| char::from(ALPHABET[(0..5).fold(0, |n, b| n << 1 | bit(c * 5 + b))])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn id(run: u64, task: &str, item: Option<u32>, attempt: u32) -> AttemptId {
        AttemptId { run, task: task.into(), item, attempt }
    }

    fn is_label(name: &str) -> bool {
        let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let edges = name.bytes().next().is_some_and(good) && name.bytes().last().is_some_and(good);
        name.len() <= LONGEST && edges && name.bytes().all(|c| good(c) || c == b'-')
    }

    #[test]
    fn an_attempt_is_named_by_what_it_is() {
        for (attempt_id, expect) in [
            (id(7, "extract", None, 1), "daily-extract-7-x-1-esmmj"),
            (id(7, "extract", Some(0), 12), "daily-extract-7-0-12-esmmj"),
            (id(99_999_999, "extract", Some(9_999), 99), "daily-extract-99999999-9999-99-esmmj"),
            (id(99_999_999, "extract", Some(10_000), 99), "daily-extract-cznsfnkc2i43lgey-esmmj"),
        ] {
            assert_eq!(attempt("main", "daily", &attempt_id), expect);
        }
    }

    #[test]
    fn no_two_attempts_share_a_name() {
        let mut seen = HashSet::new();
        for (flow, task) in [("a", "b"), ("a", "b-7"), ("a-b", "7"), ("a", "b-7-1")] {
            for run in [1, 7, 71, u64::MAX] {
                // A run is of one flow.
                if (flow == "a-b") != (run == 71) {
                    continue;
                }
                for item in [None, Some(1), Some(7), Some(11), Some(u32::MAX)] {
                    for number in [1, 7, 11, u32::MAX] {
                        let name = attempt("main", flow, &id(run, task, item, number));
                        assert!(is_label(&name), "{name}");
                        assert!(seen.insert(name), "{flow} {task} {run} {item:?} {number}");
                    }
                }
            }
        }
        let same = id(7, "extract", None, 1);
        assert_ne!(attempt("main", "daily", &same), attempt("other", "daily", &same));
    }

    #[test]
    fn the_longest_names_that_the_config_takes_make_a_legal_name() {
        // The config's own bound: 63 less the 24 that this module adds.
        let (flow, task) = ("f".repeat(20), "t".repeat(19));
        for (run, item, number) in
            [(1, None, 1), (99_999_999, Some(99_999), 9), (u64::MAX, Some(u32::MAX), u32::MAX), (u64::MAX, None, 1)]
        {
            let name = attempt("main", &flow, &id(run, &task, item, number));
            assert!(is_label(&name), "{name}: {}", name.len());
        }
    }

    #[test]
    fn jobs_of_no_attempt_have_legal_names() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert!(is_label(&compile("main", &digest, "engine", "amd64", u32::MAX)));
        assert!(is_label(&store("main", &digest)));
        assert_ne!(store("main", &digest), store("main", "another"));
    }
}
