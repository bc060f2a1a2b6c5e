//! What the pod of an attempt is: templates merged as Kubernetes merges them, resources that follow from the task's, and
//! what a template may not touch. Pure: a template is JSON.

pub(crate) mod check;
mod fields;
mod flaw;
mod guard;
mod harden;
mod merge;
mod needs;
mod overhead;
pub mod own;
mod shape;

pub use merge::{MergeFault, merge};
pub use needs::{Amounts, DEFAULT_LIMITS, DEFAULT_REQUESTS, Need, needs};
pub use overhead::{BASE_MEMORY, PodResources, REQUEST_CPU, compile_resources, pod_resources, store_resources};

use serde_json::Value;

/// What is merged into the pods of a task: the operator's template, into it the tenant's, into that the task's. Where there
/// is none, an empty mapping.
///
/// # Errors
/// [`MergeFault`]; never with templates of a plan, whose config was judged by the same rules.
pub fn template(operator: Option<&Value>, tenant: Option<&Value>, task: Option<&Value>) -> Result<Value, MergeFault> {
    let templates = [operator, tenant, task];
    templates.into_iter().flatten().try_fold(Value::Object(serde_json::Map::new()), merge)
}
