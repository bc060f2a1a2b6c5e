use super::ask::Traits;
use k8s_openapi::api::core::v1::{ResourceQuota, ScopedResourceSelectorRequirement};

/// Whether a quota counts a pod: it has to be of every scope that the quota names. A scope that is not known here is taken
/// to cover the pod: a quota that is looked at for nothing only makes us wait, and its own refusal is the truth.
pub(super) fn covers(quota: &ResourceQuota, pod: &Traits) -> bool {
    let Some(spec) = &quota.spec else { return true };
    let scopes = spec.scopes.iter().flatten().all(|scope| is_of(scope, pod));
    let selector = spec.scope_selector.iter().flat_map(|s| s.match_expressions.iter().flatten());
    scopes && selector.into_iter().all(|wanted| matches(wanted, pod))
}

fn is_of(scope: &str, pod: &Traits) -> bool {
    match scope {
        "Terminating" => pod.terminating,
        "NotTerminating" => !pod.terminating,
        "BestEffort" => pod.best_effort,
        "NotBestEffort" => !pod.best_effort,
        "CrossNamespacePodAffinity" => pod.cross_namespace_affinity,
        // As a bare scope: has any.
        "PriorityClass" => pod.priority_class.is_some(),
        _ => true,
    }
}

fn matches(wanted: &ScopedResourceSelectorRequirement, pod: &Traits) -> bool {
    if wanted.scope_name != "PriorityClass" {
        return is_of(&wanted.scope_name, pod);
    }
    let class = pod.priority_class.as_deref();
    let named = || class.is_some_and(|class| wanted.values.iter().flatten().any(|v| v == class));
    match wanted.operator.as_str() {
        "In" => named(),
        "NotIn" => !named(),
        "Exists" => class.is_some(),
        "DoesNotExist" => class.is_none(),
        _ => true,
    }
}
