//! The few fields of Jobs and pods that are looked at.

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Pod, PodCondition,
};

/// Bytes of a message of the cluster that are kept.
const MAX_MESSAGE: usize = 500;

/// A condition that is true.
pub(super) fn job_condition<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.type_ == kind && c.status == "True")
}

/// A condition with this status.
pub(super) fn pod_condition<'a>(pod: &'a Pod, kind: &str, status: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.type_ == kind && c.status == status)
}

/// The pod's phase; empty where it has none yet.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// The state of the runtime's container.
pub(super) fn runtime(pod: &Pod) -> Option<&ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|c| c.name == super::CONTAINER)?.state.as_ref()
}

/// How the runtime's container ended, if it has.
pub(super) fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    runtime(pod)?.terminated.as_ref()
}

/// All containers, in the order in which the kubelet starts them.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let inits = status.and_then(|s| s.init_container_statuses.as_ref()).into_iter().flatten();
    inits.chain(status.and_then(|s| s.container_statuses.as_ref()).into_iter().flatten())
}

/// Containers that do not run yet, and why.
pub(super) fn waiting(pod: &Pod) -> impl Iterator<Item = (&ContainerStatus, &ContainerStateWaiting, &str)> {
    containers(pod).filter_map(|c| {
        let waiting = c.state.as_ref()?.waiting.as_ref()?;
        Some((c, waiting, waiting.reason.as_deref().unwrap_or_default()))
    })
}

/// Whether it is being deleted.
pub(super) fn is_deleted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether a node was found for it.
pub(super) fn is_bound(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|s| s.node_name.is_some())
}

/// What the cluster says, on one line and no longer than is kept.
pub(super) fn said(message: Option<&str>) -> String {
    let words: Vec<_> = message.unwrap_or_default().split_whitespace().collect();
    let mut text = words.join(" ");
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
