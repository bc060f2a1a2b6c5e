use super::reading::{is_bound, pod_condition, said, waiting};
use super::{Seen, Waiting};
use crate::executor::kubernetes::quota::shortage_in;
use k8s_openapi::api::core::v1::{Event, Pod};

/// The Job's UID and the message, where the event says that a Job's pod could not be made.
pub(in crate::executor::kubernetes) fn failed_create(event: &Event) -> Option<(&str, &str)> {
    let about = &event.involved_object;
    let is = about.kind.as_deref() == Some("Job") && event.reason.as_deref() == Some("FailedCreate");
    about.uid.as_deref().filter(|_| is).zip(event.message.as_deref())
}

/// The pod's UID and the message, where the event is a warning that explains why a pod does not start although it has a
/// node. What else may go wrong before is in the pod's status.
pub(in crate::executor::kubernetes) fn pod_warning(event: &Event) -> Option<(&str, &str)> {
    const REASONS: [&str; 5] =
        ["FailedMount", "FailedMapVolume", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"];
    let about = &event.involved_object;
    let (reason, message) = (event.reason.as_deref().unwrap_or_default(), event.message.as_deref()?);
    let explains = REASONS.contains(&reason) || image_in(message).is_some();
    let is = about.kind.as_deref() == Some("Pod") && event.type_.as_deref() == Some("Warning") && explains;
    about.uid.as_deref().filter(|_| is).map(|uid| (uid, message))
}

/// What a Job without a pod waits for.
///
/// The Job controller says by an event `FailedCreate` why it could not make the pod, and goes on trying with a growing
/// pause. <https://kubernetes.io/docs/concepts/policy/resource-quotas/>: a quota refuses pods by 403 with "the constraint
/// that would have been violated"; a LimitRange, Pod Security and other admission likewise by 403; what is no pod is
/// refused as invalid, 422; an admission webhook "denied the request", with whatever code it likes. All of these stay as
/// they are until somebody changes something; the rest (a timeout, a conflict, a webhook that does not answer) may go
/// better the next time.
pub(super) fn for_pod(seen: &Seen<'_>) -> Waiting {
    let active = seen.job.and_then(|j| j.status.as_ref()).and_then(|s| s.active).unwrap_or(0);
    // An earlier refusal tells nothing once there is a pod, seen or not.
    let Some(message) = seen.failed_create.filter(|_| active == 0) else { return Waiting::Created(None) };
    if let Some(shortage) = shortage_in(message) {
        return Waiting::Quota(shortage);
    }
    let refused = [" is forbidden: ", " is invalid: ", " denied the request"].iter().any(|sign| message.contains(sign));
    let message = said(Some(message));
    if refused { Waiting::PodRejected(message) } else { Waiting::Created(Some(message)) }
}

/// What a pod whose runtime does not run yet waits for.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>: the condition `PodScheduled` is false with reason
/// `Unschedulable` (or `SchedulingGated`) until a node is found; then each container is `waiting` for a reason. The kubelet's
/// reasons for images are `ErrImagePull`, `ImagePullBackOff`, `ImageInspectError`, `RegistryUnavailable`,
/// `SignatureValidationFailed`, and two for which trying again is in vain: `InvalidImageName` and `ErrImageNeverPull`.
/// `CreateContainerConfigError` is a Secret or ConfigMap (or a key of one) that a container's environment needs; the same
/// for a volume is a warning `FailedMount` about the pod and no reason of a container, and an image volume's image that
/// cannot be pulled is a warning `Failed` before it is a reason.
pub(super) fn for_runtime(pod: &Pod, warning: Option<&str>) -> Waiting {
    if !is_bound(pod) {
        let unscheduled = pod_condition(pod, "PodScheduled", "False");
        return Waiting::Scheduling(said(unscheduled.and_then(|c| c.message.as_deref())));
    }
    for (container, waiting, reason) in waiting(pod) {
        let message = || said(waiting.message.as_deref().or(waiting.reason.as_deref()));
        let pulling = |hopeless| {
            let message = message();
            // The image may be that of a volume.
            let image = quoted(&message, "image \"").unwrap_or(&container.image).to_owned();
            Waiting::Pulling { image, message, hopeless }
        };
        match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => return pulling(false),
            "InvalidImageName" | "ErrImageNeverPull" => return pulling(true),
            "CreateContainerConfigError" => return Waiting::ContainerConfig(message()),
            // What every start goes through.
            "" | "ContainerCreating" | "PodInitializing" => {}
            _ => return Waiting::Starting(Some(format!("container `{}`: {reason}: {}", container.name, message()))),
        }
    }
    let Some(text) = warning else { return Waiting::Starting(None) };
    if let Some(image) = image_in(text) {
        return Waiting::Pulling { image: image.to_owned(), message: said(Some(text)), hopeless: false };
    }
    let missing = names_what_is_missing(text);
    let text = said(Some(text));
    if missing { Waiting::ContainerConfig(text) } else { Waiting::Starting(Some(text)) }
}

/// The image in `Failed to pull image "x": ...`.
fn image_in(warning: &str) -> Option<&str> {
    quoted(warning, "Failed to pull image \"")
}

/// What stands between these words and the next quote.
fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once('"')?.0)
}

/// `secret "x" not found`, `configmap "x" not found`, `references non-existent secret key: k`.
fn names_what_is_missing(warning: &str) -> bool {
    let of = |kind: &str| warning.contains(kind) && warning.contains(" not found");
    of("secret \"") || of("configmap \"") || warning.contains("references non-existent ")
}
