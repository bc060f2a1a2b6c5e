//! Which of several coordinators leads, and which of them stand by: by a Lease of the cluster, as Kubernetes' own components
//! are elected.
//!
//! The election says who may begin and who has to end. That what a leader of yesterday had under way changes nothing is not
//! its business: the store takes writes of the latest epoch only, and what comes late to the cluster is made harmless there
//! (see `executor::kubernetes`).

mod candidate;
mod election;
mod identity;
mod lease;
mod lost;
mod timing;

pub use candidate::Candidate;
pub use identity::new as identity;
pub use lost::{Lost, OnLost};
pub use timing::{Timing, TimingError};

/// How a coordinator stands for election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The Lease's name.
    pub name: String,
    /// Its namespace; none: that of the pod, or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// The periods.
    pub timing: Timing,
}
