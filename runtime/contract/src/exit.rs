use crate::Cause;

/// Exit codes of `wharf-runtime`. The outcome itself is what a reader should trust; the code is a summary for shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The attempt succeeded.
    Success = 0,
    /// wharf itself failed, or there was an I/O error.
    Internal = 1,
    /// The command line or the invocation cannot be used.
    Usage = 2,
    /// The task failed by its own word: invalid input, retryable, permanent, or a command's exit code.
    TaskFailed = 10,
    /// The guest trapped.
    Trap = 11,
    /// A limit: memory, output, another resource.
    Limit = 12,
    /// The timeout passed.
    Timeout = 13,
    /// Cancelled.
    Cancelled = 14,
    /// The component needs what was not granted.
    NotGranted = 15,
    /// The component cannot be used: missing, invalid, of another digest, or not compilable within limits.
    Component = 16,
}

impl ExitCode {
    /// The exit code of an attempt that ended so.
    #[must_use]
    pub fn of(cause: Cause) -> ExitCode {
        match cause {
            Cause::Succeeded => ExitCode::Success,
            Cause::InvalidInput | Cause::Retryable | Cause::Permanent | Cause::ExitCode => ExitCode::TaskFailed,
            Cause::Trap => ExitCode::Trap,
            Cause::MemoryLimit | Cause::OutputLimit | Cause::ResourceLimit => ExitCode::Limit,
            Cause::Timeout | Cause::StartDeadline => ExitCode::Timeout,
            Cause::Cancelled => ExitCode::Cancelled,
            Cause::NotGranted => ExitCode::NotGranted,
            Cause::InvalidComponent | Cause::ComponentMissing | Cause::DigestMismatch | Cause::CompileLimit => {
                ExitCode::Component
            }
            // The runtime itself ends no attempt so: these are what others see of it.
            Cause::WorkerLost
            | Cause::OutcomeMissing
            | Cause::OomKilled
            | Cause::Evicted
            | Cause::NodeLost
            | Cause::PodDeleted
            | Cause::Unschedulable
            | Cause::ImagePull
            | Cause::PodRejected
            | Cause::DeadlineExceeded
            | Cause::Internal => ExitCode::Internal,
        }
    }
}
