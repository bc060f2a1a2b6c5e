//! What a plan comes to in a cluster: the objects of each namespace, one concern a file. Pure.

mod accounts;
mod limits;
mod namespace;
mod network;
mod roles;

use super::object::{Object, Space, SpaceRole};
use std::fmt;
use wharf_core::plan::{Executor, Kubernetes, Plan};

/// Name of objects of which a namespace has one.
pub(super) const NAME: &str = "wharf";
/// Name of the Secret and of the ConfigMap with the compiler's keys, in the operator's namespace.
pub const COMPILER: &str = "wharf-compiler";

/// Who the coordinator is to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The ServiceAccount `wharf` of the operator's namespace: the coordinator runs in the cluster.
    ServiceAccount,
    /// A user: the coordinator runs elsewhere with a kubeconfig.
    User(String),
}

/// The objects of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects {
    /// In the order in which they are to be made.
    pub objects: Vec<Object>,
    /// What cannot be said in objects, and what to do about it, in words.
    pub notes: Vec<String>,
}

/// Why a plan cannot be brought into a cluster, in words that say what to do after a semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit(pub String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The plan's settings for a cluster.
///
/// # Errors
/// The plan is for one machine.
pub fn settings(plan: &Plan) -> Result<&Kubernetes, Unfit> {
    match &plan.coordinator.executor {
        Executor::Kubernetes(kubernetes) => Ok(kubernetes),
        Executor::Local => Err(Unfit(
            "the configuration is for one machine; give its Coordinator `executor: kubernetes` and `kubernetes: {...}`"
                .into(),
        )),
    }
}

/// What a plan comes to: the operator's namespace and one for each tenant. The compiler's keys are no part of it.
///
/// # Errors
/// The plan is for one machine, or a tenant's name is that of a namespace which is not a tenant's.
pub fn objects(plan: &Plan, subject: &Subject) -> Result<Objects, Unfit> {
    let kubernetes = settings(plan)?;
    let mut all = Objects { objects: Vec::new(), notes: Vec::new() };
    check_name("the operator's namespace", &kubernetes.namespace)?;
    let operator = Space { name: &kubernetes.namespace, role: SpaceRole::Operator };
    all.objects.push(namespace::namespace(&operator));
    all.objects.extend(accounts::accounts(&operator));
    if *subject == Subject::ServiceAccount {
        all.objects.push(accounts::coordinator(&operator));
    }
    all.objects.push(limits::defaults(&operator, None));
    all.objects.extend(network::operator(&operator, kubernetes));
    all.objects.extend(roles::cluster(&operator, subject));
    all.objects.extend(roles::operator(&operator, &kubernetes.artifact_store, subject));

    for tenant in plan.tenants.values() {
        if tenant.name == kubernetes.namespace {
            return Err(Unfit(format!(
                "tenant `{}` has the name of the operator's namespace; rename one of them",
                tenant.name
            )));
        }
        check_name("a tenant", &tenant.name)?;
        let space = Space { name: &tenant.name, role: SpaceRole::Tenant };
        all.objects.push(namespace::namespace(&space));
        all.objects.extend(accounts::accounts(&space));
        all.objects.extend(limits::quota(&space, tenant));
        all.objects.push(limits::defaults(&space, Some(tenant)));
        let (policies, notes) = network::tenant(&space, tenant);
        all.objects.extend(policies);
        all.notes.extend(notes);
        all.objects.extend(roles::tenant(&space, &kubernetes.namespace, tenant.artifact_store.as_ref(), subject));
    }
    Ok(all)
}

/// What lies in these namespaces is not ours to fence in.
fn check_name(what: &str, name: &str) -> Result<(), Unfit> {
    if name == "default" || name.starts_with("kube-") {
        return Err(Unfit(format!(
            "{what} would be the namespace `{name}`, which others use; choose another name, and give the flows it as `metadata.namespace`"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
