use super::Owner;
use wharf_depot::Depot;

/// How volumes of a cluster are reached, which nobody mounts here.
pub trait Claims: std::fmt::Debug + Send + Sync + 'static {
    /// The store in a claim of its owner's namespace. Nothing is done before the first request.
    fn open(&self, owner: &Owner, claim_name: &str) -> Depot;
}
