//! The account `default` is every pod's that names none: rights that anybody binds to it would be those of attempts.

use super::Rule;
use crate::config::reader::Reader;
use crate::config::yaml::Node;

pub(super) fn check(reader: &mut Reader<'_>, template: &Node) {
    let Some(spec) = template.get("spec") else { return };
    for field in ["serviceAccountName", "serviceAccount"] {
        if let Some(account) = spec.get(field).filter(|a| a.text() == Some("default")) {
            let message = "the account `default` is that of every pod of the namespace that names none";
            let hint = "leave it out: pods get an account of their own, which may do nothing; or name one that is made for this";
            reader.practice(account.at, Rule::ServiceAccount, message, hint);
        }
    }
}
