use crate::partition::Granularity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wharf_contract::{Cause, Entry, HttpGrant};

/// A task of a flow, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Task {
    /// Name, unique in the flow.
    pub name: String,
    /// What runs.
    pub component: Component,
    /// How it is entered.
    pub entry: Entry,
    /// Positions of the tasks that must be final first, ascending.
    pub needs: Vec<usize>,
    /// Positions of the tasks that need this one, ascending.
    pub dependents: Vec<usize>,
    /// JSON in which each string is a template (see [`crate::template`]).
    pub input: serde_json::Value,
    /// Fan-out over a list.
    pub for_each: Option<ForEach>,
    /// Expression; the task is skipped where it is not true.
    pub when: Option<String>,
    /// Which ends of its needs let it run.
    pub run_if: RunIf,
    /// What happens after a failed attempt.
    pub retry: Retry,
    /// Microseconds of run time of one attempt.
    pub timeout_us: Option<u64>,
    /// Microseconds from ready to started; past it the task ends as `start-deadline`.
    pub start_deadline_us: Option<u64>,
    /// Memory, cpu and storage.
    pub resources: Resources,
    /// Environment in clear.
    pub env: BTreeMap<String, String>,
    /// Environment whose values are secrets of the tenant.
    pub secret_env: BTreeMap<String, SecretRef>,
    /// Secrets for `wharf:task/secrets`: name seen by the task to the tenant's secret.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Folders.
    pub mounts: Vec<Mount>,
    /// HTTP hosts.
    pub http: Vec<HttpGrant>,
    /// Pool whose slots it takes.
    pub pool: Option<String>,
    /// Slots of the pool that one attempt takes; at least 1.
    pub slots: u32,
    /// Higher goes first, within the flow's priority.
    pub priority: i32,
    /// Coarser partition than the flow's; none: the flow's own.
    pub partition: Option<Granularity>,
    /// Merged into its pods last; in a cluster only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<serde_json::Value>,
}

/// A volume as the task sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mount {
    /// The volume's name in the flow: in a cluster the pod's volume of that name.
    #[serde(default)]
    pub volume: String,
    /// On this machine, absolute.
    pub source: PathBuf,
    /// In the guest, absolute.
    pub path: String,
    /// False lets the guest write.
    pub read_only: bool,
}

impl From<&Mount> for wharf_contract::Mount {
    fn from(mount: &Mount) -> wharf_contract::Mount {
        let Mount { volume: _, source, path, read_only } = mount;
        wharf_contract::Mount { source: source.clone(), path: path.clone(), read_only: *read_only }
    }
}

/// A component by file and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Component {
    /// Absolute.
    pub path: PathBuf,
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Bytes of the file.
    #[serde(default)]
    pub size: u64,
}

/// Names one of the tenant's secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRef {
    /// Key in [`super::Tenant::secrets`].
    pub name: String,
}

/// Fan-out over a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ForEach {
    /// A list, or an expression that gives one.
    pub items: serde_json::Value,
    /// Items at one time; none: only the other bounds count.
    pub parallelism: Option<u32>,
}

/// Which ends of its needs let a task run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunIf {
    /// Each need succeeded. A need that was skipped makes this one skipped, one that failed upstream-failed.
    #[default]
    AllSucceeded,
    /// Each need is final, however it ended.
    AllDone,
    /// At least one need failed (or is upstream-failed) once all are final; otherwise it is skipped.
    AnyFailed,
}

/// What happens after a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Retry {
    /// Attempts in all that are the task's own (faults of the platform are counted apart); at least 1.
    pub attempts: u32,
    /// Attempts in all that the platform may lose, beyond the task's own.
    pub platform_attempts: u32,
    /// Microseconds before the second attempt; doubled for each further one.
    pub backoff_min_us: u64,
    /// Microseconds at the most.
    pub backoff_max_us: u64,
    /// Only these causes are tried again; none: every one that may change.
    pub on: Option<Vec<Cause>>,
    /// After a memory limit the next attempt gets the limit times this, in hundredths (150 is 1.5 times); 100 is no more.
    pub memory_factor_percent: u32,
    /// Bytes that a memory limit never passes that way.
    pub memory_max: Option<u64>,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts: 1,
            platform_attempts: 5,
            backoff_min_us: 1_000_000,
            backoff_max_us: 300_000_000,
            on: None,
            memory_factor_percent: 100,
            memory_max: None,
        }
    }
}

/// What an attempt may use. Bytes; cpu in thousandths of a core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resources {
    /// Reserved on a node.
    pub request_memory: Option<u64>,
    /// The guest's memory limit; none: the contract's default.
    pub limit_memory: Option<u64>,
    /// Reserved on a node.
    pub request_cpu: Option<u64>,
    /// Enforced in a cluster only.
    pub limit_cpu: Option<u64>,
    /// What the guest may write; none: the contract's default.
    pub limit_ephemeral_storage: Option<u64>,
}
