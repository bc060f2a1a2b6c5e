//! What the process tells of itself: its own log on standard error, and metrics.

mod calls;
mod cluster;
mod exposition;
mod metrics;
mod own_log;
mod phases;
mod word;

pub use calls::{CountCalls, Counted};
pub use cluster::{ClusterMetrics, WatchBegins};
pub use exposition::Format;
pub use metrics::{AttemptEnd, Metrics, PoolUse};
pub use own_log::{LogFormat, init};
pub use phases::{AttemptPhase, PhaseTimes};
