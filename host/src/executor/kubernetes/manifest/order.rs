use crate::executor::Failure;
use crate::executor::invocation::{limits, task_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wharf_contract::pod::{
    CompiledComponent, MAX_INLINE_ORDER, MAX_STORED_ORDER, PodInvocation, PodOrder, StoredObject, paths,
};
use wharf_contract::{Artifact, AttemptId, Cause, Component, Grants, Invocation, Mount, StoreLocation};
use wharf_core::action::Start;
use wharf_core::plan::{ArtifactStore, SecretRef, SecretSource, Task, Tenant};
use wharf_depot::{Digest, keys};

/// A key of a Secret of the tenant's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecretKey {
    /// The Secret.
    pub(super) name: String,
    /// The key.
    pub(super) key: String,
}

/// An order, and what has to be there before a pod can carry it out.
#[derive(Debug)]
pub(super) struct Placed {
    /// Value of the pod's annotation.
    pub(super) annotation: String,
    /// What it refers to, where it was too large.
    pub(super) upload: Option<Upload>,
}

/// An object that has to be put into the tenant's store before the Job is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::executor::kubernetes) struct Upload {
    /// Where, and what it has to be.
    pub(in crate::executor::kubernetes) object: StoredObject,
    /// Its content.
    pub(in crate::executor::kubernetes) bytes: Vec<u8>,
}

/// Names an attempt as pods and the store do.
///
/// # Errors
/// The flow has no such task, which is a fault of wharf.
pub(in crate::executor::kubernetes) fn id(start: &Start) -> Result<AttemptId, Failure> {
    let task = task_of(&start.flow, start.attempt)?.name.clone();
    Ok(AttemptId { run: start.attempt.run.0, task, item: start.attempt.item, attempt: start.attempt.attempt })
}

/// The tenant's store as its pods see it.
///
/// # Errors
/// It has none.
pub(in crate::executor::kubernetes) fn store(tenant: &Tenant) -> Result<(&ArtifactStore, StoreLocation), Failure> {
    let none = || format!("tenant `{}` has no `artifactStore`: attempts in a cluster need one", tenant.name);
    let store = tenant.artifact_store.as_ref().ok_or_else(|| Failure::new(Cause::Internal, none()))?;
    Ok((store, location(store)))
}

/// A store as pods see it.
pub(in crate::executor::kubernetes) fn location(store: &ArtifactStore) -> StoreLocation {
    match store {
        ArtifactStore::Object { location, .. } => location.clone(),
        ArtifactStore::Claim { .. } => StoreLocation::Folder { path: paths::STORE_VOLUME.into() },
    }
}

/// What the runtime in a pod is told of an attempt, and the Secrets that it needs as files: file name to key.
///
/// # Errors
/// How the attempt ends that cannot be started.
pub(super) fn invocation(
    start: &Start,
    tenant: &Tenant,
    compiled: &CompiledComponent,
    readable: &[Artifact],
) -> Result<(PodInvocation, BTreeMap<String, SecretKey>), Failure> {
    let task = task_of(&start.flow, start.attempt)?;
    let mut files = BTreeMap::new();
    let secret_env = secrets(tenant, &task.secret_env, &mut files)?;
    let secrets = secrets(tenant, &task.secrets, &mut files)?;
    let invocation = Invocation {
        id: id(start)?,
        context: start.context.clone(),
        component: Component { path: PathBuf::new(), digest: task.component.digest.clone() },
        entry: task.entry.clone(),
        input: start.input.clone(),
        timeout: task.timeout_us.map(|us| us.div_ceil(1000)),
        limits: limits(task, start.memory),
        grants: Grants {
            env: task.env.clone(),
            mounts: mounts(task),
            http: task.http.clone(),
            readable: readable.to_vec(),
            ..Grants::default()
        },
    };
    let (_, store) = store(tenant)?;
    Ok((PodInvocation { invocation, compiled: compiled.clone(), store, secret_env, secrets }, files))
}

/// A mount's source is the pod's volume of that name.
fn mounts(task: &Task) -> Vec<Mount> {
    let of = |mount: &wharf_core::plan::Mount| Mount { source: volume(&mount.volume), ..Mount::from(mount) };
    task.mounts.iter().map(of).collect()
}

/// Where a flow's volume is in the pod.
pub(super) fn volume(name: &str) -> PathBuf {
    Path::new(paths::VOLUMES).join(name)
}

/// Files of the pod that hold what is wanted. A file has the name that the tenant gives the secret.
fn secrets(
    tenant: &Tenant,
    wanted: &BTreeMap<String, SecretRef>,
    files: &mut BTreeMap<String, SecretKey>,
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut seen = BTreeMap::new();
    for (name, SecretRef { name: secret }) in wanted {
        let fault = |what: &str| {
            let why = format!("secret `{secret}` of tenant `{}` {what}: give it as `secretKeyRef`", tenant.name);
            Failure::new(Cause::NotGranted, why)
        };
        match tenant.secrets.get(secret) {
            Some(SecretSource::SecretKeyRef { name, key }) => {
                files.insert(secret.clone(), SecretKey { name: name.clone(), key: key.clone() });
            }
            Some(SecretSource::Env { .. } | SecretSource::File { .. }) => {
                return Err(fault("is on the coordinator's machine, where no pod can read it"));
            }
            None => return Err(fault("is not there")),
        }
        seen.insert(name.clone(), Path::new(paths::SECRETS).join(secret));
    }
    Ok(seen)
}

/// Puts an attempt's order into the annotation, or (too large for it) into the store.
///
/// # Errors
/// It is too large for the store as well.
pub(super) fn place(order: PodInvocation) -> Result<Placed, Failure> {
    let bytes = serde_json::to_vec(&order).map_err(|e| internal(&e.to_string()))?;
    if bytes.len() as u64 > MAX_STORED_ORDER {
        let why = format!("the input makes an order of {} bytes, over the bound of {MAX_STORED_ORDER}", bytes.len());
        return Err(Failure::new(Cause::InvalidInput, why));
    }
    let (id, store) = (order.invocation.id.clone(), order.store.clone());
    let inline = annotation(&PodOrder::Run(Box::new(order)))?;
    if inline.len() <= MAX_INLINE_ORDER {
        return Ok(Placed { annotation: inline, upload: None });
    }
    let object =
        StoredObject { key: keys::order(&id), digest: Digest::of(&bytes).to_string(), size: bytes.len() as u64 };
    let stored = annotation(&PodOrder::Stored { store, object: object.clone() })?;
    Ok(Placed { annotation: stored, upload: Some(Upload { object, bytes }) })
}

/// An order as the annotation holds it.
///
/// # Errors
/// It cannot be written as JSON, which is a fault of wharf.
pub(super) fn annotation(order: &PodOrder) -> Result<String, Failure> {
    serde_json::to_string(order).map_err(|e| internal(&e.to_string()))
}

fn internal(why: &str) -> Failure {
    Failure::new(Cause::Internal, format!("an order cannot be made: {why}"))
}
