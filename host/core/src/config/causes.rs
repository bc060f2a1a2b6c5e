//! Why attempts end, in words: for the reference.

use std::fmt::Write;
use wharf_contract::{Cause, Fault};

/// A table of Markdown.
pub(super) fn table() -> String {
    let mut out = String::from(
        "## Causes\n\nWhy an attempt ended, whose fault that is, and whether another one follows. What is the task's or a \
         limit's uses `retry.attempts` and looks at `retry.on`; what is the platform's uses `retry.platformAttempts` alone.\n\n\
         | cause | means | fault | tried again |\n|---|---|---|---|\n",
    );
    for cause in Cause::ALL {
        let fault = match cause.fault() {
            Fault::None => "nobody's",
            Fault::Task => "the task's",
            Fault::Limit => "a limit",
            Fault::Platform => "the platform's",
            Fault::Wharf => "wharf's",
        };
        let again = match (cause.fault(), cause.may_change()) {
            (_, false) => "no",
            // The task itself has ended by then.
            _ if cause == Cause::StartDeadline => "no, where it was the task's `startDeadline`",
            (Fault::Platform | Fault::Wharf, true) => "up to `platformAttempts`",
            (_, true) => "up to `attempts`",
        };
        let _ = writeln!(out, "| `{cause}` | {} | {fault} | {again} |", words(cause));
    }
    out
}

fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Succeeded => "The task returned a value, or a program exited with 0.",
        Cause::InvalidInput => "The task said that it cannot use its input.",
        Cause::Retryable => "The task said that a later attempt may succeed.",
        Cause::Permanent => "The task said that it will fail each time.",
        Cause::ExitCode => "A program exited with another code than 0.",
        Cause::Trap => "The guest trapped: a panic, a stack overflow, an access out of bounds.",
        Cause::Cancelled => "It was asked to stop, and did.",
        Cause::Timeout => "`timeout` passed.",
        Cause::MemoryLimit => {
            "The guest wanted more memory than `resources.limits.memory`; `retry.memory` gives the next one more."
        }
        Cause::OutputLimit => "The guest wrote more than `resources.limits.ephemeral-storage`, or too large an output.",
        Cause::ResourceLimit => "Another wall of the sandbox: open handles, table elements, work of the host.",
        Cause::NotGranted => "The component needs what it was not granted; it was not started.",
        Cause::InvalidComponent => "The file is no component that the runtime can run.",
        Cause::ComponentMissing => "The component's file is not there, or cannot be read.",
        Cause::DigestMismatch => "The component's bytes are not those of its digest.",
        Cause::CompileLimit => "Compiling the component took more time or memory than it may.",
        Cause::WorkerLost => "The process that ran it went away, or the coordinator found no trace of it.",
        Cause::OutcomeMissing => "The process exited as if all was well, and left no outcome.",
        Cause::StartDeadline => "It was not started before its deadline for starting.",
        Cause::OomKilled => {
            "The kernel ended the pod: the runtime itself or a sidecar used more memory than the pod has."
        }
        Cause::Evicted => "The node evicted the pod, was drained, or another pod took its place.",
        Cause::NodeLost => "The node does not answer any more.",
        Cause::PodDeleted => "Somebody else deleted the pod or its Job.",
        Cause::Unschedulable => "No node took the pod before `spec.kubernetes.startDeadline`.",
        Cause::ImagePull => "An image of the pod could not be pulled before `spec.kubernetes.startDeadline`.",
        Cause::PodRejected => {
            "The cluster refuses the pod as it is: admission, a LimitRange, a Secret that is not there."
        }
        Cause::DeadlineExceeded => "The Job's own deadline passed, and the runtime had not ended the attempt by then.",
        Cause::Internal => "wharf itself failed.",
    }
}
