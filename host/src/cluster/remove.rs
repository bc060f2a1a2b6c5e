use super::ClusterError;
use super::error::explain;
use super::object::{COMPONENT, Kind, MANAGED_BY, SpaceRole, title};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions::is_deleted};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use std::time::Duration;

/// How long the pods of a tenant may take to end: their grace is shorter.
const PODS_END: Duration = Duration::from_secs(120);
/// What keeps a pod until its outcome is recorded.
const FINALIZER: &str = "wharf.dev/outcome";

/// What to remove.
#[derive(Debug, Clone, Copy)]
pub struct Remove<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Also where Jobs run: they are stopped, and their outcomes lost.
    pub force: bool,
    /// Also the namespace, with whatever others put there: Secrets, claims.
    pub namespace: bool,
}

/// Takes a tenant's objects away: what carries wharf's label, no more. The coordinator's rights go first, and the fence of
/// policies and quota last, when no pod is left. Says what went.
///
/// # Errors
/// There is no such namespace or it is no tenant's of wharf, Jobs run, the cluster cannot be reached or refuses.
pub async fn remove(client: &Client, what: Remove<'_>) -> Result<Vec<String>, ClusterError> {
    let tenant = what.tenant;
    check(client, tenant).await?;
    let ours = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let jobs: Api<Job> = Api::namespaced(client.clone(), tenant);
    let pods: Api<Pod> = Api::namespaced(client.clone(), tenant);
    let list_jobs = || async { jobs.list(&ours).await.map_err(|e| explain(&format!("list Jobs of {tenant}"), e)) };
    let running = list_jobs().await?.into_iter().filter(runs).count();
    if running > 0 && !what.force {
        return Err(ClusterError::Refused(format!(
            "{running} Jobs of tenant `{tenant}` are not over; wait for them or cancel their runs, or stop them with --force"
        )));
    }
    let mut gone = Vec::new();
    for kind in [Kind::RoleBinding, Kind::Role] {
        sweep(client, tenant, kind, &mut gone).await?;
    }
    for job in list_jobs().await? {
        let name = job.name_any();
        ended(jobs.delete(&name, &DeleteParams::background()).await)
            .map_err(|e| explain(&format!("delete Job {tenant}/{name}"), e))?;
        gone.push(format!("Job {tenant}/{name}"));
    }
    let ending = end_pods(&pods, &ours, tenant);
    tokio::time::timeout(PODS_END, ending).await.map_err(|_| {
        ClusterError::Refused(format!(
            "pods of tenant `{tenant}` have not ended within {} s; see `kubectl get pods -n {tenant}`, and do it again",
            PODS_END.as_secs()
        ))
    })??;
    for kind in [Kind::NetworkPolicy, Kind::LimitRange, Kind::ResourceQuota, Kind::ServiceAccount] {
        sweep(client, tenant, kind, &mut gone).await?;
    }
    if what.namespace {
        let api = Kind::Namespace.api(client, None);
        ended(api.delete(tenant, &DeleteParams::default()).await)
            .map_err(|e| explain(&format!("delete namespace {tenant}"), e))?;
        gone.push(title(Kind::Namespace, None, tenant));
    }
    Ok(gone)
}

/// That the namespace is there and a tenant's.
async fn check(client: &Client, tenant: &str) -> Result<(), ClusterError> {
    let namespace = Kind::Namespace.api(client, None).get_opt(tenant).await;
    let namespace = namespace
        .map_err(|e| explain(&format!("read namespace {tenant}"), e))?
        .ok_or_else(|| ClusterError::NotFound(format!("the cluster has no namespace `{tenant}`")))?;
    let label = |name: &str| namespace.labels().get(name).map(String::as_str);
    match (label(MANAGED_BY.0), label(COMPONENT)) {
        (Some("wharf"), Some(role)) if role == SpaceRole::Tenant.as_str() => Ok(()),
        (Some("wharf"), Some(role)) if role == SpaceRole::Operator.as_str() => Err(ClusterError::Refused(format!(
            "namespace `{tenant}` is no tenant's but the operator's; if nothing needs it any more: kubectl delete namespace {tenant}"
        ))),
        _ => Err(ClusterError::Refused(format!(
            "namespace `{tenant}` does not carry the label {}={}; wharf did not make it a tenant's and leaves it alone",
            MANAGED_BY.0, MANAGED_BY.1
        ))),
    }
}

/// Whether it does work that would be lost: to serve a store is none.
fn runs(job: &Job) -> bool {
    job.labels().get(COMPONENT).is_none_or(|component| component != "store") && !is_over(job)
}

fn is_over(job: &Job) -> bool {
    let conditions = job.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.into_iter().any(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")
}

/// Lets the pods go and waits until they are gone.
async fn end_pods(pods: &Api<Pod>, ours: &ListParams, tenant: &str) -> Result<(), ClusterError> {
    loop {
        let found = pods.list(ours).await.map_err(|e| explain(&format!("list pods of {tenant}"), e))?;
        if found.items.is_empty() {
            return Ok(());
        }
        for pod in &found {
            let name = pod.name_any();
            let failed = |e| explain(&format!("delete pod {tenant}/{name}"), e);
            ended(pods.delete(&name, &DeleteParams::default()).await).map_err(failed)?;
            release(pods, pod).await.map_err(failed)?;
        }
        for pod in found {
            let uid = pod.uid().unwrap_or_default();
            await_condition(pods.clone(), &pod.name_any(), is_deleted(&uid)).await.map_err(|e| {
                ClusterError::Unreachable(format!("cannot watch the pods of {tenant}: {e}; do it again"))
            })?;
        }
    }
}

/// Takes wharf's finalizer from a pod, and no other's.
async fn release(pods: &Api<Pod>, pod: &Pod) -> kube::Result<()> {
    if !pod.finalizers().iter().any(|f| f == FINALIZER) {
        return Ok(());
    }
    // Takes the one value out of the list, whatever else has come into it.
    let patch = json!({ "metadata": { "uid": pod.uid(), "$deleteFromPrimitiveList/finalizers": [FINALIZER] } });
    ended(pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(&patch)).await)
}

/// Deletes what of a kind carries wharf's label.
async fn sweep(client: &Client, tenant: &str, kind: Kind, gone: &mut Vec<String>) -> Result<(), ClusterError> {
    let api = kind.api(client, Some(tenant));
    let selector = format!("{}={},{COMPONENT}={}", MANAGED_BY.0, MANAGED_BY.1, SpaceRole::Tenant.as_str());
    let found = api.list(&ListParams::default().labels(&selector)).await;
    for object in found.map_err(|e| explain(&format!("list {}s of {tenant}", kind.as_str()), e))? {
        let name = object.name_any();
        let shown = title(kind, Some(tenant), &name);
        ended(api.delete(&name, &DeleteParams::background()).await)
            .map_err(|e| explain(&format!("delete {shown}"), e))?;
        gone.push(shown);
    }
    Ok(())
}

/// What is gone already is well.
fn ended<T>(done: kube::Result<T>) -> kube::Result<()> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}
