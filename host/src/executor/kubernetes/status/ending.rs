use super::reading::{
    containers, is_bound, is_deleted, job_condition, phase, pod_condition, runtime, said, terminated,
};
use super::{End, Ending, Node, Observation, Seen, report, waiting};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use wharf_contract::Cause;

const LOST: &str = "its node does not answer";
const DEADLINE: &str = "the Job's deadline passed: start deadline, timeout and grace together";
const DELETED_JOB: &str = "somebody deleted the Job";
const DELETED_POD: &str = "somebody deleted the pod";

type Why = (Cause, String);

/// What an attempt does.
///
/// 1. A container that ended decides, whatever else is going on: its word, or the reason for its silence.
/// 2. A pod that is `Failed` without such a container decides by its own reason.
/// 3. A pod that is being deleted never comes back: it is over where no kubelet has it or its node is silent, otherwise its
///    kubelet will say how it ended. <https://kubernetes.io/docs/concepts/architecture/nodes/>: "if a node is unreachable,
///    pods on it stay Terminating until it is back or is deleted", so nothing else would end this wait.
/// 4. Then it runs, or waits.
/// 5. A Job that is over without a pod: someone took the pod's finalizer away. The caller must know from the API server
///    itself, not from a watch that lags, that there is no pod.
pub(in crate::executor::kubernetes) fn observe(seen: &Seen<'_>) -> Observation {
    match (seen.pod, seen.job) {
        (Some(pod), _) => of_pod(seen, pod),
        (None, Some(_)) => without_pod(seen),
        (None, None) => Observation::Gone,
    }
}

fn of_pod(seen: &Seen<'_>, pod: &Pod) -> Observation {
    let ended = |end, interrupted, started| {
        Observation::Ended(Ending { end, interrupted, pod: pod.metadata.uid.clone(), started })
    };
    let interrupted = interruption(seen);
    if let Some(container) = terminated(pod) {
        let ran = has_run(container);
        return match report::parse(container.message.as_deref()) {
            Ok(report) => ended(End::Report(Box::new(report)), interrupted.filter(|_| !seen.asked), true),
            Err(lack) => {
                let (cause, message) = silent(seen, container, interrupted, &lack);
                ended(End::Fallback(cause, message), None, ran)
            }
        };
    }
    let started = runtime(pod).is_some_and(|state| state.running.is_some());
    let fallback = |(cause, message): Why| ended(End::Fallback(cause, message), None, started);
    match phase(pod) {
        "Failed" => return fallback(asked(seen).or(interrupted).unwrap_or_else(|| failed_init(pod))),
        "Succeeded" => return fallback((Cause::OutcomeMissing, "the pod succeeded and left no outcome".into())),
        _ => {}
    }
    if let Some(why) = interrupted.filter(|_| is_deleted(pod)) {
        if !is_bound(pod) {
            return fallback(asked(seen).unwrap_or(why));
        }
        let (cause, why) = asked(seen).unwrap_or((Cause::NodeLost, why.1));
        return match seen.node {
            Node::Silent => fallback((cause, format!("{why}; {LOST}"))),
            Node::Answers => Observation::Stopping(cause, why),
        };
    }
    if started { Observation::Running } else { Observation::Waiting(waiting::for_runtime(pod, seen.warning)) }
}

fn without_pod(seen: &Seen<'_>) -> Observation {
    let Some(job) = seen.job else { return Observation::Gone };
    let over = ["FailureTarget", "Failed", "SuccessCriteriaMet", "Complete"];
    if let Some(condition) = over.iter().find_map(|kind| job_condition(job, kind)) {
        let had_one = job.status.as_ref().is_some_and(|s| s.failed.or(s.succeeded).unwrap_or(0) > 0);
        let (cause, message) = asked(seen).unwrap_or_else(|| match condition.reason.as_deref().unwrap_or_default() {
            "DeadlineExceeded" if !had_one => never_started(waiting::for_pod(seen)),
            "DeadlineExceeded" => (Cause::DeadlineExceeded, DEADLINE.into()),
            "PodFailurePolicy" => (Cause::Evicted, said(condition.message.as_deref())),
            _ if condition.type_ == "SuccessCriteriaMet" || condition.type_ == "Complete" => {
                (Cause::OutcomeMissing, "the Job is complete, and its pod was taken away with the outcome".into())
            }
            _ => (Cause::PodDeleted, "the Job failed, and its pod was taken away with the outcome".into()),
        });
        let ending = Ending { end: End::Fallback(cause, message), interrupted: None, pod: None, started: had_one };
        return Observation::Ended(ending);
    }
    if job.metadata.deletion_timestamp.is_some() {
        let (cause, message) = asked(seen).unwrap_or((Cause::PodDeleted, DELETED_JOB.into()));
        return Observation::Stopping(cause, message);
    }
    Observation::Waiting(waiting::for_pod(seen))
}

/// That this coordinator wanted it to end explains every end without a word.
fn asked(seen: &Seen<'_>) -> Option<Why> {
    seen.asked.then(|| (Cause::Cancelled, "it was asked to stop".into()))
}

/// Why the cluster ended the pod, or is about to.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions>: `DisruptionTarget` is added
/// with the reason `PreemptionByScheduler`, `DeletionByTaintManager`, `EvictionByEvictionAPI`, `DeletionByPodGC` (the pod's
/// node is gone) or `TerminationByKubelet` (node pressure, node shutdown). A Job past its `activeDeadlineSeconds` has its
/// pods deleted, with the reason `DeadlineExceeded`. What is deleted for none of these reasons, somebody deleted.
fn interruption(seen: &Seen<'_>) -> Option<Why> {
    let pod = seen.pod?;
    if let Some(disruption) = pod_condition(pod, "DisruptionTarget", "True") {
        let reason = disruption.reason.as_deref().unwrap_or_default();
        let cause = match reason {
            "DeletionByPodGC" => Cause::NodeLost,
            "DeletionByTaintManager" if seen.node == Node::Silent => Cause::NodeLost,
            _ => Cause::Evicted,
        };
        return Some((cause, format!("{reason}: {}", said(disruption.message.as_deref()))));
    }
    if let Some(why) = failed_by_node(pod) {
        return Some(why);
    }
    let failed = seen.job.and_then(|job| job_condition(job, "FailureTarget").or_else(|| job_condition(job, "Failed")));
    if failed.and_then(|c| c.reason.as_deref()) == Some("DeadlineExceeded") {
        let ran = runtime(pod).is_some_and(|s| s.running.is_some() || s.terminated.as_ref().is_some_and(has_run));
        let waited = || never_started(waiting::for_runtime(pod, seen.warning));
        return Some(if ran { (Cause::DeadlineExceeded, DEADLINE.into()) } else { waited() });
    }
    match seen.job {
        None => Some((Cause::PodDeleted, DELETED_JOB.into())),
        Some(job) if job.metadata.deletion_timestamp.is_some() => Some((Cause::PodDeleted, DELETED_JOB.into())),
        Some(_) => is_deleted(pod).then(|| (Cause::PodDeleted, DELETED_POD.into())),
    }
}

/// How an attempt ended whose Job's deadline passed before the runtime ran.
fn never_started(waiting: super::Waiting) -> Why {
    let cause = crate::executor::kubernetes::deadline::cause(&waiting);
    (cause, format!("the Job's deadline passed before the runtime ran: {waiting}"))
}

/// How the runtime's container ended that left no word.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/>: a container over its memory limit is
/// terminated with the reason `OOMKilled`. The kubelet gives `StartError` (or `ContainerCannotRun`) where the program could
/// not be started, and `ContainerStatusUnknown` where it finds no trace of the container, as after a node's restart. Exit
/// code 0 tells nothing without an outcome.
fn silent(seen: &Seen<'_>, container: &ContainerStateTerminated, interrupted: Option<Why>, lack: &str) -> Why {
    let (code, reason) = (container.exit_code, container.reason.as_deref().unwrap_or_default());
    let how = format!("the runtime exited with {code} and {lack}");
    if let Some(why) = asked(seen) {
        return why;
    }
    match reason {
        "OOMKilled" => {
            return (Cause::OomKilled, "the kernel ended the runtime: the pod used more memory than its limit".into());
        }
        "StartError" | "ContainerCannotRun" => {
            let why = format!("the runtime could not be started: {}", said(container.message.as_deref()));
            return (Cause::WorkerLost, why);
        }
        "ContainerStatusUnknown" => {
            return interrupted.unwrap_or((Cause::NodeLost, "the node lost track of the container".into()));
        }
        _ if code == 0 => return (Cause::OutcomeMissing, how),
        _ => {}
    }
    match interrupted {
        Some((cause, why)) => (cause, format!("{why}; {how}")),
        None => (Cause::WorkerLost, how),
    }
}

/// Whether the container ran at all.
fn has_run(container: &ContainerStateTerminated) -> bool {
    !matches!(container.reason.as_deref(), Some("StartError" | "ContainerCannotRun" | "ContainerStatusUnknown"))
}

/// Why a node failed the pod.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/>: the kubelet sets the phase `Failed` and
/// the reason `Evicted`, also where the pod passed its own limit of ephemeral storage, and then without a
/// `DisruptionTarget`. A node that is shut down gives `Terminated` or `NodeShutdown`. A kubelet that does not admit a pod
/// that was bound to it (`OutOfcpu`, `NodeAffinity`, `UnexpectedAdmissionError`, ...) fails it as well.
fn failed_by_node(pod: &Pod) -> Option<Why> {
    let status = pod.status.as_ref().filter(|_| phase(pod) == "Failed")?;
    let reason = status.reason.as_deref().filter(|r| !r.is_empty())?;
    let cause = match reason {
        "NodeLost" => Cause::NodeLost,
        "DeadlineExceeded" => Cause::DeadlineExceeded,
        _ => Cause::Evicted,
    };
    Some((cause, format!("{reason}: {}", said(status.message.as_deref()))))
}

/// How a pod ended whose runtime's container never came to its turn: an init container failed, and with it the pod.
fn failed_init(pod: &Pod) -> Why {
    let init = containers(pod).find_map(|c| {
        let ended = c.state.as_ref()?.terminated.as_ref()?;
        (ended.exit_code != 0).then_some((c.name.as_str(), ended))
    });
    match init {
        Some((name, ended)) if ended.reason.as_deref() == Some("OOMKilled") => {
            (Cause::OomKilled, format!("init container `{name}` used more memory than its limit"))
        }
        Some((name, ended)) => {
            let said = said(ended.message.as_deref());
            let why = format!("init container `{name}` exited with {}: {said}", ended.exit_code);
            (Cause::WorkerLost, why.trim_end_matches(": ").to_owned())
        }
        None => (Cause::WorkerLost, "the pod failed before the runtime ran, and says no reason".into()),
    }
}
