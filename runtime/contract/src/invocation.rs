use crate::{Artifact, AttemptContext, AttemptId, Payload, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything the runtime needs to run one attempt. What is not in it is not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Invocation {
    /// Which attempt.
    pub id: AttemptId,
    /// What the task may learn about it.
    pub context: AttemptContext,
    /// What to run.
    pub component: Component,
    /// How to enter it.
    #[serde(default)]
    pub entry: Entry,
    /// The task's input; a command gets it on stdin if the entry says so.
    pub input: Payload,
    /// Milliseconds of run time, counted from the guest's first instruction; none for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Walls in numbers.
    #[serde(default)]
    pub limits: Limits,
    /// Doors.
    #[serde(default)]
    pub grants: Grants,
}

/// A component by file and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Component {
    /// The `.wasm` file, absolute.
    pub path: PathBuf,
    /// `sha256:` and 64 lower-case hex digits of the `.wasm` file. The compiled form is looked up by it, so a component
    /// in the cache is not read again.
    pub digest: String,
}

/// How a component is entered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "kind")]
pub enum Entry {
    /// `wharf:task/task`: `run(input)`.
    #[default]
    Task,
    /// `wasi:cli/command`: `run()` with arguments, environment and standard streams.
    Command {
        /// Arguments after the program's name.
        #[serde(default)]
        args: Vec<String>,
        /// Whether the input's JSON text is given on standard input.
        #[serde(default)]
        stdin: bool,
    },
}

/// Walls in numbers. Each default is what an attempt gets where nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Limits {
    /// Sum of all linear memories and tables, in bytes.
    pub memory: u64,
    /// Bytes written to artifacts and writable mounts.
    pub disk: u64,
    /// Bytes of log lines kept.
    pub log_bytes: u64,
    /// Log lines kept.
    pub log_lines: u64,
    /// Largest output in bytes that is returned inline; a larger one becomes an artifact.
    pub inline_output: u64,
    /// Open resources: files, streams, requests, artifact handles.
    pub handles: u32,
    /// Bytes of random numbers.
    pub random_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 256 << 20,
            disk: 1 << 30,
            log_bytes: 1 << 20,
            log_lines: 10_000,
            inline_output: 4 << 10,
            handles: 1_024,
            random_bytes: 64 << 20,
        }
    }
}

/// Doors: each is closed unless it is named here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Grants {
    /// Environment variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Environment variables whose values are secrets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, Secret>,
    /// Secrets that `wharf:task/secrets` answers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Secret>,
    /// Folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Hosts that may be spoken to by HTTP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Folder for what the attempt writes; made when first needed. None: the attempt may write no artifact and an
    /// output larger than the inline limit ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging: Option<PathBuf>,
    /// The tenant's artifact store, for reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<PathBuf>,
    /// Artifacts that the input names: the only ones that `open` answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readable: Vec<Artifact>,
    /// File of the checkpoint of this (run, task, item).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
}

/// A folder of the machine, as a guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mount {
    /// On the machine, absolute.
    pub source: PathBuf,
    /// In the guest, absolute.
    pub path: String,
    /// False lets the guest write.
    #[serde(default = "yes")]
    pub read_only: bool,
}

fn yes() -> bool {
    true
}

/// One entry of the allow-list of HTTP destinations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpGrant {
    /// Host name or address, lower case; `*.example.org` stands for every name below it, not for it.
    pub host: String,
    /// None: the scheme's own port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether plain `http` is allowed besides `https`.
    #[serde(default)]
    pub plain: bool,
    /// Whether the host may resolve to a loopback, private or link-local address.
    #[serde(default)]
    pub private: bool,
    /// Methods in upper case; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}
