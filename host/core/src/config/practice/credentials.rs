//! Values that only their owner may know, wherever they stand in a document. The list is closed and narrow: what it knows
//! cannot be anything else.

use super::Rule;
use crate::config::reader::Reader;
use crate::config::source::At;
use crate::config::yaml::{Node, Val};

pub(super) fn check(reader: &mut Reader<'_>, node: &Node) {
    // A place that is shown must not show the value: that of the key, or of the item's first character.
    walk(reader, node, At { end: node.at.start, text: None, ..node.at });
}

fn walk(reader: &mut Reader<'_>, node: &Node, shown: At) {
    match &node.value {
        Val::Text(text) => {
            if let Some(what) = secret(text).filter(|_| !reader.has(shown, Rule::InlineCredential)) {
                let hint = "put it into a secret of the tenant, and name that where it is needed: `secretKeyRef`";
                reader.practice(shown, Rule::InlineCredential, format!("{what} stands in the config"), hint);
            }
        }
        Val::List(items) => {
            items.iter().for_each(|item| walk(reader, item, At { end: item.at.start, text: None, ..item.at }));
        }
        Val::Map(entries) => entries.iter().for_each(|entry| walk(reader, &entry.node, entry.at)),
        Val::Null | Val::Bool(_) | Val::Number(_) => {}
    }
}

/// What of a secret is in a text.
fn secret(text: &str) -> Option<&'static str> {
    if has_private_key(text) {
        return Some("a private key");
    }
    if text.split("://").skip(1).any(has_password) {
        return Some("a URL with a password");
    }
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    words.find_map(token)
}

fn has_private_key(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let name = after.split("-----").next().unwrap_or_default();
        if name.ends_with("PRIVATE KEY") && name.bytes().all(|b| b.is_ascii_uppercase() || b == b' ') {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether what follows `://` names a user with a password. One that is filled in later is none.
fn has_password(rest: &str) -> bool {
    let authority = rest.split(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'')).next();
    let user = authority.and_then(|a| a.rsplit_once('@')).map(|(user, _)| user);
    let password = user.and_then(|u| u.split_once(':')).map(|(_, password)| password);
    let filled_in = |p: &str| ["{{", "$(", "${", "<", "%("].iter().any(|start| p.starts_with(start));
    password.is_some_and(|p| !p.is_empty() && !filled_in(p) && !p.chars().all(|c| c == '*'))
}

/// Tokens that say by their form whose they are.
fn token(word: &str) -> Option<&'static str> {
    let after = |start: &str, least: usize, good: fn(u8) -> bool| {
        word.strip_prefix(start).is_some_and(|rest| rest.len() >= least && rest.bytes().all(good))
    };
    let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let word_byte = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let any = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if word.len() == 20 && ["AKIA", "ASIA"].iter().any(|start| after(start, 16, upper)) {
        return Some("an access key of AWS");
    }
    if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].iter().any(|start| after(start, 36, |b| b.is_ascii_alphanumeric()))
        || after("github_pat_", 22, word_byte)
    {
        return Some("a token of GitHub");
    }
    if after("glpat-", 20, any) {
        return Some("a token of GitLab");
    }
    let slack = ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-"].iter().any(|start| after(start, 20, any));
    slack.then_some("a token of Slack")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_can_be_nothing_else() {
        let (pat, key) = (format!("ghp_{}", "a1".repeat(18)), format!("AKIA{}", "A7".repeat(8)));
        for (text, expect) in [
            ("postgres://app:hunter2@db.example.org:5432/x", "a URL with a password"),
            ("jdbc:postgresql://app:hunter2@db/x", "a URL with a password"),
            ("see https://a.example.org and amqp://u:p%40q@b", "a URL with a password"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
            ("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----", "a private key"),
            (&key, "an access key of AWS"),
            (&format!("token={pat};"), "a token of GitHub"),
            (&format!("github_pat_{}", "a_1".repeat(9)), "a token of GitHub"),
            (&format!("glpat-{}", "a-1_".repeat(5)), "a token of GitLab"),
            (&format!("xoxb-{}", "123-".repeat(6)), "a token of Slack"),
        ] {
            assert_eq!(secret(text), Some(expect), "{text}");
        }
    }

    #[test]
    fn takes_nothing_else_for_one() {
        for text in [
            "",
            "https://api.example.org/a@b:c",
            "https://me@example.org",
            "https://me:@example.org",
            "postgres://app:{{ params.password }}@db",
            "postgres://app:$(DB_PASSWORD)@db",
            "postgres://app:${DB_PASSWORD}@db",
            "postgres://app:<password>@db",
            "postgres://app:***@db",
            "s3://bucket/key:part@2",
            "registry.example.org:5000/a@sha256:00",
            "http://[::1]:8080/",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "AKIA",
            "AKIAlowercase0000000",
            "MAKIAA7A7A7A7A7A7A7A7",
            "ghp_short",
            "xoxb-short",
            "a sha256 of deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        ] {
            assert_eq!(secret(text), None, "{text}");
        }
    }
}
