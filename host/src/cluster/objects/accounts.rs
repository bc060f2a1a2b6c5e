use super::NAME;
use crate::cluster::object::{Kind, Object, Space};
use serde_json::json;

/// Under which the pods of tasks run, and those that compile.
pub(super) const TASK: &str = "wharf-task";

/// The account that pods get which name none, and the one of wharf's pods. Neither gives a pod a token.
pub(super) fn accounts(space: &Space<'_>) -> [Object; 2] {
    ["default", TASK].map(|name| account(space, name))
}

/// The coordinator's own. Its pod asks for the token by itself.
pub(super) fn coordinator(space: &Space<'_>) -> Object {
    account(space, NAME)
}

fn account(space: &Space<'_>, name: &str) -> Object {
    Object::new(Kind::ServiceAccount, space, name, json!({ "automountServiceAccountToken": false }))
}
