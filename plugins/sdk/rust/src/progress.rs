//! How far the task is, for whoever watches.

use crate::host;

/// Says that `done` units of `total` are done, and in words what is being done. May be called often; reports in
/// between may be left out.
///
/// ```
/// use wharf_task::{progress, testing::Host};
///
/// let host = Host::new();
/// host.enter(|| progress::report(3, Some(12), Some("March")));
/// assert_eq!(host.progress(), [(3, Some(12), Some("March".to_owned()))]);
/// ```
pub fn report(done: u64, total: Option<u64>, message: Option<&str>) {
    host::progress(done, total, message);
}
