use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one attempt: a task of a run, the item of its fan-out if it has one, and the attempt's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AttemptId {
    /// The run's number, unique in its store.
    pub run: u64,
    /// Name of the task in its flow.
    pub task: String,
    /// Position in the fan-out, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// From 1.
    pub attempt: u32,
}

impl AttemptId {
    /// The same for every attempt of one (run, task, item): what an outside system should deduplicate by.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        match self.item {
            Some(item) => format!("{}/{}/{item}", self.run, self.task),
            None => format!("{}/{}", self.run, self.task),
        }
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.idempotency_key(), self.attempt)
    }
}

/// What a task can learn about its attempt besides its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AttemptContext {
    /// The tenant that owns the flow.
    pub tenant: String,
    /// The flow's name.
    pub flow: String,
    /// RFC 3339: the tick that a scheduled run stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<String>,
    /// The partition that the task works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionContext>,
    /// True where a coarse task runs over partitions of which some are not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// A partition, as a task sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PartitionContext {
    /// For example `2012-01-05`.
    pub key: String,
    /// RFC 3339, inclusive; none for a partition that is no interval of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// RFC 3339, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}
