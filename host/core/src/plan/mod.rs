//! The config, parsed, validated and resolved: immutable, versioned by digest, printable.

mod coordinator;
mod flow;
mod kubernetes;
mod task;
mod tenant;

pub use coordinator::Coordinator;
pub use flow::{ConcurrencyPolicy, Flow, FlowName, Missed, Params};
pub use kubernetes::{ArtifactStore, Components, Egress, Executor, Kubernetes, Namespace, PullPolicy};
pub use task::{Component, ForEach, Mount, Resources, Retry, RunIf, SecretRef, Task};
pub use tenant::{SecretSource, Tenant};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that the coordinator goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How the coordinator itself runs.
    pub coordinator: Coordinator,
    /// By name.
    pub tenants: BTreeMap<String, Arc<Tenant>>,
    /// By tenant and name.
    pub flows: BTreeMap<FlowName, Arc<Flow>>,
}

impl Plan {
    /// The flow that a user names: `tenant/flow`, or `flow` where only one tenant has it.
    ///
    /// # Errors
    /// The names that would fit, sorted: none where there is no such flow, several where the name is ambiguous.
    pub fn find_flow(&self, name: &str) -> Result<&Arc<Flow>, Vec<String>> {
        self.find_flow_of(name, |_| true)
    }

    /// The same, out of the flows of some tenants.
    ///
    /// # Errors
    /// As [`Plan::find_flow`].
    pub fn find_flow_of(&self, name: &str, tenants: impl Fn(&str) -> bool) -> Result<&Arc<Flow>, Vec<String>> {
        let flows = self.flows.iter().filter(|(n, _)| tenants(&n.tenant));
        let fits: Vec<_> = match name.split_once('/') {
            Some((tenant, flow)) => flows.filter(|(n, _)| n.tenant == tenant && n.flow == flow).collect(),
            None => flows.filter(|(n, _)| n.flow == name).collect(),
        };
        match fits[..] {
            [(_, flow)] => Ok(flow),
            _ => Err(fits.into_iter().map(|(n, _)| n.to_string()).collect()),
        }
    }
}
