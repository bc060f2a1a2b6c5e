use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a coordinator that led may not act any more. There is no way back for it: its process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// The Lease could not be renewed: by the time others may take it, this one must have stopped.
    NotRenewed {
        /// The renew deadline.
        within: Duration,
    },
    /// The Lease is somebody else's.
    Taken {
        /// Whose; none: nobody's.
        by: Option<String>,
    },
    /// The store takes writes of a later leader only.
    Deposed,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this coordinator does not lead any more, and ends: ")?;
        match self {
            Lost::NotRenewed { within } => write!(f, "its Lease could not be renewed within {within:?}"),
            Lost::Taken { by: Some(by) } => write!(f, "its Lease is held by {by}"),
            Lost::Taken { by: None } => f.write_str("its Lease was taken away from it"),
            Lost::Deposed => f.write_str("the store belongs to a later leader"),
        }
    }
}

/// What is done about it, at once and from whichever thread notices: to end the process, before anything else is written
/// anywhere.
#[derive(Clone)]
pub struct OnLost(Arc<dyn Fn(&Lost) + Send + Sync>);

impl OnLost {
    /// `end` should not return.
    pub fn new(end: impl Fn(&Lost) + Send + Sync + 'static) -> OnLost {
        OnLost(Arc::new(end))
    }

    /// Does it.
    pub(crate) fn call(&self, why: &Lost) {
        (self.0)(why);
    }
}

impl Default for OnLost {
    /// Only says so: for a coordinator that no other one can take the place of.
    fn default() -> OnLost {
        OnLost::new(|why| tracing::error!("{why}"))
    }
}

impl fmt::Debug for OnLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnLost")
    }
}
