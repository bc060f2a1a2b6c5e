//! The API server's log of writes.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

/// One write that the API server answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Event")]
pub struct Write {
    /// Who wrote.
    pub user: String,
    /// With what.
    pub user_agent: String,
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Plural, such as `jobs`; with the subresource, such as `pods/status`.
    pub resource: String,
    /// Empty where the resource has none.
    pub namespace: String,
    /// Empty where the server made the name.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    user: User,
    #[serde(default)]
    user_agent: String,
    verb: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Status,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl From<Event> for Write {
    fn from(event: Event) -> Write {
        let Object { mut resource, subresource, namespace, name } = event.object_ref;
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        Write {
            user: event.user.username,
            user_agent: event.user_agent,
            verb: event.verb,
            resource,
            namespace,
            name,
            code: event.response_status.code,
        }
    }
}

pub(super) fn read(log: &Path) -> Result<Vec<Write>> {
    let text = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).context("a line of the audit log")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_has_who_what_and_how_it_ended() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = r#"{"kind":"Event","level":"Metadata","verb":"patch","user":{"username":"u","groups":["g"]},"userAgent":"a/1","objectRef":{"resource":"pods","subresource":"status","namespace":"n","name":"p","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":409}}"#;
        std::fs::write(file.path(), format!("{line}\n{}", &line[..40])).unwrap();
        let writes = read(file.path()).unwrap();
        assert_eq!(writes.len(), 1, "a line that is being written does not count yet");
        let write = &writes[0];
        assert_eq!((write.user.as_str(), write.verb.as_str(), write.resource.as_str()), ("u", "patch", "pods/status"));
        assert_eq!((write.namespace.as_str(), write.name.as_str(), write.code), ("n", "p", 409));
    }
}
