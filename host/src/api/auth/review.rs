//! Asks the cluster whose a token is, and what its bearer may.

use super::cache::Cache;
use super::rights::{GROUP, Right};
use super::token::{Token, TokenKey, unauthorized};
use crate::api::types::ErrorBody;
use crate::clock;
use crate::coordinator::unavailable;
use axum::http::Request;
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use wharf_depot::chain;

/// Whom a token must be made for: one that is made for the API server, or for something else, is not taken.
pub(crate) const AUDIENCE: &str = "wharf";

/// How long an answer of the cluster counts.
const LASTS: Duration = Duration::from_secs(10);
/// Tokens whose answers are kept: those of users, and those that were refused.
const TOKENS: usize = 2_048;
/// Rights whose answers are kept.
const RIGHTS: usize = 16_384;
/// Questions at one time, so that whoever tries tokens keeps the API server no busier than that.
const AT_ONCE: usize = 16;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer in bytes.
const LARGEST: usize = 1 << 20;

/// Whoever a token belongs to.
#[derive(Debug)]
pub(crate) struct Caller {
    key: TokenKey,
    user: UserInfo,
}

impl Caller {
    /// The user's name in the cluster.
    pub(super) fn name(&self) -> &str {
        self.user.username.as_deref().unwrap_or_default()
    }
}

/// Whose right it is, which, and in which tenant's namespace.
type Asked = (TokenKey, Right, Option<String>);

/// Asks the cluster, and remembers its answers for [`LASTS`].
pub(crate) struct Reviewer {
    client: Client,
    known: Mutex<Cache<TokenKey, Arc<Caller>>>,
    unknown: Mutex<Cache<TokenKey, ()>>,
    rights: Mutex<Cache<Asked, bool>>,
    room: Semaphore,
}

impl Reviewer {
    pub(crate) fn new(client: Client) -> Reviewer {
        Reviewer {
            client,
            known: Mutex::new(Cache::new(TOKENS, LASTS)),
            unknown: Mutex::new(Cache::new(TOKENS, LASTS)),
            rights: Mutex::new(Cache::new(RIGHTS, LASTS)),
            room: Semaphore::new(AT_ONCE),
        }
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// It is nobody's, or not for wharf; or the cluster does not say.
    pub(super) async fn who(&self, token: &Token) -> Result<Arc<Caller>, ErrorBody> {
        let (key, now) = (token.key(), clock::monotonic());
        if let Some(caller) = lock(&self.known).get(&key, now) {
            return Ok(caller);
        }
        if lock(&self.unknown).get(&key, now).is_some() {
            return Err(stranger());
        }
        let spec = TokenReviewSpec { token: token.reveal().to_owned(), audiences: Some(vec![AUDIENCE.to_owned()]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer: TokenReview = self.ask("/apis/authentication.k8s.io/v1/tokenreviews", &review).await?;
        match user_of(answer) {
            Some(user) => {
                let caller = Arc::new(Caller { key, user });
                lock(&self.known).put(key, Arc::clone(&caller), clock::monotonic());
                Ok(caller)
            }
            None => {
                lock(&self.unknown).put(key, (), clock::monotonic());
                Err(stranger())
            }
        }
    }

    /// Whether somebody has a right in a tenant's namespace; none: in the whole cluster.
    ///
    /// # Errors
    /// The cluster does not say.
    pub(super) async fn may(&self, caller: &Caller, right: Right, tenant: Option<&str>) -> Result<bool, ErrorBody> {
        let key = (caller.key, right, tenant.map(str::to_owned));
        if let Some(answer) = lock(&self.rights).get(&key, clock::monotonic()) {
            return Ok(answer);
        }
        let review = SubjectAccessReview { spec: question(&caller.user, right, tenant), ..Default::default() };
        let answer: SubjectAccessReview =
            self.ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?;
        let allowed = answer.status.is_some_and(|s| s.allowed && s.denied != Some(true));
        lock(&self.rights).put(key, allowed, clock::monotonic());
        Ok(allowed)
    }

    /// Asks one question. Neither it nor its answer is logged: both hold the token.
    async fn ask<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, ErrorBody> {
        let failed = |why: String| {
            tracing::error!("the cluster does not say who asks, or what they may: POST {path}: {why}");
            unavailable("the cluster does not say who you are and what you may", "ask again when it answers")
        };
        let body = serde_json::to_vec(question).map_err(|_| failed("the question cannot be written".to_owned()))?;
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .map_err(|e| failed(e.to_string()))?;
        let asked = async {
            let _room = self.room.acquire().await.map_err(|e| e.to_string())?;
            let response = self.client.send(request).await.map_err(|e| chain(&e))?;
            let status = response.status();
            let bytes = Limited::new(response.into_body(), LARGEST).collect().await;
            let bytes = bytes.map_err(|_| "its answer breaks off, or is too long".to_owned())?.to_bytes();
            if !status.is_success() {
                return Err(refusal(status.as_u16(), &bytes));
            }
            serde_json::from_slice(&bytes).map_err(|_| "its answer cannot be read".to_owned())
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))).map_err(failed)
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody's token.
fn stranger() -> ErrorBody {
    unauthorized(format!("the cluster does not take the token: it has expired, or was not made for `{AUDIENCE}`"))
}

/// The user that a review found, if it found one, and looked at whom the token is for.
fn user_of(review: TokenReview) -> Option<UserInfo> {
    let status = review.status?;
    let ours = status.audiences.is_some_and(|all| all.iter().any(|a| a == AUDIENCE));
    let named = |user: &UserInfo| user.username.as_ref().is_some_and(|name| !name.is_empty());
    status.user.filter(|user| status.authenticated == Some(true) && ours && named(user))
}

fn question(user: &UserInfo, right: Right, tenant: Option<&str>) -> SubjectAccessReviewSpec {
    let (resource, part) = right.resource.parts();
    SubjectAccessReviewSpec {
        user: user.username.clone(),
        uid: user.uid.clone(),
        groups: user.groups.clone(),
        extra: user.extra.clone(),
        resource_attributes: Some(ResourceAttributes {
            group: Some(GROUP.to_owned()),
            version: Some("v1".to_owned()),
            resource: Some(resource.to_owned()),
            subresource: part.map(str::to_owned),
            verb: Some(right.verb.as_str().to_owned()),
            namespace: tenant.map(str::to_owned),
            ..ResourceAttributes::default()
        }),
        non_resource_attributes: None,
    }
}

/// What the API server said instead of an answer. Of what is no `Status` only the code is told.
fn refusal(code: u16, body: &[u8]) -> String {
    let said = serde_json::from_slice::<Status>(body).ok().filter(|s| !s.message.is_empty());
    match (code, said) {
        (403, Some(status)) => format!(
            "{}; `wharf cluster apply` gives the coordinator this right, and so does deploy/kubernetes",
            status.message
        ),
        (code, Some(status)) => format!("it answers {code}: {}", status.message),
        (code, None) => format!("it answers {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rights::{Resource, Verb};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_believed_only_if_it_was_made_for_wharf() {
        let check = |status: serde_json::Value, expect: Option<&str>| {
            let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
                "spec": {}, "status": status});
            let user = user_of(serde_json::from_value(review).unwrap());
            assert_eq!(user.and_then(|u| u.username).as_deref(), expect, "{status}");
        };
        let user = json!({"username": "ada", "groups": ["g"]});
        check(json!({"authenticated": true, "audiences": ["wharf"], "user": user}), Some("ada"));
        check(json!({"authenticated": true, "audiences": ["x", "wharf"], "user": user}), Some("ada"));
        // A server that knows nothing of audiences takes the API server's own tokens.
        check(json!({"authenticated": true, "user": user}), None);
        check(json!({"authenticated": true, "audiences": [], "user": user}), None);
        check(json!({"authenticated": true, "audiences": ["https://kubernetes.default.svc"], "user": user}), None);
        check(json!({"authenticated": false, "audiences": ["wharf"], "user": user}), None);
        check(json!({"audiences": ["wharf"], "user": user}), None);
        check(json!({"authenticated": true, "audiences": ["wharf"]}), None);
        check(json!({"authenticated": true, "audiences": ["wharf"], "user": {"username": ""}}), None);
        check(json!({"error": "expired"}), None);
    }

    #[test]
    fn a_right_is_asked_for_as_a_role_writes_it() {
        let user = UserInfo {
            username: Some("ada".into()),
            groups: Some(vec!["team".into()]),
            uid: Some("7".into()),
            extra: Some([("k".to_owned(), vec!["v".to_owned()])].into()),
        };
        let ask =
            |verb, resource, tenant| serde_json::to_value(question(&user, Right { verb, resource }, tenant)).unwrap();
        let expect = json!({
            "user": "ada", "groups": ["team"], "uid": "7", "extra": {"k": ["v"]},
            "resourceAttributes": {"group": "wharf.dev", "version": "v1", "resource": "runs", "subresource": "log",
                "verb": "get", "namespace": "team-a"},
        });
        assert_eq!(ask(Verb::Get, Resource::RunLog, Some("team-a")), expect);
        let expect = json!({"group": "wharf.dev", "version": "v1", "resource": "configs", "verb": "update"});
        assert_eq!(ask(Verb::Update, Resource::Configs, None)["resourceAttributes"], expect);
    }

    #[test]
    fn what_the_api_server_says_is_told_and_nothing_that_could_hold_the_token() {
        let status = |message: &str| {
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "message": message,
            "reason": "Forbidden", "code": 403})
            .to_string()
        };
        let check = |code, body: &str, expect: &str| assert_eq!(refusal(code, body.as_bytes()), expect);
        check(500, &status("etcd is away"), "it answers 500: etcd is away");
        check(502, "<html>Bearer hunter2", "it answers 502");
        assert!(refusal(403, status("tokenreviews is forbidden").as_bytes()).contains("; `wharf cluster apply`"));
    }
}
