//! Whether a tenant's quotas have room for one more attempt. Looking first spares creates that would be refused; what the
//! cluster then says is the truth in any case.

mod ask;
mod refusal;
mod scope;

pub(super) use ask::Ask;
pub(super) use refusal::shortage_in;

use k8s_openapi::api::core::v1::ResourceQuota;
use std::fmt;
use wharf_core::quantity::Amount;

/// What a quota lacks for one more attempt. Amounts as Kubernetes writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortage {
    /// Name of the ResourceQuota.
    pub(super) quota: String,
    /// As the quota names it, for example `limits.memory`.
    pub(super) resource: String,
    /// By the attempt.
    pub(super) requested: String,
    /// By everything in the namespace, with what we have in flight.
    pub(super) used: String,
    /// The quota's bound.
    pub(super) hard: String,
}

/// `waiting for quota tenant: limits.memory: 1Gi requested, 512Mi of 1Gi used`.
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { quota, resource, requested, used, hard } = self;
        write!(f, "waiting for quota {quota}: {resource}: {requested} requested, {used} of {hard} used")
    }
}

/// Whether every quota of a namespace has room for what is asked, beside what we made and the quotas do not count yet.
///
/// # Errors
/// The first shortage, by quota and resource in order of name.
pub(super) fn admits<'a>(
    quotas: impl IntoIterator<Item = &'a ResourceQuota>,
    in_flight: &[&Ask],
    ask: &Ask,
) -> Result<(), Shortage> {
    for quota in quotas {
        let status = quota.status.as_ref();
        // Until a quota has a status, its `spec.hard` is what it will enforce.
        let hard = status.and_then(|s| s.hard.as_ref()).or_else(|| quota.spec.as_ref().and_then(|s| s.hard.as_ref()));
        let used = status.and_then(|s| s.used.as_ref());
        for (resource, hard) in hard.into_iter().flatten() {
            let requested = ask.of_quota(quota, resource);
            let Ok(bound) = Amount::parse(&hard.0) else { continue };
            let used = used.and_then(|u| u.get(resource)).and_then(|q| Amount::parse(&q.0).ok()).unwrap_or_default();
            let used = used + in_flight.iter().map(|ask| ask.of_quota(quota, resource)).sum();
            // Who asks for nothing is refused by no quota, however far over its bound it is.
            if requested.is_positive() && used + requested > bound {
                return Err(Shortage {
                    quota: quota.metadata.name.clone().unwrap_or_default(),
                    resource: resource.clone(),
                    requested: requested.to_string(),
                    used: used.to_string(),
                    hard: hard.0.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
