//! Manifests of Jobs. Three layers, the later one wins: what pods are hardened with, the templates of operator,
//! tenant and task as Kubernetes merges them, and what is wharf's own.

mod base;
mod compile;
mod job;
mod order;
mod own;
mod store;

#[cfg(test)]
pub(super) mod tests;

pub(super) use compile::compile;
pub(super) use job::GRACE;
pub(super) use order::{Upload, id, location};
pub(super) use store::{Serving, store};

use super::labels::{self, Maker};
use super::names;
use crate::executor::Failure;
use crate::executor::invocation::task_of;
use k8s_openapi::api::batch::v1::Job;
use wharf_contract::Artifact;
use wharf_contract::pod::{CompiledComponent, ORDER_ANNOTATION};
use wharf_core::action::Start;
use wharf_core::plan::{Kubernetes, Tenant};
use wharf_core::pod::pod_resources;

/// Finalizer of an attempt's pod: holds it until what it says is recorded.
pub(super) const FINALIZER: &str = "wharf.dev/outcome";

/// The Job of an attempt, and what has to be there before it.
#[derive(Debug)]
pub(super) struct Manifest {
    /// To be created in the tenant's namespace.
    pub(super) job: Job,
    /// To be put into the tenant's store first: the order is too large for the pod.
    pub(super) upload: Option<Upload>,
}

/// The Job that runs an attempt. `readable` are the artifacts that its input names and its tenant has, with their sizes.
///
/// # Errors
/// How the attempt ends, since it cannot be started.
pub(super) fn attempt(
    maker: Maker<'_>,
    settings: &Kubernetes,
    tenant: &Tenant,
    start: &Start,
    compiled: &CompiledComponent,
    readable: &[Artifact],
) -> Result<Manifest, Failure> {
    let task = task_of(&start.flow, start.attempt)?;
    let id = id(start)?;
    let flow = &start.flow.name.flow;
    let (order, secrets) = order::invocation(start, tenant, compiled, readable)?;
    let order::Placed { annotation, upload } = order::place(order)?;
    let (store, _) = order::store(tenant)?;

    let inputs = readable.iter().fold(0, |sum: u64, artifact| sum.saturating_add(artifact.size));
    let mut own = own::Own::new(settings, pod_resources(task, start.memory).with_inputs(inputs));
    own.labels = labels::of_attempt(maker, flow, &id);
    own.annotations.insert(ORDER_ANNOTATION.to_owned(), annotation);
    own.order();
    own.secrets(&secrets);
    own.store(store, false);
    own.flow_volumes(task);
    own.finalizer = Some(FINALIZER);
    let templates = [&settings.pod_template, &tenant.pod_template, &task.pod_template];
    let pod = own.pod(templates.into_iter().flatten())?;
    let name = names::attempt(maker.instance, flow, &id);
    let job = job::job(&tenant.name, name, own.labels, pod, job::deadline(settings, task.timeout_us))?;
    Ok(Manifest { job, upload })
}
