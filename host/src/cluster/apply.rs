use super::error::explain;
use super::keys::KeyPair;
use super::object::{COMPONENT, Kind, MANAGED_BY, Object, SpaceRole, title};
use super::objects::{COMPILER, Objects};
use super::{ClusterError, diff};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{DynamicObject, params::ValidationDirective};
use kube::{Client, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Name under which the server notes which fields are wharf's.
const MANAGER: &str = "wharf";

/// How to apply.
#[derive(Debug, Clone, Copy, Default)]
pub struct Apply {
    /// Only ask the server what would come of it.
    pub dry_run: bool,
    /// Take over fields that others set.
    pub force: bool,
}

/// What was done, or would be, with one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Kind, namespace and name.
    pub object: String,
    /// What became of it.
    pub change: Change,
    /// The fields that change, a line each; a new object whole. No values of Secrets.
    pub lines: Vec<String>,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    Created,
    /// Fields of it changed.
    Changed,
    /// It was as it is to be.
    Unchanged,
    /// It was wharf's and is not in the configuration any more.
    Removed,
}

/// Brings a cluster to these objects, and makes the compiler's keys where there are none. One call after another, in order:
/// where one fails, what came before it stays, and a later call goes on.
///
/// A dry run cannot have the server look at objects of a namespace that is not there yet.
///
/// # Errors
/// The cluster cannot be reached, or refuses an object.
pub async fn apply(
    client: &Client,
    objects: &Objects,
    operator: &str,
    how: Apply,
) -> Result<Vec<Applied>, ClusterError> {
    let mut done = Vec::new();
    let mut absent = BTreeSet::new();
    for object in &objects.objects {
        let applied = one(client, object, how, &absent).await?;
        if object.kind == Kind::Namespace && applied.change == Change::Created && how.dry_run {
            absent.insert(object.name());
        }
        done.push(applied);
    }
    done.extend(keys(client, operator, how, &absent).await?);
    for namespace in objects.objects.iter().filter(|o| o.kind == Kind::Namespace) {
        if !absent.contains(namespace.name()) {
            prune(client, namespace.name(), objects, how, &mut done).await?;
        }
    }
    Ok(done)
}

/// Brings one object to what it is to be.
async fn one(client: &Client, object: &Object, how: Apply, absent: &BTreeSet<&str>) -> Result<Applied, ClusterError> {
    let (kind, name) = (object.kind, object.name());
    if object.namespace().is_some_and(|n| absent.contains(n)) {
        return Ok(applied(object, Change::Created, diff::lines(kind, None, &object.body)));
    }
    let api = kind.api(client, object.namespace());
    let live = api.get_opt(name).await.map_err(|e| explain(&format!("read {}", object.title()), e))?;
    let params = PatchParams {
        dry_run: how.dry_run,
        force: how.force,
        field_manager: Some(MANAGER.into()),
        field_validation: Some(ValidationDirective::Strict),
    };
    let next = api
        .patch(name, &params, &Patch::Apply(&object.body))
        .await
        .map_err(|e| explain(&format!("apply {}", object.title()), e))?;
    let lines = diff::lines(kind, live.as_ref().map(value).as_ref(), &value(&next));
    let change = match (&live, lines.is_empty()) {
        (None, _) => Change::Created,
        (Some(_), true) => Change::Unchanged,
        (Some(_), false) => Change::Changed,
    };
    Ok(applied(object, change, lines))
}

fn applied(object: &Object, change: Change, lines: Vec<String>) -> Applied {
    Applied { object: object.title(), change, lines }
}

fn value(object: &DynamicObject) -> Value {
    // A value that came as JSON goes as JSON.
    serde_json::to_value(object).unwrap_or_default()
}

/// The compiler's keys: made once, never overwritten, for what was compiled is signed with them. The ConfigMap follows.
async fn keys(
    client: &Client,
    operator: &str,
    how: Apply,
    absent: &BTreeSet<&str>,
) -> Result<Vec<Applied>, ClusterError> {
    let api = Kind::Secret.api(client, Some(operator));
    let shown = title(Kind::Secret, Some(operator), COMPILER);
    let found = match absent.contains(operator) {
        true => None,
        false => api.get_opt(COMPILER).await.map_err(|e| explain(&format!("read {shown}"), e))?,
    };
    let (pair, secret) = match found {
        Some(secret) => {
            let pair = KeyPair::of_secret(&secret.data["data"]).ok_or_else(|| {
                ClusterError::Refused(format!(
                    "{shown} holds no key pair of the compiler; delete it and apply again, and every component is compiled anew"
                ))
            })?;
            (pair, Applied { object: shown, change: Change::Unchanged, lines: Vec::new() })
        }
        None => {
            let pair = KeyPair::generate().map_err(|e| {
                ClusterError::Refused(format!("a key cannot be made: this system gives no randomness: {e}"))
            })?;
            let secret = pair.secret(operator);
            if !how.dry_run {
                // A create: had another made one meanwhile, that one would count and this fail.
                let object: DynamicObject = serde_json::from_value(secret.body.clone())
                    .map_err(|e| ClusterError::Refused(format!("{shown} cannot be written: {e}")))?;
                let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
                api.create(&params, &object).await.map_err(|e| explain(&format!("create {shown}"), e))?;
            }
            let lines = diff::lines(Kind::Secret, None, &secret.body);
            (pair, applied(&secret, Change::Created, lines))
        }
    };
    let config_map = pair.config_map(operator);
    if how.dry_run && secret.change == Change::Created {
        // This key is not the one that a real run makes.
        return Ok(vec![secret, applied(&config_map, Change::Created, Vec::new())]);
    }
    Ok(vec![secret, one(client, &config_map, how, absent).await?])
}

/// Takes away what an earlier configuration had in a namespace, for example a quota.
async fn prune(
    client: &Client,
    namespace: &str,
    objects: &Objects,
    how: Apply,
    done: &mut Vec<Applied>,
) -> Result<(), ClusterError> {
    let roles = [SpaceRole::Operator, SpaceRole::Tenant].map(SpaceRole::as_str).join(",");
    let selector = format!("{}={},{COMPONENT} in ({roles})", MANAGED_BY.0, MANAGED_BY.1);
    for kind in Kind::PRUNED {
        let api = kind.api(client, Some(namespace));
        let what = format!("list what wharf has in namespace {namespace}");
        let found = api.list(&ListParams::default().labels(&selector)).await.map_err(|e| explain(&what, e))?;
        for old in found {
            let name = old.name_any();
            let wanted = |o: &&Object| o.kind == kind && o.namespace() == Some(namespace) && o.name() == name;
            if objects.objects.iter().find(wanted).is_some() {
                continue;
            }
            let shown = title(kind, Some(namespace), &name);
            let mut params = DeleteParams::background();
            params.dry_run = how.dry_run;
            params.preconditions =
                old.uid().map(|uid| kube::api::Preconditions { uid: Some(uid), resource_version: None });
            match api.delete(&name, &params).await {
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                deleted => deleted.map_err(|e| explain(&format!("delete {shown}"), e))?,
            };
            done.push(Applied { object: shown, change: Change::Removed, lines: Vec::new() });
        }
    }
    Ok(())
}
