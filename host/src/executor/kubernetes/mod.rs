//! Attempts as Jobs of a Kubernetes cluster: one Job for each attempt, in the namespace of its tenant.
//!
//! The loop sees [`Kubernetes`], which never waits: it holds an [`attempt::Attempt`] (pure) for each open attempt, and has
//! tasks do what takes a call of the API. Tasks and watches answer with messages that the loop takes in like any other.
//!
//! # What happens in which order, and what if the coordinator is killed in between
//!
//! 1. The intent is durable before anything is done. Killed before the Job is created: the next coordinator lists, finds
//!    nothing, and the attempt ends `worker-lost`; its retry has another number, and so another Job. A create that was under
//!    way and is carried out only after that list makes a Job without an open attempt: see 6.
//! 2. The Job is created. Its name follows from what the attempt is, so that a call without an answer is made again and finds
//!    what it made. Killed after: the next coordinator finds the Job by its labels, and goes on with it.
//! 3. The pod runs and ends. Its finalizer keeps it readable, whoever deletes it or its Job. Killed at any time: the next
//!    coordinator reads the same ending from the same pod.
//! 4. What the pod staged is promoted, which may be done twice, and the outcome is recorded, which is done once: the store
//!    knows whether the attempt is still open.
//! 5. Once the record is durable, Job and finalizer go, at the same time and in no order: each call may be made again and
//!    says what it is about by UID. Killed before or between: see 6.
//! 6. What bears this coordinator's labels, was not made by a later one, and belongs to no open attempt is removed, a little later than it is seen, since a
//!    watch may lag. Each watch begins anew with a full list every few minutes, so that nothing is overlooked for longer.
//!    The Job's time to live is the last resort, for a coordinator that never comes back.
//!
//! That something is gone counts only when the API server itself says so, not when a watch does.
//!
//! # What if the coordinator was frozen, another one leads by now, and it goes on
//!
//! It notices and ends, but what it was about to send is sent before that. Its store takes nothing from it any more, since
//! each write there checks the epoch; what it may still do to the cluster and to stores of objects is one of these:
//!
//! | late write | why it changes nothing |
//! |---|---|
//! | creates a Job of an attempt | The intent was durable, so that the later leader knows the attempt: where it is still open there, this is its Job; where it has ended, the Job belongs to no open attempt and is removed (6). A retry has another number, and so another name. The pod may run for some seconds: executed twice, recorded once. |
//! | deletes a Job, because its attempt was to stop | That it was to stop is durable, and holds for the later leader as well. It names the Job's UID. |
//! | deletes a Job and takes a finalizer, because the end is recorded | It does so only once the record is durable, and names UIDs. |
//! | the same, for what belongs to no open attempt (6) | It does not know the later leader's attempts, but that they are a later leader's: whatever bears a higher epoch than its own it leaves alone. What bears its own or a lower one and was not open to it has ended, durably. |
//! | creates a Job that compiles | Its name follows from what it compiles: the later leader goes on with it, or removes it as one that nobody wants. |
//! | notes what was compiled, and deletes that Job | The note comes first, and the later leader finds it there. |
//! | deletes a Job that compiles, because nobody wanted it for five minutes | Not one of a higher epoch. One of its own that the later leader took over is lost by that: the attempt that waits for it ends `pod-deleted`, and is tried again at the platform's cost. |
//! | starts or removes a pod that serves a store in a volume | Not one of a higher epoch. It is asked for with a token that only its own process knows; what it does there is what stands below of stores. |
//! | moves the deadline of a Job that waits for quota | It names the Job's UID; the Job is ended an hour later by itself, should nobody else end it. |
//! | puts an order into a tenant's store | It is that attempt's own, and is removed with what else the attempt staged. |
//! | promotes an artifact | It lies under the digest of its content; what nothing refers to is removed by retention. |
//! | files the log of a recorded attempt, removes what else it staged | Only once the record is durable; the later leader does the same. |
//! | says whose a tenant's store is | The id of the records' store, which both share; it is written only where there is none. |
//! | removes an artifact, because retention dropped it | That is durable too. This is the one write without a fence of its own, for stores of objects delete without a condition: where the very same content was promoted anew in the meantime, by the later leader, it is lost. Whether anything refers to it is looked up directly before. |

mod access;
mod answer;
mod attempt;
mod clear;
mod client;
mod compile;
mod deadline;
mod effects;
mod front;
mod labels;
mod line;
mod make;
mod manifest;
mod message;
mod names;
mod office;
mod pace;
mod quota;
mod readers;
mod seen;
mod single;
mod status;
mod stopwatch;
mod watch;

pub use access::Access;
pub use front::Kubernetes;
pub use message::FromCluster;
pub use readers::Readers;

use crate::cluster::ClusterError;
use crate::depots::Depots;
use crate::executor::Told;
use crate::logs::{Followed, Following};
use crate::telemetry::{ClusterMetrics, PhaseTimes};
use client::Cluster;
use compile::Compiler;
use futures_util::future::BoxFuture;
use office::Office;
use std::sync::Arc;
use tokio::sync::mpsc;
use wharf_contract::{Cause, pod::CompiledComponent};
use wharf_core::plan::{self, Component, Plan, Tenant};

/// Where pods get compiled components from.
pub trait Compiled: Send + Sync {
    /// Sees to it that a component lies compiled in the tenant's store, and says where. Waits as long as compiling takes;
    /// any number of attempts may ask for the same one at the same time. Cheap where it was answered before.
    ///
    /// # Errors
    /// How the attempt that needs it ends, and why in words.
    fn get<'a>(
        &'a self,
        tenant: &'a Tenant,
        component: &'a Component,
    ) -> BoxFuture<'a, Result<CompiledComponent, (Cause, String)>>;
}

/// What an executor of a cluster works with besides the cluster.
pub struct Surroundings {
    /// The tenants' stores.
    pub depots: Depots,
    /// Id of the coordinator's store.
    pub instance: String,
    /// The coordinator's epoch, as its store gave it.
    pub epoch: u64,
    /// What is done to the cluster is counted here.
    pub metrics: ClusterMetrics,
    /// How long attempts are in which phase goes here.
    pub phases: PhaseTimes,
    /// What pods say while somebody follows goes here.
    pub followed: mpsc::Sender<Followed>,
    /// What the cluster says goes here, and comes back into [`Kubernetes`].
    pub to_loop: mpsc::Sender<Told>,
}

/// Finds the cluster, and begins to watch the namespaces of the plan's tenants.
///
/// # Errors
/// In words: there is no way to a cluster, or it does not answer.
pub async fn open(
    access: &Access,
    settings: &plan::Kubernetes,
    plan: &Plan,
    surroundings: Surroundings,
) -> Result<Kubernetes, ClusterError> {
    let Surroundings { depots, instance, epoch, metrics, phases, followed, to_loop } = surroundings;
    let (client, url) = access.client(&metrics).await?;
    let following = Following::new(Arc::new(client.clone()), followed);
    let cluster = Cluster::new(client, metrics);
    let mut namespaces: Vec<_> = plan.tenants.keys().cloned().collect();
    namespaces.push(settings.namespace.clone());
    access::look(&cluster, &url, &namespaces).await?;
    let settings = Arc::new(settings.clone());
    let compiled = Compiler::new(cluster.clone(), Arc::clone(&settings), depots.clone(), instance.clone(), epoch);
    let compiled = Arc::new(compiled);
    let office = Office { cluster, settings, compiled, depots, instance, epoch, following, phases, to_loop };
    Ok(Kubernetes::new(Arc::new(office), plan))
}
