//! What the objects of an attempt say about it. Judged by level: the same objects always give the same answer, whatever was
//! seen before. The rules and their sources stand beside the functions that apply them.

mod ending;
mod reading;
mod report;
mod waiting;

#[cfg(test)]
mod recorded;

use super::quota::Shortage;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use std::fmt;
use wharf_contract::pod::{PodReport, StoredObject};
use wharf_contract::{Cause, Outcome};

/// Name of the container that is the runtime.
pub(super) const CONTAINER: &str = "wharf";

/// What is known of an attempt's objects.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    /// Its Job.
    pub(super) job: Option<&'a Job>,
    /// The Job's pod; the newest, should there be two.
    pub(super) pod: Option<&'a Pod>,
    /// Message of the latest event `FailedCreate` of the Job: see [`failed_create`].
    pub(super) failed_create: Option<&'a str>,
    /// Message of the latest warning about the pod that explains why it does not start: see [`pod_warning`].
    pub(super) warning: Option<&'a str>,
    /// The node that the pod is bound to.
    pub(super) node: Node,
    /// Whether this coordinator asked the attempt to stop.
    pub(super) asked: bool,
}

/// What is known of a pod's node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing, or its kubelet says something: Ready is true or false.
    #[default]
    Answers,
    /// Its Ready is Unknown, or there is no such node any more.
    Silent,
}

/// What an attempt does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Observation {
    /// There is neither Job nor pod.
    Gone,
    /// The runtime does not run yet.
    Waiting(Waiting),
    /// The runtime runs.
    Running,
    /// The pod is being deleted, or its Job is and has no pod; its last word may still come. With the end where it does not.
    Stopping(Cause, String),
    /// It ended.
    Ended(Ending),
}

/// What the runtime's start waits for. Each has its bound in [`super::deadline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the pod to be made. With what the cluster said of an attempt to make it that may go better next time.
    Created(Option<String>),
    /// For room in a quota.
    Quota(Shortage),
    /// The cluster refuses to make the pod as it is.
    PodRejected(String),
    /// For a node.
    Scheduling(String),
    /// For an image.
    Pulling {
        /// Which.
        image: String,
        /// What the kubelet says.
        message: String,
        /// Whether trying again cannot help: the name is none, or may not be pulled.
        hopeless: bool,
    },
    /// The kubelet cannot make the container of what the pod names: a Secret or ConfigMap that is not there.
    ContainerConfig(String),
    /// For volumes, the sandbox, init containers. With the latest warning.
    Starting(Option<String>),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// How.
    pub(super) end: End,
    /// Why the cluster ended the pod, where it did and this coordinator had not asked for it: what lies behind the word
    /// `cancelled` of a runtime, see [`Ending::judge`].
    pub(super) interrupted: Option<(Cause, String)>,
    /// UID of its pod: where what it wrote is staged. None: it had none.
    pub(super) pod: Option<String>,
    /// Whether the runtime's container ever ran.
    pub(super) started: bool,
}

/// How an attempt ended, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The runtime.
    Report(Box<PodReport>),
    /// The cluster, the runtime having left no word: cause, and message for a person.
    Fallback(Cause, String),
}

impl Ending {
    /// A runtime that is told to end says `cancelled`, whoever told it. Where it was the cluster, the outcome gets the
    /// cluster's reason; what was used stays. Any other word of a runtime stands, however its pod ended.
    pub(super) fn judge(&self, outcome: Outcome) -> Outcome {
        match &self.interrupted {
            Some((cause, message)) if outcome.cause == Cause::Cancelled => {
                Outcome { usage: outcome.usage, ..Outcome::failed(*cause, message.as_str()) }
            }
            _ => outcome,
        }
    }

    /// The attempt's outcome, and the object that takes its place where it was too large for a report.
    pub(super) fn outcome(&self) -> (Outcome, Option<StoredObject>) {
        match &self.end {
            End::Fallback(cause, message) => (Outcome::failed(*cause, message.as_str()), None),
            End::Report(report) => match &**report {
                PodReport::Outcome(outcome) => (self.judge((**outcome).clone()), None),
                PodReport::Stored(object) => {
                    let why = "its outcome lies in the store and cannot be read";
                    (Outcome::failed(Cause::OutcomeMissing, why), Some(object.clone()))
                }
                PodReport::Compiled { .. } | PodReport::NotCompiled { .. } => {
                    let why = "the pod reports that it compiled a component, and ran no attempt";
                    (Outcome::failed(Cause::OutcomeMissing, why), None)
                }
            },
        }
    }
}

impl Waiting {
    /// Whether a node has the pod.
    pub(super) fn has_node(&self) -> bool {
        match self {
            Waiting::Quota(_) | Waiting::Created(_) | Waiting::PodRejected(_) | Waiting::Scheduling(_) => false,
            Waiting::Pulling { .. } | Waiting::ContainerConfig(_) | Waiting::Starting(_) => true,
        }
    }
}

/// For a person.
impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Waiting::Quota(shortage) => return shortage.fmt(f),
            Waiting::Created(why) => ("waiting for its pod", why.as_deref()),
            Waiting::PodRejected(why) => ("the cluster refuses the pod", Some(why.as_str())),
            Waiting::Scheduling(why) => ("waiting for a node", Some(why.as_str())),
            Waiting::Pulling { image, message, .. } => {
                return write!(f, "waiting for the image {image}: {message}");
            }
            Waiting::ContainerConfig(why) => ("something that the pod names is not there", Some(why.as_str())),
            Waiting::Starting(why) => ("the pod is starting", why.as_deref()),
        };
        match why.filter(|why| !why.is_empty()) {
            Some(why) => write!(f, "{what}: {why}"),
            None => f.write_str(what),
        }
    }
}

pub(super) use ending::observe;
pub(super) use waiting::{failed_create, pod_warning};
