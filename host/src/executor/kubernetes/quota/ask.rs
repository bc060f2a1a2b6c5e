use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Affinity, Container, PodSpec, ResourceQuota, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use wharf_core::pod::{DEFAULT_LIMITS, DEFAULT_REQUESTS};
use wharf_core::quantity::Amount;

type Amounts = BTreeMap<String, Amount>;

/// What a Job and its pod ask of quotas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::executor::kubernetes) struct Ask {
    /// What the pod asks, by the name that a quota has for it.
    pub(super) pod: Amounts,
    /// What the Job asks: it counts itself.
    pub(super) job: Amounts,
    /// What decides which scopes the pod is of.
    pub(super) traits: Traits,
}

/// What decides which scopes a pod is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// Whether the pod (not only its Job) has a deadline.
    pub(super) terminating: bool,
    /// Whether no container asks for cpu or memory.
    pub(super) best_effort: bool,
    pub(super) priority_class: Option<String>,
    pub(super) cross_namespace_affinity: bool,
}

impl Ask {
    /// What a Job of one pod asks, with the defaults of the LimitRange that a tenant's namespace has. The overhead and the
    /// default priority of classes are not in it.
    pub(in crate::executor::kubernetes) fn of(job: &Job) -> Ask {
        let spec = job.spec.as_ref().and_then(|job| job.template.spec.as_ref());
        let one = |name: &str| (name.to_owned(), Amount::ONE);
        let job = BTreeMap::from([one("count/jobs.batch")]);
        let Some(spec) = spec else { return Ask { job, ..Ask::default() } };
        let mut pod = BTreeMap::from([one("count/pods"), one("pods")]);
        for (resource, amount) in whole_pod(spec, requests) {
            if matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage") {
                pod.insert(resource.clone(), amount);
            }
            pod.insert(format!("requests.{resource}"), amount);
        }
        for (resource, amount) in whole_pod(spec, limits) {
            pod.insert(format!("limits.{resource}"), amount);
        }
        let claims = |c: &Container| {
            c.resources.as_ref().is_some_and(|r| has_compute(r.requests.as_ref()) || has_compute(r.limits.as_ref()))
        };
        let inits = spec.init_containers.iter().flatten();
        let traits = Traits {
            terminating: spec.active_deadline_seconds.is_some(),
            best_effort: !spec.containers.iter().chain(inits).any(claims),
            priority_class: spec.priority_class_name.clone(),
            cross_namespace_affinity: spec.affinity.as_ref().is_some_and(crosses_namespaces),
        };
        Ask { pod, job, traits }
    }

    /// How much of a resource it asks of a quota that has these scopes.
    pub(super) fn of_quota(&self, quota: &ResourceQuota, resource: &str) -> Amount {
        let scoped = quota.spec.as_ref().is_some_and(|s| s.scopes.is_some() || s.scope_selector.is_some());
        let job = if scoped { None } else { self.job.get(resource) };
        let pod = self.pod.get(resource).filter(|_| super::scope::covers(quota, &self.traits));
        job.or(pod).copied().unwrap_or_default()
    }
}

fn has_compute(list: Option<&BTreeMap<String, Quantity>>) -> bool {
    let amounts = list.into_iter().flatten().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory"));
    amounts.filter_map(|(_, q)| Amount::parse(&q.0).ok()).any(Amount::is_positive)
}

/// Requests are limits where only those are given: the API server fills them in so. What is not said at all, the LimitRange
/// of the namespace says. Its default limit of cpu is there only where a quota counts that, and only then is it looked at.
fn requests(resources: Option<&ResourceRequirements>) -> Amounts {
    let mut all = defaults(&DEFAULT_REQUESTS);
    all.extend(amounts(resources.and_then(|r| r.limits.as_ref())));
    all.extend(amounts(resources.and_then(|r| r.requests.as_ref())));
    all
}

fn limits(resources: Option<&ResourceRequirements>) -> Amounts {
    let mut all = defaults(&DEFAULT_LIMITS);
    all.extend(amounts(resources.and_then(|r| r.limits.as_ref())));
    all
}

fn defaults(of: &wharf_core::pod::Amounts) -> Amounts {
    let texts =
        [("memory", of.memory.to_string()), ("cpu", of.cpu.to_string()), ("ephemeral-storage", of.storage.to_string())];
    texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Amount::parse(&text).ok()?))).collect()
}

fn amounts(list: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    list.into_iter().flatten().filter_map(|(name, q)| Some((name.clone(), Amount::parse(&q.0).ok()?))).collect()
}

/// A pod's sum as Kubernetes counts it: containers and sidecars run together; each init container runs alone beside the
/// sidecars that were started before it; the larger of both counts.
fn whole_pod(spec: &PodSpec, of: fn(Option<&ResourceRequirements>) -> Amounts) -> Amounts {
    let of = |c: &Container| of(c.resources.as_ref());
    let (mut sidecars, mut highest) = (Amounts::new(), Amounts::new());
    for init in spec.init_containers.iter().flatten() {
        if init.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &of(init));
            raise(&mut highest, &sidecars);
        } else {
            let mut beside = sidecars.clone();
            add(&mut beside, &of(init));
            raise(&mut highest, &beside);
        }
    }
    let mut together = sidecars;
    for container in &spec.containers {
        add(&mut together, &of(container));
    }
    raise(&mut together, &highest);
    together
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.entry(name.clone()).or_default();
        *sum = *sum + *amount;
    }
}

fn raise(to: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        let highest = to.entry(name.clone()).or_default();
        *highest = (*highest).max(*amount);
    }
}

fn crosses_namespaces(affinity: &Affinity) -> bool {
    let (near, far) = (affinity.pod_affinity.as_ref(), affinity.pod_anti_affinity.as_ref());
    let required = near.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref()).into_iter();
    let required = required.chain(far.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref()));
    let preferred = near.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref()).into_iter();
    let preferred = preferred.chain(far.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref()));
    let mut terms = required.flatten().chain(preferred.flatten().map(|weighted| &weighted.pod_affinity_term));
    terms.any(|t| t.namespaces.as_ref().is_some_and(|n| !n.is_empty()) || t.namespace_selector.is_some())
}
