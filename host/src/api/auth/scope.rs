use super::review::{Caller, Reviewer};
use super::rights::{GROUP, Right};
use crate::api::types::{ErrorBody, ErrorCode};
use crate::store::Tenants;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_core::plan::{Flow, Plan};

/// Questions about one caller at one time.
const AT_ONCE: usize = 8;
/// Longest name of a tenant, which is that of a namespace.
const LONGEST_NAME: usize = 63;

/// Whose things a request may be about.
#[derive(Clone)]
pub(crate) enum Scope {
    /// Everybody's.
    All,
    /// Those of tenants where the caller has a right.
    Where(Where),
}

/// See [`Scope::Where`].
#[derive(Clone)]
pub(crate) struct Where {
    reviewer: Arc<Reviewer>,
    caller: Arc<Caller>,
    right: Right,
    /// The config's.
    tenants: Vec<String>,
}

impl Scope {
    pub(super) fn of(reviewer: Arc<Reviewer>, caller: Arc<Caller>, right: Right, tenants: Vec<String>) -> Scope {
        Scope::Where(Where { reviewer, caller, right, tenants })
    }

    /// The tenants; where a flow is named with its tenant (`tenant/flow`), that tenant alone.
    ///
    /// # Errors
    /// The caller has the right there in none of them, or it cannot be found out.
    pub(crate) async fn tenants(&self, flow: Option<&str>) -> Result<Tenants, ErrorBody> {
        let Scope::Where(of) = self else { return Ok(Tenants::All) };
        let Where { reviewer, caller, right, tenants } = of;
        if let Some((tenant, _)) = flow.and_then(|name| name.split_once('/')) {
            // What no namespace can be called is no tenant either, and nothing to ask a cluster about: an empty name would
            // stand for all of them.
            if !is_name(tenant) {
                return Ok(Tenants::Only(BTreeSet::new()));
            }
            return match reviewer.may(caller, *right, Some(tenant)).await? {
                true => Ok(Tenants::Only([tenant.to_owned()].into())),
                false => Err(forbidden(caller, *right, Some(tenant))),
            };
        }
        if reviewer.may(caller, *right, None).await? {
            return Ok(Tenants::All);
        }
        let asked: Vec<_> = tenants.iter().cloned().map(|tenant| of.clone().ask(tenant)).collect();
        let found: Vec<Option<String>> =
            futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        let allowed: BTreeSet<String> = found.into_iter().flatten().collect();
        match allowed.is_empty() {
            true => Err(forbidden(caller, *right, None)),
            false => Ok(Tenants::Only(allowed)),
        }
    }

    /// The flow that a caller names, out of those that it may be about.
    ///
    /// # Errors
    /// As [`Scope::tenants`]; or there is no such flow there, or several.
    pub(crate) async fn flow(&self, plan: &Plan, name: &str) -> Result<Arc<Flow>, ErrorBody> {
        let tenants = self.tenants(Some(name)).await?;
        let found = plan.find_flow_of(name, |tenant| tenants.has(tenant));
        found.cloned().map_err(|fits| ErrorBody::no_flow(name, &fits))
    }
}

impl Where {
    /// The tenant, if the caller has the right there.
    async fn ask(self, tenant: String) -> Result<Option<String>, ErrorBody> {
        Ok(self.reviewer.may(&self.caller, self.right, Some(&tenant)).await?.then_some(tenant))
    }
}

/// Only what has passed the gate has one.
impl<S: Send + Sync> FromRequestParts<S> for Scope {
    type Rejection = ErrorBody;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Scope, ErrorBody> {
        let scope = parts.extensions.get::<Scope>().cloned();
        scope.ok_or_else(|| ErrorBody::internal("it was not worked out what this request may be about"))
    }
}

/// Somebody has not this right in a tenant's namespace; none: in no namespace, or not in the whole cluster.
pub(super) fn forbidden(caller: &Caller, right: Right, tenant: Option<&str>) -> ErrorBody {
    let name = caller.name();
    let (place, binding) = match tenant {
        Some(tenant) => (format!("in namespace `{tenant}`"), format!("a RoleBinding in namespace {tenant}")),
        None if right.is_cluster_wide() => ("in the cluster".to_owned(), "a ClusterRoleBinding".to_owned()),
        None => ("in the namespace of any tenant".to_owned(), "a RoleBinding in a tenant's namespace".to_owned()),
    };
    tracing::info!(user = name, %right, tenant, "refused");
    ErrorBody {
        code: ErrorCode::Forbidden,
        message: format!("`{name}` has not the right `{right}` (API group {GROUP}) {place}"),
        hint: Some(format!("{binding} to the ClusterRole {} gives it", right.role())),
    }
}

/// Whether a namespace can be called so.
fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_asked_only_of_names_that_a_namespace_can_have() {
        let check = |name: &str, expect: bool| assert_eq!(is_name(name), expect, "{name}");
        check("team-a", true);
        check("7", true);
        check(&"x".repeat(63), true);
        check("", false);
        check(&"x".repeat(64), false);
        check("Team", false);
        check("*", false);
        check("a/b", false);
        check("-a", false);
        check("a-", false);
        check("ä", false);
    }

    #[tokio::test]
    async fn a_request_that_passed_no_gate_has_no_scope() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        assert!(Scope::from_request_parts(&mut parts, &()).await.is_err());
        parts.extensions.insert(Scope::All);
        let scope = Scope::from_request_parts(&mut parts, &()).await.ok().unwrap();
        assert_eq!(scope.tenants(Some("a/b")).await.unwrap(), Tenants::All);
    }
}
