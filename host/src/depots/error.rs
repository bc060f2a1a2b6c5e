use std::fmt;

/// Whose a store is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A tenant's.
    Tenant(String),
    /// The operator's: components, and what was compiled of them.
    Operator,
}

/// Why a store cannot be used. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepotsError {
    /// The config does not know the tenant.
    #[error("tenant `{0}` is not in the config any more, and where it keeps its artifacts with it")]
    UnknownTenant(String),
    /// The config says of no store.
    #[error("{0} has no artifact store: {at} says where it is", at = setting(.0))]
    NotConfigured(Owner),
    /// The store cannot be opened with what the config says.
    #[error("the artifact store of {owner} cannot be used: {source} (it is {at} of the config)", at = setting(.owner))]
    Unusable {
        /// Whose.
        owner: Owner,
        /// Why.
        source: wharf_depot::Error,
    },
    /// Another coordinator keeps its runs there.
    #[error(
        "the artifact store of {owner} belongs to the coordinator {theirs}, and this one is {ours}: give each coordinator a prefix of its own in {at}; where that coordinator is gone for good, remove the object `{key}` from the store, and what it left there is taken over",
        at = setting(.owner), key = super::mark::KEY
    )]
    NotOurs {
        /// Whose.
        owner: Owner,
        /// The coordinator that it belongs to.
        theirs: String,
        /// This one.
        ours: String,
    },
}

impl DepotsError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, DepotsError::Unusable { source, .. } if source.is_transient())
    }
}

/// The setting that says where the store is.
fn setting(owner: &Owner) -> &'static str {
    match owner {
        Owner::Tenant(_) => "`spec.artifactStore` of the Tenant",
        Owner::Operator => "`spec.kubernetes.artifactStore` of the Coordinator",
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Tenant(name) => write!(f, "tenant `{name}`"),
            Owner::Operator => f.write_str("the operator"),
        }
    }
}
