//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wharf_task::Artifact;

/// What to fetch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Input {
    /// An `https` or `http` URL without user and password. Its host must be granted to the task.
    pub url: String,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Keeps the body as an artifact of this name. Without it the body comes inline and must be UTF-8 text.
    #[serde(default)]
    pub save: Option<String>,
    /// A longer body is refused.
    #[serde(default = "max_bytes")]
    pub max_bytes: u64,
    /// Milliseconds to wait for the connection, for the first byte and between bytes, each.
    #[serde(default = "timeout")]
    pub timeout: u64,
}

fn max_bytes() -> u64 {
    16 << 20
}

fn timeout() -> u64 {
    30_000
}

/// The answer, whose status is 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Output {
    /// From 200 to 299.
    pub status: u16,
    /// `content-type` of the answer.
    pub media_type: Option<String>,
    /// The body's bytes.
    pub size: u64,
    /// The body, where it was not to be saved.
    pub text: Option<String>,
    /// The body, where it was to be saved.
    pub artifact: Option<Artifact>,
}
