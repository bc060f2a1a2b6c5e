use serde::{Deserialize, Serialize};

/// What can be known of a component without running it: what `wharf-runtime inspect --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Inspection {
    /// `sha256:` and 64 lower-case hex digits of the file.
    pub digest: String,
    /// Bytes of the file.
    pub size: u64,
    /// How it can be entered.
    pub world: World,
    /// What it imports, sorted by name.
    pub imports: Vec<Import>,
    /// Names of its exports, sorted.
    pub exports: Vec<String>,
    /// The manifest of its custom section, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
}

/// How a component can be entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "kind")]
pub enum World {
    /// Exports `run` of `wharf:task/task`.
    Task,
    /// Exports `wasi:cli/run`.
    Command,
    /// A core module of WASI preview 1 with `_start`, which the runtime wraps with the adapter.
    CoreCommand,
    /// Exports neither: cannot be run.
    Other,
}

/// One import of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Import {
    /// For example `wasi:http/outgoing-handler@0.2.6`.
    pub name: String,
    /// What it lets a task do, in words; empty where the runtime does not know it.
    pub meaning: String,
    /// Whether the runtime has it at all.
    pub known: bool,
}

/// What an author says of a task, in the custom section `wharf:manifest` as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// For example `wharf:task/task@0.1.0`.
    pub world: String,
    /// The task's name.
    pub name: String,
    /// The task's version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// JSON Schema of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
    /// JSON Schema of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<serde_json::Value>,
    /// Hosts that it wants to speak to by HTTP, for example `api.example.org`.
    pub http: Vec<String>,
    /// Names of the secrets that it wants.
    pub secrets: Vec<String>,
}

impl Manifest {
    /// Name of the custom section.
    pub const SECTION: &'static str = "wharf:manifest";
}
