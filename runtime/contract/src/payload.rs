use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A named byte stream, kept by its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Artifact {
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// As the writer named it.
    pub name: String,
    /// For example `image/svg+xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// What goes into a task and comes out of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Payload {
    /// A JSON text, carried as it was written.
    Json(Box<RawValue>),
    /// A value kept in the artifact store: the JSON text is the artifact's content.
    Artifact(Artifact),
}

impl Payload {
    /// The JSON `null`.
    #[must_use]
    pub fn null() -> Payload {
        Payload::Json(RawValue::NULL.to_owned())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        match (self, other) {
            (Payload::Json(a), Payload::Json(b)) => a.get() == b.get(),
            (Payload::Artifact(a), Payload::Artifact(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Payload {}
