//! Names as Kubernetes has them: labels and subdomains of RFC 1123, keys of Secrets.

use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::Kind;
use crate::config::yaml::Node;

pub(in crate::config) const KIND: Kind = Kind::Form("a label of RFC 1123");
/// Of an object that a config only refers to.
pub(in crate::config) const OBJECT_KIND: Kind = Kind::Form("a subdomain of RFC 1123");
pub(in crate::config) const KEY_KIND: Kind = Kind::Form("a key of a Secret");

/// Longest label, and longest name of a Job.
pub(in crate::config) const LONGEST: usize = 63;
/// What the name of an attempt's Job has beside the flow's and the task's: a hyphen between them; run, item and attempt (14
/// digits, or a hash of 16), and five characters that stand for the coordinator, with a hyphen each.
const JOB_SUFFIX: usize = 24;

/// Reports a name that is no label. Gives whether it is one.
pub(in crate::config) fn check(reader: &mut Reader<'_>, name: &Text) -> bool {
    let Some(why) = fault_of(&name.value) else { return true };
    let message = format!("`{}` is no name: {why}", crate::schedule::shown(&name.value));
    reader.error_hint(
        name.at,
        Code::InvalidName,
        message,
        "use a-z, 0-9 and `-`, at most 63, a letter or digit at both ends",
    );
    false
}

fn fault_of(name: &str) -> Option<&'static str> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST {
        Some("it is longer than 63 characters")
    } else if name.chars().any(|c| c.is_ascii_uppercase()) {
        Some("it has capital letters")
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        Some("it has characters that a name cannot have")
    } else if !edge(name.chars().next()) || !edge(name.chars().last()) {
        Some("it begins or ends with `-`")
    } else {
        None
    }
}

/// Whether an object of a cluster may have this name: a subdomain of RFC 1123.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|label| fault_of(label).is_none())
}

/// The name of an object of the cluster.
pub(in crate::config) fn read_object(reader: &mut Reader<'_>, node: &Node, field: &str) -> Option<String> {
    let text = reader::text(node, field)?;
    if is_object_name(&text.value) {
        return Some(text.value);
    }
    let message = format!("`{}` is no name of an object", crate::schedule::shown(&text.value));
    reader.error_hint(text.at, Code::InvalidName, message, "use a-z, 0-9, `-` and `.`, at most 253 characters");
    None
}

/// A key of a Secret.
pub(in crate::config) fn read_key(reader: &mut Reader<'_>, node: &Node, field: &str) -> Option<String> {
    let text = reader::text(node, field)?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=253).contains(&text.value.len())
        && text.value.chars().all(good)
        && !matches!(text.value.as_str(), "." | "..")
    {
        return Some(text.value);
    }
    let message = format!("`{}` is no key of a Secret", crate::schedule::shown(&text.value));
    reader.error_hint(text.at, Code::InvalidName, message, "use letters, digits, `-`, `_` and `.`");
    None
}

/// Whether it is a name of a host, or an IPv4 address.
pub(in crate::config) fn is_host(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|label| fault_of(label).is_none())
}

/// Reports a task whose Jobs could not be named in a cluster.
pub(in crate::config) fn check_job(reader: &mut Reader<'_>, flow: &str, task: &Text) {
    let length = flow.len() + task.value.len() + JOB_SUFFIX;
    if length > LONGEST {
        let message = format!("the names `{flow}` and `{task}` make a name of a Job of up to {length} characters");
        let hint = format!("shorten them by {}: a Job's name has at most {LONGEST}", length - LONGEST);
        reader.error_hint(task.at, Code::InvalidName, message, hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_labels() {
        for (name, good) in [
            ("a", true),
            ("my-task-2", true),
            ("0", true),
            (&"x".repeat(63), true),
            (&"x".repeat(64), false),
            ("", false),
            ("A", false),
            ("a_b", false),
            ("a.b", false),
            ("-a", false),
            ("a-", false),
            ("ä", false),
        ] {
            assert_eq!(fault_of(name).is_none(), good, "{name}");
        }
    }
}
