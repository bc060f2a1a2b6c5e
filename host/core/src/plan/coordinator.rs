use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the coordinator itself runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Coordinator {
    /// Attempts at one time over all tenants.
    pub parallelism: u32,
    /// Slots of each pool by name.
    pub pools: BTreeMap<String, u32>,
    /// Microseconds that a final run is kept beside the flows' history limits; none: only the limits count.
    pub retention_us: Option<u64>,
    /// Microseconds that SIGTERM waits for running attempts.
    pub drain_timeout_us: u64,
    /// Who starts attempts.
    #[serde(default)]
    pub executor: super::Executor,
}

impl Default for Coordinator {
    fn default() -> Coordinator {
        Coordinator {
            parallelism: 32,
            pools: BTreeMap::new(),
            retention_us: Some(30 * 86_400 * 1_000_000),
            drain_timeout_us: 30_000_000,
            executor: super::Executor::Local,
        }
    }
}
