use axum::http::Method;
use std::fmt;

/// API group of the resources that rights are about.
pub(crate) const GROUP: &str = "wharf.dev";

/// Everything that the API answers. Closed: a router is made of these and of nothing else, so that none can be without an
/// entry in the table of [`Route::entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Live,
    Ready,
    Metrics,
    Flows,
    Ticks,
    Reload,
    Runs,
    CreateRun,
    Run,
    WatchRun,
    Logs,
    Artifacts,
    Artifact,
    CancelRun,
    RetryRun,
    Backfills,
    CreateBackfill,
    Backfill,
    WatchBackfill,
    CancelBackfill,
}

/// What a request needs before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be known.
    Token,
    /// A right in the whole cluster.
    Cluster(Right),
    /// A right in the namespace of the tenant whose run the path names.
    Run(Right),
    /// A right in the namespace of the tenant whose backfill the path names.
    Backfill(Right),
    /// A right in the namespace of the tenant whose flow is named. Where none is: in any tenant's, and the answer is about
    /// those tenants alone.
    Tenants(Right),
}

/// What a Role can allow: a verb on a resource of the group [`GROUP`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Right {
    pub(crate) verb: Verb,
    pub(crate) resource: Resource,
}

/// As Kubernetes names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    List,
    Create,
    Update,
}

/// What rights are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Flows,
    Runs,
    RunLog,
    Artifacts,
    Backfills,
    Configs,
}

impl Route {
    /// All of them.
    pub(crate) const ALL: [Route; 20] = [
        Route::Live,
        Route::Ready,
        Route::Metrics,
        Route::Flows,
        Route::Ticks,
        Route::Reload,
        Route::Runs,
        Route::CreateRun,
        Route::Run,
        Route::WatchRun,
        Route::Logs,
        Route::Artifacts,
        Route::Artifact,
        Route::CancelRun,
        Route::RetryRun,
        Route::Backfills,
        Route::CreateBackfill,
        Route::Backfill,
        Route::WatchBackfill,
        Route::CancelBackfill,
    ];

    /// How it is asked for, and what that needs.
    pub(crate) fn entry(self) -> (Method, &'static str, Need) {
        use Need::{Backfill, Cluster, Run, Tenants, Token};
        use Resource::{Artifacts, Backfills, Configs, Flows, RunLog, Runs};
        use Verb::{Create, Get, List, Update};
        let may = |verb, resource| Right { verb, resource };
        match self {
            Route::Live => (Method::GET, "/v1/health/live", Token),
            Route::Ready => (Method::GET, "/v1/health/ready", Cluster(may(Get, Configs))),
            Route::Metrics => (Method::GET, "/metrics", Cluster(may(Get, Configs))),
            Route::Flows => (Method::GET, "/v1/flows", Tenants(may(List, Flows))),
            Route::Ticks => (Method::GET, "/v1/ticks", Tenants(may(Get, Flows))),
            Route::Reload => (Method::POST, "/v1/reload", Cluster(may(Update, Configs))),
            Route::Runs => (Method::GET, "/v1/runs", Tenants(may(List, Runs))),
            Route::CreateRun => (Method::POST, "/v1/runs", Tenants(may(Create, Runs))),
            Route::Run => (Method::GET, "/v1/runs/{id}", Run(may(Get, Runs))),
            Route::WatchRun => (Method::GET, "/v1/runs/{id}/watch", Run(may(Get, Runs))),
            Route::Logs => (Method::GET, "/v1/runs/{id}/logs", Run(may(Get, RunLog))),
            Route::Artifacts => (Method::GET, "/v1/runs/{id}/artifacts", Run(may(Get, Artifacts))),
            Route::Artifact => (Method::GET, "/v1/runs/{id}/artifacts/content", Run(may(Get, Artifacts))),
            Route::CancelRun => (Method::POST, "/v1/runs/{id}/cancel", Run(may(Update, Runs))),
            Route::RetryRun => (Method::POST, "/v1/runs/{id}/retry", Run(may(Update, Runs))),
            Route::Backfills => (Method::GET, "/v1/backfills", Tenants(may(List, Backfills))),
            Route::CreateBackfill => (Method::POST, "/v1/backfills", Tenants(may(Create, Backfills))),
            Route::Backfill => (Method::GET, "/v1/backfills/{id}", Backfill(may(Get, Backfills))),
            Route::WatchBackfill => (Method::GET, "/v1/backfills/{id}/watch", Backfill(may(Get, Backfills))),
            Route::CancelBackfill => (Method::POST, "/v1/backfills/{id}/cancel", Backfill(may(Update, Backfills))),
        }
    }
}

impl Need {
    /// Whether what is asked for changes something.
    pub(super) fn writes(self) -> bool {
        match self {
            Need::Token => false,
            Need::Cluster(right) | Need::Run(right) | Need::Backfill(right) | Need::Tenants(right) => {
                matches!(right.verb, Verb::Create | Verb::Update)
            }
        }
    }
}

impl Right {
    /// Whether it is about the coordinator itself, and of no namespace.
    pub(super) fn is_cluster_wide(self) -> bool {
        self.resource == Resource::Configs
    }

    /// The right to know that there is such a thing in a tenant.
    pub(super) fn to_list(self) -> Right {
        let resource = match self.resource {
            Resource::Runs | Resource::RunLog | Resource::Artifacts => Resource::Runs,
            same @ (Resource::Flows | Resource::Backfills | Resource::Configs) => same,
        };
        Right { verb: Verb::List, resource }
    }

    /// The ClusterRole of wharf's own that holds it.
    pub(super) fn role(self) -> &'static str {
        match (self.resource, self.verb) {
            (Resource::Configs, _) => "wharf-operator",
            (_, Verb::Create | Verb::Update) => "wharf-editor",
            (_, Verb::Get | Verb::List) => "wharf-viewer",
        }
    }
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Create => "create",
            Verb::Update => "update",
        }
    }
}

impl Resource {
    /// The resource and, where it is about a part of one, that part: as a Role writes `runs/log`.
    pub(crate) fn parts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Resource::Flows => ("flows", None),
            Resource::Runs => ("runs", None),
            Resource::RunLog => ("runs", Some("log")),
            Resource::Artifacts => ("artifacts", None),
            Resource::Backfills => ("backfills", None),
            Resource::Configs => ("configs", None),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (resource, None) => f.write_str(resource),
            (resource, Some(part)) => write!(f, "{resource}/{part}"),
        }
    }
}

/// `get runs/log`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.as_str(), self.resource)
    }
}

#[cfg(test)]
mod tests;
