//! Which attempt this is, how long it has, and whether it was asked to stop.

use crate::{TaskError, host};
use std::time::Duration;

/// Which attempt this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The tenant that owns the flow.
    pub tenant: String,
    /// The flow's name.
    pub flow: String,
    /// The task's name in its flow.
    pub task: String,
    /// The run's number.
    pub run: String,
    /// Position in the fan-out, from 0.
    pub item: Option<u32>,
    /// Number of this attempt, from 1.
    pub number: u32,
    /// The same for every attempt of one (run, task, item): what an outside system should deduplicate by.
    pub idempotency_key: String,
    /// RFC 3339, for a scheduled run: the tick that it stands for.
    pub scheduled_time: Option<String>,
    /// The partition that the task works on.
    pub partition: Option<Partition>,
    /// True where a coarse task runs over partitions of which some are not there yet.
    pub partial: bool,
}

/// One piece of a flow's data: a day, a month, a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// For example `2012-01-05`.
    pub key: String,
    /// RFC 3339, inclusive; none for a partition that is no interval of time.
    pub start: Option<String>,
    /// RFC 3339, exclusive.
    pub end: Option<String>,
}

/// Which attempt this is.
#[must_use]
pub fn attempt() -> Attempt {
    host::attempt()
}

/// How long until the attempt's timeout ends it; none if it has none.
#[must_use]
pub fn remaining() -> Option<Duration> {
    host::remaining().map(Duration::from_millis)
}

/// True once the attempt was asked to stop. A task that looks can still put its things in order.
#[must_use]
pub fn cancelled() -> bool {
    host::cancelled()
}

/// Ends a step of a long loop if the attempt was asked to stop.
///
/// # Errors
/// [`TaskError::Cancelled`].
///
/// ```
/// use wharf_task::{TaskError, context, testing::Host};
///
/// let host = Host::new();
/// assert_eq!(host.enter(context::check_cancelled), Ok(()));
/// host.cancel();
/// assert!(matches!(host.enter(context::check_cancelled), Err(TaskError::Cancelled(_))));
/// ```
pub fn check_cancelled() -> Result<(), TaskError> {
    if cancelled() { Err(TaskError::cancelled("asked to stop")) } else { Ok(()) }
}
