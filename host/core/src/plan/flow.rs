use super::Task;
use crate::partition::Partitions;
use crate::schedule::Zone;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A flow's full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FlowName {
    /// The tenant's name.
    pub tenant: String,
    /// The flow's name.
    pub flow: String,
}

impl fmt::Display for FlowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.flow)
    }
}

impl From<FlowName> for String {
    fn from(name: FlowName) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for FlowName {
    type Error = String;

    fn try_from(text: String) -> Result<FlowName, String> {
        match text.split_once('/') {
            Some((tenant, flow)) if !tenant.is_empty() && !flow.is_empty() => {
                Ok(FlowName { tenant: tenant.into(), flow: flow.into() })
            }
            _ => Err(format!("`{text}` is not of the form tenant/flow")),
        }
    }
}

/// A flow, resolved: defaults of its tenant applied, needs as positions, components by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Flow {
    /// Tenant and name.
    pub name: FlowName,
    /// First 32 hex digits of the SHA-256 of the flow's resolved form with this field empty. A run is pinned to it.
    pub digest: String,
    /// Cron expression, already checked.
    pub schedule: Option<String>,
    /// Zone of the schedule and of the partitions.
    pub time_zone: Zone,
    /// What happens when a tick comes while a scheduled run is active.
    pub concurrency_policy: ConcurrencyPolicy,
    /// Microseconds after which a missed tick is not started any more.
    pub starting_deadline_us: Option<u64>,
    /// True: ticks are not run.
    pub suspend: bool,
    /// Which missed ticks are made up for.
    pub missed: Missed,
    /// Succeeded runs that are kept.
    pub successful_runs_history_limit: u32,
    /// Failed and cancelled runs that are kept.
    pub failed_runs_history_limit: u32,
    /// Runs of one backfill at one time.
    pub max_active: u32,
    /// Higher goes first.
    pub priority: i32,
    /// Schema and defaults of what a run can be given.
    pub params: Params,
    /// How the flow's data is cut.
    pub partitions: Option<Partitions>,
    /// Partitions by which a tick's partition is shifted.
    pub partition_offset: i32,
    /// In topological order: every need stands before the task that has it.
    pub tasks: Vec<Task>,
}

/// What happens when a tick comes while a scheduled run of the flow is active. As in a Kubernetes CronJob.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConcurrencyPolicy {
    /// Both run.
    #[default]
    Allow,
    /// The newest missed tick is held until the active run ends or its starting deadline passes.
    Forbid,
    /// The active run is cancelled.
    Replace,
}

/// Which missed ticks are made up for when the coordinator was away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missed {
    /// None.
    Skip,
    /// The newest.
    #[default]
    Last,
    /// All, the newest `max` at the most.
    All {
        /// At least 1.
        max: u32,
    },
}

/// Schema and defaults of what a run can be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Params {
    /// JSON Schema of the whole object; none: any object.
    pub schema: Option<serde_json::Value>,
    /// Used where a run does not say otherwise.
    pub defaults: serde_json::Map<String, serde_json::Value>,
}
