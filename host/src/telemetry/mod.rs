//! What the process tells of itself: its own log on standard error, and metrics.

mod cluster;
mod metrics;
mod own_log;
mod word;

pub use cluster::ClusterMetrics;
pub use metrics::{AttemptEnd, Metrics, PoolUse};
pub use own_log::{LogFormat, init};
