//! Attempts as Jobs of a Kubernetes cluster: one Job for each attempt, in the namespace of its tenant.

mod deadline;
mod labels;
mod manifest;
mod names;
mod quota;
mod status;

use futures_util::future::BoxFuture;
use wharf_contract::{Cause, pod::CompiledComponent};
use wharf_core::plan::{Component, Tenant};

/// Where pods get compiled components from.
pub trait Compiled: Send + Sync {
    /// Sees to it that a component lies compiled in the tenant's store, and says where. Waits as long as compiling takes;
    /// any number of attempts may ask for the same one at the same time. Cheap where it was answered before.
    ///
    /// # Errors
    /// How the attempt that needs it ends, and why in words.
    fn get<'a>(
        &'a self,
        tenant: &'a Tenant,
        component: &'a Component,
    ) -> BoxFuture<'a, Result<CompiledComponent, (Cause, String)>>;
}
