use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an attempt ended as it did. Closed: every end of an attempt is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The task returned a value (or a command exited with 0).
    Succeeded,
    /// The task said that its input cannot be used.
    InvalidInput,
    /// The task said that a later attempt may succeed.
    Retryable,
    /// The task said that it will fail every time.
    Permanent,
    /// A command exited with another code than 0.
    ExitCode,
    /// The guest trapped: a panic, an out-of-bounds access, a stack overflow.
    Trap,
    /// The attempt was asked to stop, and ended.
    Cancelled,
    /// The task's `timeout` passed.
    Timeout,
    /// The guest asked for more memory than its limit.
    MemoryLimit,
    /// The guest wrote more to disk, or more output, than its limit.
    OutputLimit,
    /// Another limit of the sandbox: handles, table elements, fuel of host calls.
    ResourceLimit,
    /// The component needs what was not granted, and so was not started.
    NotGranted,
    /// The file is no component, is truncated, or is of a world that the runtime does not know.
    InvalidComponent,
    /// The component's file is not there or cannot be read.
    ComponentMissing,
    /// The component's bytes are not those of the pinned digest.
    DigestMismatch,
    /// Compiling the component took more time or memory than is allowed.
    CompileLimit,
    /// The process that ran the attempt went away.
    WorkerLost,
    /// The process exited as if all was well and left no outcome.
    OutcomeMissing,
    /// The attempt was not started before its deadline for starting.
    StartDeadline,
    /// The kernel ended the container: the runtime itself, or a sidecar, used more memory than the pod was given.
    OomKilled,
    /// The node evicted the pod, was drained, or the scheduler preempted it.
    Evicted,
    /// The node that ran the pod does not answer any more.
    NodeLost,
    /// Somebody else deleted the pod or its Job.
    PodDeleted,
    /// No node took the pod before its deadline for starting.
    Unschedulable,
    /// An image of the pod could not be pulled before its deadline for starting.
    ImagePull,
    /// The cluster refuses the pod or its Job as it is: admission, a LimitRange, a missing Secret.
    PodRejected,
    /// The Job's own deadline passed, and the runtime had not ended the attempt by then.
    DeadlineExceeded,
    /// wharf itself failed.
    Internal,
}

/// Whose fault a [`Cause`] is; it decides which retry budget an attempt uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nobody's: it succeeded or was cancelled.
    None,
    /// The task's: uses its retry budget.
    Task,
    /// A limit that the flow sets: uses the task's retry budget, may be retried with more.
    Limit,
    /// The platform's: free of the task's retry budget, under a budget of its own.
    Platform,
    /// Ours: treated as the platform's.
    Wharf,
}

impl Cause {
    /// Every cause, in the order of declaration.
    pub const ALL: [Cause; 28] = [
        Cause::Succeeded,
        Cause::InvalidInput,
        Cause::Retryable,
        Cause::Permanent,
        Cause::ExitCode,
        Cause::Trap,
        Cause::Cancelled,
        Cause::Timeout,
        Cause::MemoryLimit,
        Cause::OutputLimit,
        Cause::ResourceLimit,
        Cause::NotGranted,
        Cause::InvalidComponent,
        Cause::ComponentMissing,
        Cause::DigestMismatch,
        Cause::CompileLimit,
        Cause::WorkerLost,
        Cause::OutcomeMissing,
        Cause::StartDeadline,
        Cause::OomKilled,
        Cause::Evicted,
        Cause::NodeLost,
        Cause::PodDeleted,
        Cause::Unschedulable,
        Cause::ImagePull,
        Cause::PodRejected,
        Cause::DeadlineExceeded,
        Cause::Internal,
    ];

    /// Whose fault it is.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Cause::Succeeded | Cause::Cancelled => Fault::None,
            Cause::InvalidInput
            | Cause::Retryable
            | Cause::Permanent
            | Cause::ExitCode
            | Cause::Trap
            | Cause::NotGranted
            | Cause::InvalidComponent
            | Cause::ComponentMissing
            | Cause::DigestMismatch
            | Cause::PodRejected => Fault::Task,
            Cause::Timeout | Cause::MemoryLimit | Cause::OutputLimit | Cause::ResourceLimit | Cause::CompileLimit => {
                Fault::Limit
            }
            Cause::WorkerLost
            | Cause::OutcomeMissing
            | Cause::StartDeadline
            | Cause::OomKilled
            | Cause::Evicted
            | Cause::NodeLost
            | Cause::PodDeleted
            | Cause::Unschedulable
            | Cause::ImagePull
            | Cause::DeadlineExceeded => Fault::Platform,
            Cause::Internal => Fault::Wharf,
        }
    }

    /// Whether a later attempt of the same thing can end otherwise. What cannot is never retried, whatever the policy.
    #[must_use]
    pub fn may_change(self) -> bool {
        !matches!(
            self,
            Cause::Succeeded
                | Cause::InvalidInput
                | Cause::Permanent
                | Cause::Cancelled
                | Cause::NotGranted
                | Cause::InvalidComponent
                | Cause::DigestMismatch
                | Cause::PodRejected
        )
    }

    /// The cause's name in config, output and labels: kebab-case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Succeeded => "succeeded",
            Cause::InvalidInput => "invalid-input",
            Cause::Retryable => "retryable",
            Cause::Permanent => "permanent",
            Cause::ExitCode => "exit-code",
            Cause::Trap => "trap",
            Cause::Cancelled => "cancelled",
            Cause::Timeout => "timeout",
            Cause::MemoryLimit => "memory-limit",
            Cause::OutputLimit => "output-limit",
            Cause::ResourceLimit => "resource-limit",
            Cause::NotGranted => "not-granted",
            Cause::InvalidComponent => "invalid-component",
            Cause::ComponentMissing => "component-missing",
            Cause::DigestMismatch => "digest-mismatch",
            Cause::CompileLimit => "compile-limit",
            Cause::WorkerLost => "worker-lost",
            Cause::OutcomeMissing => "outcome-missing",
            Cause::StartDeadline => "start-deadline",
            Cause::OomKilled => "oom-killed",
            Cause::Evicted => "evicted",
            Cause::NodeLost => "node-lost",
            Cause::PodDeleted => "pod-deleted",
            Cause::Unschedulable => "unschedulable",
            Cause::ImagePull => "image-pull",
            Cause::PodRejected => "pod-rejected",
            Cause::DeadlineExceeded => "deadline-exceeded",
            Cause::Internal => "internal",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_serialised_one_and_reads_back() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
        }
    }
}
