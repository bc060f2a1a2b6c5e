//! What the process tells of itself: its own log on standard error, and metrics.

mod metrics;
mod own_log;

pub use metrics::{AttemptEnd, Metrics, PoolUse};
pub use own_log::{LogFormat, init};
