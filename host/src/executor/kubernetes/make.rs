//! Makes Jobs: has the component compiled, puts a large order into the tenant's store, creates.

use super::answer::{Refused, Trouble};
use super::deadline::REFUSED;
use super::labels;
use super::manifest::{self, Manifest};
use super::message::{FromCluster, Making};
use super::office::{Office, Tries, trying};
use super::quota::shortage_in;
use crate::coordinator::{Point, pass};
use crate::executor::readable::readable;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wharf_contract::{Artifact, AttemptId, Cause, Outcome};
use wharf_core::action::Start;
use wharf_core::plan::Tenant;
use wharf_depot::{Depot, Digest, chain, keys};

/// Artifacts that are looked up at one time for one attempt.
const LOOK_UPS: usize = 16;

/// An attempt whose Job is to be made.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) id: AttemptId,
    /// Name of the Job.
    pub(super) job: Arc<str>,
    pub(super) start: Arc<Start>,
    pub(super) tenant: Arc<Tenant>,
    /// Once it is cancelled, no Job is to be made any more.
    pub(super) withdraw: CancellationToken,
}

impl Office {
    /// Makes a Job, or says why there is none.
    pub(super) async fn make(self: Arc<Self>, order: Order) {
        let making = async {
            match self.prepare(&order).await {
                Ok(manifest) => self.create(&order, &manifest).await,
                Err(making) => making,
            }
        };
        // An attempt whose making ends without a word would be open for ever.
        let making = AssertUnwindSafe(making).catch_unwind().await;
        let making = making.unwrap_or_else(|_| not_made(Cause::Internal, "wharf failed as it made the attempt's Job"));
        self.tell(FromCluster::Made(order.start.attempt, making)).await;
    }

    /// Everything that has to be there before the Job.
    async fn prepare(&self, order: &Order) -> Result<Manifest, Making> {
        let Order { start, tenant, withdraw, .. } = order;
        let Some(task) = start.flow.tasks.get(usize::from(start.attempt.task)) else {
            return Err(not_made(Cause::Internal, "an attempt of a task that its flow does not have"));
        };
        let mut compiling = self.compiled.get(tenant, &task.component);
        let compiled = match (&mut compiling).now_or_never() {
            Some(compiled) => compiled,
            None => {
                self.show(order, "waiting for its component to be compiled").await;
                tokio::select! {
                    compiled = compiling => compiled,
                    () = withdraw.cancelled() => return Err(Making::Withdrawn),
                }
            }
        };
        let compiled = compiled.map_err(|(cause, why)| not_made(cause, why))?;
        let maker = labels::Maker { instance: &self.instance, epoch: self.epoch };
        let readable = self.readable(order).await?;
        let mut manifest = manifest::attempt(maker, &self.settings, tenant, start, &compiled, &readable)
            .map_err(|failure| not_made(failure.cause, failure.message))?;
        let Some(upload) = manifest.upload.take() else { return Ok(manifest) };
        let mut tries = Tries::new();
        loop {
            let put = async {
                let depot = self.depots.tenant(&tenant.name).await.map_err(|e| chain(&e))?;
                depot.put(&upload.object.key, upload.bytes.clone()).await.map_err(|e| chain(&e))
            };
            let Err(why) = put.await else { return Ok(manifest) };
            self.wait(order, &format!("its order cannot be put into the tenant's store: {why}"), &mut tries).await?;
        }
    }

    /// The artifacts that its input names and its tenant has.
    async fn readable(&self, order: &Order) -> Result<Vec<Artifact>, Making> {
        let Order { start, tenant, .. } = order;
        let mut named = Vec::new();
        let unsized_ones = readable(&start.input, |digest| {
            named.push(digest.to_owned());
            None
        });
        if named.is_empty() {
            return Ok(unsized_ones);
        }
        let mut tries = Tries::new();
        loop {
            let looked_up = async {
                let depot = self.depots.tenant(&tenant.name).await.map_err(|e| chain(&e))?;
                let sizes = named.clone().into_iter().map(move |digest| size(depot.clone(), digest));
                futures_util::stream::iter(sizes).buffer_unordered(LOOK_UPS).try_collect::<HashMap<_, _>>().await
            };
            let sizes: Result<_, String> = looked_up.await;
            match sizes {
                Ok(sizes) => return Ok(readable(&start.input, |digest| sizes.get(digest).copied().flatten())),
                Err(why) => {
                    let what = format!("what its input names cannot be looked up in the tenant's store: {why}");
                    self.wait(order, &what, &mut tries).await?;
                }
            }
        }
    }

    /// Says what it waits for, and waits before the next try.
    ///
    /// # Errors
    /// It is not to be made any more.
    async fn wait(&self, order: &Order, what: &str, tries: &mut Tries) -> Result<(), Making> {
        self.show(order, &format!("{what}; trying again")).await;
        tokio::select! {
            () = tries.pause() => Ok(()),
            () = order.withdraw.cancelled() => Err(Making::Withdrawn),
        }
    }

    /// Creates the Job. A call without an answer may have created it all the same; the next one then finds it.
    async fn create(&self, order: &Order, manifest: &Manifest) -> Making {
        let Order { tenant, withdraw, .. } = order;
        let (mut tries, mut unsure, began) = (Tries::new(), false, Instant::now());
        loop {
            let pass_on = tokio::select! {
                permit = self.cluster.enter() => Some(permit),
                () = withdraw.cancelled() => None,
            };
            let Some(permit) = pass_on else {
                // A Job that comes later all the same belongs to nobody, and is removed as such.
                return match unsure {
                    true => self.found(order, Making::Withdrawn).await,
                    false => Making::Withdrawn,
                };
            };
            let body = match serde_json::to_vec(&manifest.job) {
                Ok(body) => body,
                Err(e) => return not_made(Cause::Internal, format!("a Job cannot be written: {e}")),
            };
            pass(Point::BeforeCreate);
            let answer = self.cluster.create_job(&tenant.name, body).await;
            drop(permit);
            let trouble = match answer {
                Ok(uid) => {
                    pass(Point::AfterAct);
                    return Making::Made(uid);
                }
                Err(trouble) => trouble,
            };
            match &trouble {
                Trouble::Refused(refused) if refused.reason == "AlreadyExists" => {
                    let other = not_made(Cause::PodRejected, format!("{}, and it is gone again", refused.message));
                    return self.found(order, other).await;
                }
                Trouble::Refused(refused) if refused.is_unauthorized() && began.elapsed() < REFUSED => {}
                Trouble::Refused(refused) => return self.refused(order, refused),
                Trouble::Absent(_) => unsure = true,
                Trouble::Busy(_) => {}
            }
            self.show(order, &trying(&trouble)).await;
            tokio::select! {
                () = tries.pause() => {}
                () = withdraw.cancelled() => {}
            }
        }
    }

    /// The Job of that name counts as made where its labels say that it is this attempt's. `none` where there is none.
    async fn found(&self, order: &Order, none: Making) -> Making {
        let mut tries = Tries::new();
        loop {
            let trouble = match self.cluster.job(&order.tenant.name, &order.job).await {
                Ok(None) => return none,
                Ok(Some(job)) => {
                    let uid = job.metadata.uid.unwrap_or_default();
                    return match labels::attempt(job.metadata.labels.as_ref(), &self.instance) {
                        Some(id) if id == order.id => Making::Made(uid),
                        _ => {
                            let labels = job.metadata.labels.unwrap_or_default();
                            let shown: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                            let why = format!(
                                "there is a Job {} already that is not this attempt's: UID {uid}, labels {}",
                                order.job,
                                shown.join(",")
                            );
                            not_made(Cause::PodRejected, why)
                        }
                    };
                }
                Err(trouble) => trouble,
            };
            self.show(order, &trying(&trouble)).await;
            tries.pause().await;
        }
    }

    fn refused(&self, order: &Order, refused: &Refused) -> Making {
        let Refused { code, message, .. } = refused;
        if *code == 403 && message.contains("exceeded quota") {
            let shown = shortage_in(message).map_or_else(|| format!("waiting for quota: {message}"), |s| s.to_string());
            return Making::Short(shown);
        }
        let namespace = &order.tenant.name;
        let hint = match code {
            404 => format!(
                "; namespace {namespace} or its Job API is not there: `wharf cluster apply` makes the namespace"
            ),
            403 => "; `wharf cluster apply` gives this coordinator the rights that it needs".to_owned(),
            _ => String::new(),
        };
        not_made(Cause::PodRejected, format!("the cluster refuses the Job: {message}{hint}"))
    }

    async fn show(&self, order: &Order, what: &str) {
        self.tell(FromCluster::Made(order.start.attempt, Making::Trying(what.to_owned()))).await;
    }
}

/// How large an artifact of a store is; none where it is not there.
async fn size(depot: Depot, digest: String) -> Result<(String, Option<u64>), String> {
    let Some(parsed) = Digest::parse(&digest) else { return Ok((digest, None)) };
    let object = depot.head(&keys::artifact(&parsed)).await.map_err(|e| chain(&e))?;
    Ok((digest, object.map(|object| object.size)))
}

fn not_made(cause: Cause, why: impl Into<String>) -> Making {
    Making::NotMade(Box::new(Outcome::failed(cause, why)))
}
