//! Counts every call of the Kubernetes API where it leaves, whoever makes it and whatever becomes of it.

use super::ClusterMetrics;
use axum::http::{Method, Request, Response, Uri};
use futures_util::future::BoxFuture;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// What a call does, in the words of Kubernetes' rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
    /// With a method that Kubernetes has no word for.
    Other,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
            Verb::Other => "other",
        }
    }

    /// As the API server reads a request: <https://kubernetes.io/docs/reference/access-authn-authz/authorization/>, "Determine
    /// the request verb".
    fn of(method: &Method, uri: &Uri) -> Verb {
        let watches = uri.query().unwrap_or_default().split('&').any(|p| matches!(p, "watch=true" | "watch=1"));
        let all = is_collection(uri.path());
        match *method {
            Method::GET | Method::HEAD if all && watches => Verb::Watch,
            Method::GET | Method::HEAD if all => Verb::List,
            Method::GET | Method::HEAD => Verb::Get,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE if all => Verb::DeleteCollection,
            Method::DELETE => Verb::Delete,
            _ => Verb::Other,
        }
    }
}

/// Whether a path names all objects of a kind: `/api/v1/nodes`, `/apis/batch/v1/namespaces/a/jobs`.
fn is_collection(path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    let rest = match parts.next() {
        Some("api") => parts.next().map(|_| parts),
        Some("apis") => parts.nth(1).map(|_| parts),
        _ => None,
    };
    let rest: Vec<_> = rest.into_iter().flatten().collect();
    match rest.as_slice() {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest.len() == 1,
        rest => rest.len() == 1,
    }
}

/// Puts a counter before a client: to be its outermost layer, so that it sees paths as Kubernetes knows them.
#[derive(Debug, Clone)]
pub struct CountCalls(pub ClusterMetrics);

impl<S> Layer<S> for CountCalls {
    type Service = Counted<S>;

    fn layer(&self, service: S) -> Counted<S> {
        Counted { service, metrics: self.0.clone() }
    }
}

/// A service whose calls are counted.
#[derive(Debug, Clone)]
pub struct Counted<S> {
    service: S,
    metrics: ClusterMetrics,
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verb = Verb::of(request.method(), request.uri());
        let call = Call { metrics: self.metrics.clone(), verb, code: 0 };
        let answer = self.service.call(request);
        Box::pin(async move {
            // All of it, not the one field that is written: it counts where this is dropped.
            let mut call = call;
            let answer = answer.await;
            call.code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            answer
        })
    }
}

/// A call under way. It counts when it is over, also where nobody waits for its answer any more.
struct Call {
    metrics: ClusterMetrics,
    verb: Verb,
    code: u16,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.metrics.called(self.verb, self.code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::{pending, ready};

    #[test]
    fn a_call_has_the_verb_of_its_right() {
        for (method, uri, expect) in [
            ("GET", "/api/v1/nodes", "list"),
            ("GET", "/api/v1/nodes?watch=true&resourceVersion=7", "watch"),
            ("GET", "/api/v1/nodes?watch=false", "list"),
            ("GET", "/api/v1/nodes/n1", "get"),
            ("GET", "/api/v1/namespaces", "list"),
            ("GET", "/api/v1/namespaces/a", "get"),
            ("GET", "/api/v1/namespaces/a/pods?&limit=100", "list"),
            ("GET", "/api/v1/namespaces/a/pods?&labelSelector=a%3Db&watch=true", "watch"),
            ("GET", "/api/v1/namespaces/a/pods/p/log?follow=true", "get"),
            ("POST", "/apis/batch/v1/namespaces/a/jobs?", "create"),
            ("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/wharf", "update"),
            ("PATCH", "/api/v1/namespaces/a/pods/p", "patch"),
            ("DELETE", "/apis/batch/v1/namespaces/a/jobs/j", "delete"),
            ("DELETE", "/apis/batch/v1/namespaces/a/jobs", "deletecollection"),
            ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "create"),
            ("GET", "/apis/batch/v1/jobs", "list"),
            ("GET", "/version", "get"),
            ("GET", "/", "get"),
            ("OPTIONS", "/api/v1/nodes", "other"),
        ] {
            let (method, parsed) = (method.parse().unwrap(), uri.parse().unwrap());
            assert_eq!(Verb::of(&method, &parsed).as_str(), expect, "{method} {uri}");
        }
    }

    fn jobs() -> Request<()> {
        Request::post("/apis/batch/v1/namespaces/a/jobs").body(()).unwrap()
    }

    #[tokio::test]
    async fn each_call_counts_once_however_it_ends() {
        let metrics = ClusterMetrics::default();
        let layer = CountCalls(metrics.clone());
        let answers = |code: u16| {
            tower::service_fn(move |_: Request<()>| ready(Response::builder().status(code).body(()).map_err(|_| ())))
        };
        for code in [201, 429, 429] {
            layer.layer(answers(code)).call(jobs()).await.unwrap();
        }
        let mut broken =
            layer.layer(tower::service_fn(|_: Request<()>| ready(Err::<Response<()>, _>("no connection"))));
        broken.call(jobs()).await.unwrap_err();
        let silent = tower::service_fn(|_: Request<()>| pending::<Result<Response<()>, Infallible>>());
        let mut silent = layer.layer(silent);
        drop(silent.call(jobs()));
        let count = |code| metrics.calls(Verb::Create, code);
        assert_eq!([count(201), count(429), count(0)], [1, 2, 2]);
    }
}
