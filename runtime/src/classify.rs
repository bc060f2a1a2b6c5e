use crate::Refusal;
use crate::bindings::wharf::task::types::{RetryHint, TaskError};
use crate::control::Stop;
use crate::sandbox::Stopped;
use wasmtime::Trap;
use wasmtime_wasi::{I32Exit, ResourceTableError};
use wharf_contract::{Cause, Outcome, Payload};

/// How a guest came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// A task returned.
    Task(Result<Payload, TaskError>),
    /// A command ended with a code, and what it goes into the outcome with where that is 0.
    Command(i32, Payload),
    /// It was ended by an error or a trap.
    Failed(wasmtime::Error),
    /// It was ended while it waited.
    Stopped(Stop),
    /// The runtime did not let it start, or could not keep what it returned.
    Refused(Refusal),
}

/// What else is known of the attempt.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Growth of memory was refused.
    pub memory_refused: bool,
    /// A write was refused.
    pub disk_refused: bool,
    /// Limit of memory in bytes, for the message.
    pub memory: u64,
    /// Limit of written bytes, for the message.
    pub disk: u64,
    /// The timeout in milliseconds, for the message.
    pub timeout: Option<u64>,
    /// It had been asked to stop.
    pub cancelled: bool,
    /// The end of its standard error.
    pub tail: String,
}

/// The outcome of an end: the one place where causes are decided.
pub(crate) fn classify(end: End, facts: &Facts) -> Outcome {
    match end {
        End::Task(Ok(output)) => Outcome::succeeded(output),
        End::Task(Err(error)) => task_error(error),
        End::Command(0, output) => Outcome { exit_code: Some(0), ..Outcome::succeeded(output) },
        End::Command(code, _) => exited(code, facts),
        End::Stopped(stop) => stopped(stop, facts),
        End::Refused(refusal) => refusal.into(),
        End::Failed(error) => failed(&error, facts),
    }
}

fn task_error(error: TaskError) -> Outcome {
    match error {
        TaskError::InvalidInput(m) => Outcome::failed(Cause::InvalidInput, m),
        TaskError::Retryable(RetryHint { message, after }) => {
            Outcome { retry_after: after, ..Outcome::failed(Cause::Retryable, message) }
        }
        TaskError::Permanent(m) => Outcome::failed(Cause::Permanent, m),
        TaskError::Cancelled(m) => Outcome::failed(Cause::Cancelled, m),
    }
}

fn exited(code: i32, facts: &Facts) -> Outcome {
    let outcome = limit(facts).unwrap_or_else(|| {
        let cause = if facts.cancelled { Cause::Cancelled } else { Cause::ExitCode };
        Outcome::failed(cause, with_tail(format!("the command exited with code {code}"), &facts.tail))
    });
    Outcome { exit_code: Some(code), ..outcome }
}

fn stopped(stop: Stop, facts: &Facts) -> Outcome {
    match stop {
        Stop::Timeout => {
            let ms = facts.timeout.unwrap_or_default();
            Outcome::failed(Cause::Timeout, format!("the task ran longer than its timeout of {ms} ms"))
        }
        Stop::Cancelled => Outcome::failed(Cause::Cancelled, "the task was cancelled"),
        Stop::Refused(refusal) => refusal.into(),
    }
}

fn failed(error: &wasmtime::Error, facts: &Facts) -> Outcome {
    if let Some(stopped_by) = error.downcast_ref::<Stopped>() {
        return stopped(stopped_by.0.clone(), facts);
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.clone().into();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return exited(exit.0, facts);
    }
    if let Some(outcome) = limit(facts) {
        return outcome;
    }
    if let Some(full) = error.downcast_ref::<ResourceTableError>()
        && matches!(full, ResourceTableError::Full)
    {
        return Outcome::failed(Cause::ResourceLimit, "the guest opened more handles than its limit");
    }
    let why = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "the guest overflowed its stack".to_owned(),
        Some(Trap::UnreachableCodeReached) => "the guest panicked or aborted".to_owned(),
        Some(trap) => format!("the guest trapped: {trap}"),
        None => format!("the guest trapped: {}", error.root_cause()),
    };
    Outcome::failed(Cause::Trap, with_tail(why, &facts.tail))
}

/// The limit that a guest ran into before it gave up.
fn limit(facts: &Facts) -> Option<Outcome> {
    if facts.memory_refused {
        let mib = facts.memory >> 20;
        let message = format!("the guest asked for more memory than its limit of {mib} MiB");
        return Some(Outcome::failed(Cause::MemoryLimit, with_tail(message, &facts.tail)));
    }
    if facts.disk_refused {
        let bytes = facts.disk;
        let message = format!("the guest wrote more than its limit of {bytes} bytes");
        return Some(Outcome::failed(Cause::OutputLimit, with_tail(message, &facts.tail)));
    }
    None
}

fn with_tail(mut message: String, tail: &str) -> String {
    if !tail.is_empty() {
        // The end of what it said is the closest to the cause.
        let room = Outcome::MAX_MESSAGE.saturating_sub(message.len() + 2);
        let from = tail.ceil_char_boundary(tail.len().saturating_sub(room));
        message.push_str(": ");
        message.push_str(&tail[from..]);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(end: End, facts: &Facts, cause: Cause, says: &str) -> Outcome {
        let outcome = classify(end, facts);
        assert_eq!(outcome.cause, cause, "{outcome:?}");
        assert!(outcome.message.contains(says), "{outcome:?}");
        outcome
    }

    fn trap(trap: Trap) -> End {
        End::Failed(trap.into())
    }

    #[test]
    fn what_the_task_says_stands() {
        let f = Facts { memory_refused: true, disk_refused: true, cancelled: true, ..Facts::default() };
        check(End::Task(Ok(Payload::null())), &f, Cause::Succeeded, "");
        check(End::Task(Err(TaskError::InvalidInput("no year".into()))), &f, Cause::InvalidInput, "no year");
        check(End::Task(Err(TaskError::Permanent("gone".into()))), &f, Cause::Permanent, "gone");
        check(End::Task(Err(TaskError::Cancelled("ok".into()))), &f, Cause::Cancelled, "ok");
        let hint = RetryHint { message: "busy".into(), after: Some(7) };
        let outcome = check(End::Task(Err(TaskError::Retryable(hint))), &f, Cause::Retryable, "busy");
        assert_eq!(outcome.retry_after, Some(7));
    }

    #[test]
    fn a_command_ends_by_its_code() {
        let f = Facts { tail: "no such file".into(), ..Facts::default() };
        assert_eq!(check(End::Command(0, Payload::null()), &f, Cause::Succeeded, "").exit_code, Some(0));
        let outcome = check(End::Failed(I32Exit(3).into()), &f, Cause::ExitCode, "code 3: no such file");
        assert_eq!(outcome.exit_code, Some(3));
        let f = Facts { memory_refused: true, memory: 8 << 20, ..Facts::default() };
        assert_eq!(check(End::Command(1, Payload::null()), &f, Cause::MemoryLimit, "8 MiB").exit_code, Some(1));
        let f = Facts { cancelled: true, ..Facts::default() };
        check(End::Command(143, Payload::null()), &f, Cause::Cancelled, "143");
    }

    #[test]
    fn a_trap_after_a_limit_is_the_limit() {
        let f = Facts { tail: "panicked at 'boom'".into(), ..Facts::default() };
        check(trap(Trap::UnreachableCodeReached), &f, Cause::Trap, "panicked at 'boom'");
        check(trap(Trap::StackOverflow), &f, Cause::Trap, "stack");
        check(trap(Trap::IntegerDivisionByZero), &f, Cause::Trap, "divide by zero");
        let f = Facts { memory_refused: true, memory: 1 << 20, ..Facts::default() };
        check(trap(Trap::UnreachableCodeReached), &f, Cause::MemoryLimit, "1 MiB");
        let f = Facts { disk_refused: true, disk: 99, ..Facts::default() };
        check(trap(Trap::UnreachableCodeReached), &f, Cause::OutputLimit, "99 bytes");
        check(End::Failed(ResourceTableError::Full.into()), &Facts::default(), Cause::ResourceLimit, "handles");
    }

    #[test]
    fn what_the_runtime_does_is_said_as_such_even_through_layers_of_context() {
        let f = Facts { memory_refused: true, timeout: Some(250), ..Facts::default() };
        let wrapped = |stop| End::Failed(wasmtime::Error::from(Stopped(stop)).context("wasm backtrace"));
        check(wrapped(Stop::Timeout), &f, Cause::Timeout, "250 ms");
        check(wrapped(Stop::Cancelled), &f, Cause::Cancelled, "cancelled");
        check(End::Stopped(Stop::Timeout), &f, Cause::Timeout, "250 ms");
        let refusal = Refusal::new(Cause::ResourceLimit, "random");
        check(wrapped(Stop::Refused(refusal.clone())), &f, Cause::ResourceLimit, "random");
        check(End::Failed(refusal.into()), &f, Cause::ResourceLimit, "random");
        check(End::Refused(Refusal::new(Cause::NotGranted, "host")), &f, Cause::NotGranted, "host");
    }

    #[test]
    fn the_end_of_a_long_tail_is_kept() {
        let f = Facts { tail: format!("{}é the end", "x".repeat(2000)), ..Facts::default() };
        let outcome = check(trap(Trap::UnreachableCodeReached), &f, Cause::Trap, "é the end");
        assert!(outcome.message.len() <= Outcome::MAX_MESSAGE);
    }
}
