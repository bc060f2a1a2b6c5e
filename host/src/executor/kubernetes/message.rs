use super::seen::Change;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;
use wharf_contract::{AttemptId, LogLine, Outcome};
use wharf_core::action::AttemptKey;

/// What watches and tasks tell the loop.
#[derive(Debug)]
pub enum FromCluster {
    /// What changed in a namespace, in order.
    Changed(Arc<str>, Changes),
    /// Nodes by name, and whether they are silent; none: gone.
    Nodes(Vec<(String, Option<bool>)>),
    /// How far the making of an attempt's Job is.
    Made(AttemptKey, Making),
    /// What the API server itself has of an attempt.
    Verified(AttemptKey, Option<Box<Job>>, Vec<Pod>),
    /// What an attempt wrote whose runtime left no word.
    Read(AttemptKey, Vec<LogLine>),
    /// What was left of an attempt is removed.
    Cleared(Arc<str>, AttemptId),
}

/// What changed in a namespace, in order.
#[derive(Debug)]
pub struct Changes(pub(super) Vec<Change>);

/// How far the making of a Job is.
#[derive(Debug)]
pub enum Making {
    /// It goes on, and waits for this.
    Trying(String),
    /// There is a Job with this UID.
    Made(String),
    /// A quota has no room for it.
    Short(String),
    /// It cannot be made.
    NotMade(Box<Outcome>),
    /// It was not made, as was asked.
    Withdrawn,
}
