use crate::executor::Failure;
use crate::executor::kubernetes::labels::Labels;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use std::time::Duration;
use wharf_contract::Cause;
use wharf_core::plan::Kubernetes;

/// How long a pod that is told to end may take: the runtime gives the guest 10 s, and itself as long to keep what it left.
pub(in crate::executor::kubernetes) const GRACE: Duration = Duration::from_secs(30);
/// What an attempt may take beside waiting and the guest's run: fetching the component and its input, keeping its output.
const AROUND: Duration = Duration::from_secs(300);
/// Seconds after which a finished Job goes by itself: a coordinator that is back within a day finds its outcome. Its pod
/// stays until our finalizer is gone.
const TTL: i32 = 86_400;

/// Seconds from its creation after which a Job is ended by the cluster, should nobody else end it: it counts waiting too.
/// None where the task has no timeout: it may run for ever.
pub(super) fn deadline(settings: &Kubernetes, timeout_us: Option<u64>) -> Option<u64> {
    let around = (AROUND + GRACE).as_secs();
    timeout_us.map(|us| settings.start_deadline_us.saturating_add(us).div_ceil(1_000_000).saturating_add(around))
}

/// A Job of one pod that is never replaced: retries are the core's. An end that the cluster brings about is the Job's end
/// as well, at once.
///
/// # Errors
/// A template made something of the pod that is none, which the config should have refused.
pub(super) fn job(
    namespace: &str,
    name: String,
    labels: Labels,
    pod: Value,
    deadline: Option<u64>,
) -> Result<Job, Failure> {
    let mut spec = json!({
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [{
            "action": "FailJob",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }]},
        "ttlSecondsAfterFinished": TTL,
        "template": pod,
    });
    if let Some(seconds) = deadline {
        spec["activeDeadlineSeconds"] = json!(seconds);
    }
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec,
    });
    serde_json::from_value(job).map_err(|e| not_a_pod(&e))
}

/// How an attempt ends whose templates make no pod.
pub(super) fn not_a_pod(e: &serde_json::Error) -> Failure {
    Failure::new(Cause::PodRejected, format!("with its `podTemplate` the pod is none: {e}"))
}
