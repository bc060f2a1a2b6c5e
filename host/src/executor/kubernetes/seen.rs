//! What the watches of one namespace show: of each object only what is looked at, so that memory is bounded by the number
//! of live attempts and not by the size of their pods.

use super::labels;
use super::manifest::FINALIZER;
use super::quota::{Ask, Shortage, admits};
use super::status::{Node, Observation, Seen, failed_create, observe, pod_warning};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod, PodSpec, ResourceQuota};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;
use wharf_contract::AttemptId;

/// Warnings of one namespace that are kept.
const MAX_WARNINGS: usize = 10_000;
/// Pods of one attempt that are kept: one, and a twin that should not be.
const MAX_PODS: usize = 4;

/// A change that a watch tells of.
#[derive(Debug)]
pub(crate) enum Change {
    /// A Job is so.
    Job(Box<Job>),
    /// A Job is gone.
    JobGone(Box<Job>),
    /// A pod is so.
    Pod(Box<Pod>),
    /// A pod is gone.
    PodGone(Box<Pod>),
    /// A quota is so.
    Quota(Box<ResourceQuota>),
    /// A quota is gone.
    QuotaGone(String),
    /// A warning about an object, by the object's UID.
    Warning(String, String),
    /// A list of all objects of a kind begins.
    Listing(Kind),
    /// It is complete: what was not in it is gone.
    Listed(Kind),
}

/// Kinds that are watched in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Jobs,
    Pods,
    Quotas,
    Warnings,
}

/// A namespace, as its watches show it.
#[derive(Debug, Default)]
pub(super) struct Space {
    objects: HashMap<AttemptId, Objects>,
    quotas: BTreeMap<String, ResourceQuota>,
    /// The latest warning about an object, by its UID.
    warnings: HashMap<String, String>,
    /// UIDs (of quotas: names) in a list that is under way.
    listing: HashMap<Kind, HashSet<String>>,
    /// Kinds of which everything was listed once.
    listed: HashSet<Kind>,
}

/// Objects of one attempt.
#[derive(Debug, Default)]
pub(super) struct Objects {
    job: Option<Box<Job>>,
    pods: Vec<Pod>,
    /// Whether it is known that there was, or is no more, a Job. A pod's watch may be ahead of its Job's.
    job_known: bool,
}

/// Stands for a Job that is there, as its pod shows, and that no watch has shown yet.
static UNSEEN: LazyLock<Job> = LazyLock::new(Job::default);

/// What remains of an attempt in the cluster.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Remains {
    /// Name and UID of its Job.
    pub(super) job: Option<(String, String)>,
    /// Names and UIDs of the pods that have the finalizer.
    pub(super) pods: Vec<(String, String)>,
}

impl Space {
    /// Takes in a change. Adds the attempts that it may be about to `touched`; says whether quotas changed.
    pub(super) fn apply(&mut self, change: Change, instance: &str, touched: &mut HashSet<AttemptId>) -> bool {
        match change {
            Change::Job(job) => {
                self.note(Kind::Jobs, &job.metadata);
                if let Some(id) = labels::attempt(job.metadata.labels.as_ref(), instance) {
                    let objects = self.objects.entry(id.clone()).or_default();
                    (objects.job, objects.job_known) = (Some(job), true);
                    touched.insert(id);
                }
            }
            Change::JobGone(job) => {
                if let Some(id) = labels::attempt(job.metadata.labels.as_ref(), instance) {
                    self.drop_job(&id, uid(&job.metadata));
                    touched.insert(id);
                }
            }
            Change::Pod(pod) => {
                self.note(Kind::Pods, &pod.metadata);
                if let Some(id) = labels::attempt(pod.metadata.labels.as_ref(), instance) {
                    self.objects.entry(id.clone()).or_default().put(*pod);
                    touched.insert(id);
                }
            }
            Change::PodGone(pod) => {
                if let Some(id) = labels::attempt(pod.metadata.labels.as_ref(), instance) {
                    self.drop_pod(&id, uid(&pod.metadata));
                    touched.insert(id);
                }
            }
            Change::Quota(quota) => {
                let name = quota.metadata.name.clone().unwrap_or_default();
                if let Some(seen) = self.listing.get_mut(&Kind::Quotas) {
                    seen.insert(name.clone());
                }
                self.quotas.insert(name, *quota);
                return true;
            }
            Change::QuotaGone(name) => {
                self.quotas.remove(&name);
                return true;
            }
            Change::Warning(uid, message) => {
                if self.warnings.len() < MAX_WARNINGS || self.warnings.contains_key(&uid) {
                    let about = self.objects.iter().find(|(_, o)| o.has(&uid)).map(|(id, _)| id.clone());
                    touched.extend(about);
                    self.warnings.insert(uid, message);
                }
            }
            Change::Listing(kind) => {
                self.listing.insert(kind, HashSet::new());
            }
            Change::Listed(kind) => {
                self.complete(kind, touched);
                return kind == Kind::Quotas;
            }
        }
        false
    }

    /// Whether all Jobs and pods were listed once, so that what is not here is not there.
    pub(super) fn is_complete(&self) -> bool {
        self.listed.contains(&Kind::Jobs) && self.listed.contains(&Kind::Pods)
    }

    /// Takes what the API server itself said of an attempt for what the watches should have shown. Of an object that a
    /// watch has shown meanwhile as it is by now, that stays: nothing else would tell of it again soon.
    pub(super) fn correct(&mut self, id: &AttemptId, job: Option<Box<Job>>, pods: Vec<Pod>) {
        let known = self.objects.remove(id).unwrap_or_default();
        let newer = |meta: &ObjectMeta, than: &ObjectMeta| uid(meta) == uid(than) && version(meta) > version(than);
        let job = job.map(|job| known.job.filter(|known| newer(&known.metadata, &job.metadata)).unwrap_or(job));
        let mut objects = Objects { job, pods: Vec::new(), job_known: true };
        pods.into_iter().for_each(|pod| objects.put(pod));
        for pod in known.pods {
            if objects.pods.iter().any(|said| newer(&pod.metadata, &said.metadata)) {
                objects.put(pod);
            }
        }
        self.objects.insert(id.clone(), objects);
        self.tidy(id);
    }

    /// What an attempt does. `owner` is the UID of its Job where it is known: pods of another one are not its pods.
    pub(super) fn observe(
        &self,
        id: &AttemptId,
        owner: Option<&str>,
        asked: bool,
        node: impl Fn(&str) -> Node,
    ) -> Observation {
        let Some(objects) = self.objects.get(id) else { return Observation::Gone };
        let job = objects.job.as_deref().filter(|job| owner.is_none_or(|owner| uid(&job.metadata) == owner));
        let pod = objects.pod(owner);
        let job = job.or_else(|| (pod.is_some() && !objects.job_known).then_some(&*UNSEEN));
        let warning = |uid: &str| self.warnings.get(uid).map(String::as_str);
        let on = pod.and_then(|p| p.spec.as_ref()?.node_name.as_deref());
        observe(&Seen {
            job,
            pod,
            failed_create: job.and_then(|job| warning(uid(&job.metadata))),
            warning: pod.and_then(|pod| warning(uid(&pod.metadata))),
            node: on.map(node).unwrap_or_default(),
            asked,
        })
    }

    /// The UID of an attempt's Job.
    pub(super) fn job_uid(&self, id: &AttemptId) -> Option<&str> {
        self.objects.get(id)?.job.as_ref().map(|job| uid(&job.metadata))
    }

    /// Whether an attempt has a pod.
    pub(super) fn has_pod(&self, id: &AttemptId) -> bool {
        self.objects.get(id).is_some_and(|o| !o.pods.is_empty())
    }

    /// Name of the pod with that UID, and the node that it is on.
    pub(super) fn pod(&self, id: &AttemptId, owner: Option<&str>) -> Option<(&str, Option<&str>)> {
        let pod = self.objects.get(id)?.pod(owner)?;
        Some((pod.metadata.name.as_deref()?, pod.spec.as_ref().and_then(|s| s.node_name.as_deref())))
    }

    /// What there is of an attempt that a coordinator of this epoch may remove; none where there is nothing. What a later
    /// coordinator made is that one's, and this one does not know what it is for.
    pub(super) fn remains(&self, id: &AttemptId, epoch: u64) -> Option<Remains> {
        let objects = self.objects.get(id)?;
        let named = |meta: &ObjectMeta| Some((meta.name.clone()?, meta.uid.clone()?));
        let ours = |meta: &ObjectMeta| labels::epoch(meta.labels.as_ref()) <= epoch;
        let held = |pod: &&Pod| ours(&pod.metadata) && pod.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER);
        let pods: Vec<_> = objects.pods.iter().filter(held).filter_map(|pod| named(&pod.metadata)).collect();
        // A Job that is being deleted needs no second word.
        let stays = |job: &&Job| ours(&job.metadata) && job.metadata.deletion_timestamp.is_none();
        let job = objects.job.as_deref().filter(stays);
        let remains = Remains { job: job.and_then(|job| named(&job.metadata)), pods };
        (remains != Remains::default()).then_some(remains)
    }

    /// Attempts that have anything in the namespace.
    #[cfg(test)]
    pub(super) fn attempts(&self) -> impl Iterator<Item = &AttemptId> {
        self.objects.keys()
    }

    /// Whether the quotas have room for what is asked, beside what is in flight.
    pub(super) fn admits<'a>(&self, in_flight: impl Iterator<Item = &'a Ask>, ask: &Ask) -> Result<(), Shortage> {
        if self.quotas.is_empty() {
            return Ok(());
        }
        admits(self.quotas.values(), &in_flight.collect::<Vec<_>>(), ask)
    }

    /// Whether there are any quotas.
    pub(super) fn has_quotas(&self) -> bool {
        !self.quotas.is_empty()
    }

    fn note(&mut self, kind: Kind, meta: &ObjectMeta) {
        if let Some(seen) = self.listing.get_mut(&kind) {
            seen.insert(uid(meta).to_owned());
        }
    }

    fn complete(&mut self, kind: Kind, touched: &mut HashSet<AttemptId>) {
        self.listed.insert(kind);
        let seen = self.listing.remove(&kind).unwrap_or_default();
        match kind {
            Kind::Jobs => {
                for (id, objects) in &mut self.objects {
                    if objects.job.as_ref().is_some_and(|job| !seen.contains(uid(&job.metadata))) {
                        objects.job = None;
                        touched.insert(id.clone());
                    }
                }
            }
            Kind::Pods => {
                for (id, objects) in &mut self.objects {
                    let before = objects.pods.len();
                    objects.pods.retain(|pod| seen.contains(uid(&pod.metadata)));
                    if objects.pods.len() < before {
                        touched.insert(id.clone());
                    }
                }
            }
            Kind::Quotas => self.quotas.retain(|name, _| seen.contains(name)),
            Kind::Warnings => {
                let Space { objects, warnings, .. } = self;
                let known: HashSet<&str> = objects.values().flat_map(Objects::uids).collect();
                warnings.retain(|uid, _| known.contains(uid.as_str()));
            }
        }
        self.objects.retain(|_, objects| objects.job.is_some() || !objects.pods.is_empty());
    }

    fn drop_job(&mut self, id: &AttemptId, gone: &str) {
        if let Some(objects) = self.objects.get_mut(id)
            && objects.job.as_ref().is_some_and(|job| uid(&job.metadata) == gone)
        {
            objects.job = None;
        }
        self.warnings.remove(gone);
        self.tidy(id);
    }

    fn drop_pod(&mut self, id: &AttemptId, gone: &str) {
        if let Some(objects) = self.objects.get_mut(id) {
            objects.pods.retain(|pod| uid(&pod.metadata) != gone);
        }
        self.warnings.remove(gone);
        self.tidy(id);
    }

    fn tidy(&mut self, id: &AttemptId) {
        if self.objects.get(id).is_some_and(|o| o.job.is_none() && o.pods.is_empty()) {
            self.objects.remove(id);
        }
    }
}

impl Objects {
    fn put(&mut self, pod: Pod) {
        let known = self.pods.iter().position(|p| uid(&p.metadata) == uid(&pod.metadata));
        match known {
            Some(at) => self.pods[at] = pod,
            None if self.pods.len() < MAX_PODS => self.pods.push(pod),
            None => {}
        }
    }

    /// The newest pod of that Job; of any where none is known.
    fn pod(&self, owner: Option<&str>) -> Option<&Pod> {
        let owns = |pod: &Pod| {
            owner.is_none_or(|owner| pod.metadata.owner_references.iter().flatten().any(|r| r.uid == owner))
        };
        let newest = |pod: &&Pod| pod.metadata.creation_timestamp.as_ref().map(|t| t.0);
        self.pods.iter().filter(|pod| owns(pod)).max_by_key(newest)
    }

    fn uids(&self) -> impl Iterator<Item = &str> {
        self.job.iter().map(|job| uid(&job.metadata)).chain(self.pods.iter().map(|pod| uid(&pod.metadata)))
    }

    fn has(&self, wanted: &str) -> bool {
        self.uids().any(|uid| uid == wanted)
    }
}

fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

/// Which of two states of an object is the later one: since 1.35 Kubernetes promises that these numbers tell, and etcd's
/// revisions always did.
fn version(meta: &ObjectMeta) -> Option<u64> {
    meta.resource_version.as_deref()?.parse().ok()
}

/// Drops of a Job what nothing looks at.
pub(super) fn slim_job(job: &mut Job) {
    slim(&mut job.metadata);
    job.spec = None;
    if let Some(status) = &mut job.status {
        status.uncounted_terminated_pods = None;
    }
}

/// Drops of a pod what nothing looks at: most of it.
pub(super) fn slim_pod(pod: &mut Pod) {
    slim(&mut pod.metadata);
    if let Some(spec) = &mut pod.spec {
        *spec = PodSpec { node_name: spec.node_name.take(), ..PodSpec::default() };
    }
    if let Some(status) = &mut pod.status {
        (status.host_ips, status.pod_ips, status.resource_claim_statuses) = (None, None, None);
        (status.ephemeral_container_statuses, status.extended_resource_claim_status) = (None, None);
        let containers = status.container_statuses.iter_mut().chain(&mut status.init_container_statuses).flatten();
        for container in containers {
            (container.volume_mounts, container.resources, container.allocated_resources) = (None, None, None);
            (container.user, container.last_state) = (None, None);
        }
    }
}

fn slim(meta: &mut ObjectMeta) {
    let owners: Vec<OwnerReference> = meta.owner_references.take().unwrap_or_default();
    *meta = ObjectMeta {
        name: meta.name.take(),
        uid: meta.uid.take(),
        resource_version: meta.resource_version.take(),
        labels: meta.labels.take(),
        finalizers: meta.finalizers.take(),
        creation_timestamp: meta.creation_timestamp.take(),
        deletion_timestamp: meta.deletion_timestamp.take(),
        owner_references: (!owners.is_empty()).then_some(owners),
        ..ObjectMeta::default()
    };
}

/// What a warning is about and says, where it says why an attempt does not start.
pub(super) fn warning(event: &Event) -> Option<Change> {
    let (uid, message) = failed_create(event).or_else(|| pod_warning(event))?;
    Some(Change::Warning(uid.to_owned(), message.to_owned()))
}

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
