use super::local;
use super::review::{Caller, Reviewer};
use super::rights::{Need, Right, Route};
use super::scope::{Scope, forbidden};
use super::token::Token;
use crate::api::extract::Id;
use crate::api::server::Shared;
use crate::api::types::{ErrorBody, ErrorCode};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;
use wharf_core::event::{BackfillId, RunId};

/// Who is let in, and to what.
#[derive(Clone)]
pub(crate) enum Gate {
    /// Everybody, to everything: whoever can open the socket owns the state folder.
    Owner,
    /// Every program of this machine, to everything.
    Machine,
    /// Those whom the cluster knows, to what it allows them.
    Cluster(Arc<Reviewer>),
}

/// Stands before a route.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) gate: Gate,
    pub(crate) route: Route,
    pub(crate) shared: Shared,
}

/// Lets a request through to its route, with the [`Scope`] that it has, or answers why not.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match guard.admit(&mut parts).await {
        Ok(scope) => {
            if let Some(scope) = scope {
                parts.extensions.insert(scope);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    }
}

impl Guard {
    /// What the request may be about, where that is left to its route; none where it is settled.
    async fn admit(&self, parts: &mut Parts) -> Result<Option<Scope>, ErrorBody> {
        let reviewer = match &self.gate {
            Gate::Owner => return Ok(Some(Scope::All)),
            Gate::Machine => return local::check(&parts.headers).map(|()| Some(Scope::All)),
            Gate::Cluster(reviewer) => reviewer,
        };
        let caller = reviewer.who(&Token::of(&parts.headers)?).await?;
        let (method, _, need) = self.route.entry();
        let scope = match need {
            Need::Token => None,
            Need::Cluster(right) => {
                if !reviewer.may(&caller, right, None).await? {
                    return Err(forbidden(&caller, right, None));
                }
                None
            }
            Need::Tenants(right) => {
                let tenants = self.shared.plan.borrow().tenants.keys().cloned().collect();
                Some(Scope::of(Arc::clone(reviewer), Arc::clone(&caller), right, tenants))
            }
            Need::Run(right) => {
                let Id(id) = Id::from_request_parts(parts, &()).await?;
                let run = self.shared.read(move |reads| Ok(reads.run(RunId(id))?)).await?;
                let tenant = run.map(|row| row.spec.flow.tenant);
                one(reviewer, &caller, right, &format!("run {id}"), tenant).await?;
                None
            }
            Need::Backfill(right) => {
                let Id(id) = Id::from_request_parts(parts, &()).await?;
                let backfill = self.shared.read(move |reads| Ok(reads.backfill(BackfillId(id))?)).await?;
                let tenant = backfill.map(|row| row.spec.flow.tenant);
                one(reviewer, &caller, right, &format!("backfill {id}"), tenant).await?;
                None
            }
        };
        if need.writes() {
            tracing::info!(user = caller.name(), request = %format_args!("{method} {}", parts.uri.path()), "asked for");
        }
        Ok(scope)
    }
}

/// Whether somebody may do something to one run or backfill, of this tenant if it is there.
///
/// What is not there and what is another tenant's look the same to whoever may not even list that tenant's; only who has the
/// right everywhere is told that there is none, by the route itself.
async fn one(
    reviewer: &Reviewer,
    caller: &Caller,
    right: Right,
    what: &str,
    tenant: Option<String>,
) -> Result<(), ErrorBody> {
    if reviewer.may(caller, right, tenant.as_deref()).await? {
        return Ok(());
    }
    if let Some(tenant) = &tenant
        && reviewer.may(caller, right.to_list(), Some(tenant)).await?
    {
        return Err(forbidden(caller, right, Some(tenant)));
    }
    tracing::info!(user = caller.name(), %right, what, "refused");
    Err(ErrorBody {
        code: ErrorCode::Forbidden,
        message: format!("there is no {what} of a tenant where `{}` has the right `{right}`", caller.name()),
        hint: Some(format!(
            "list what there is for you; for more, ask for a RoleBinding to the ClusterRole {} in the tenant's namespace",
            right.role()
        )),
    })
}
