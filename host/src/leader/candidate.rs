use super::election::{Election, Step};
use super::lease::LeaseClient;
use super::lost::OnLost;
use super::{Settings, identity};
use crate::clock;
use crate::cluster::{ClusterError, access};
use crate::coordinator::{Point, pass};
use crate::executor::kubernetes::Access;
use kube::Client;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long letting go of the Lease may take: after that others wait for it to expire.
const GOODBYE: Duration = Duration::from_secs(3);

/// A coordinator's part in the election, on a thread of its own: whatever else the process is busy with, the Lease is
/// renewed, and its loss is noticed.
#[derive(Debug)]
pub struct Candidate {
    identity: String,
    leading: watch::Receiver<bool>,
    let_go: oneshot::Sender<()>,
    ended: oneshot::Receiver<Result<(), String>>,
}

impl Candidate {
    /// Stands for election. What must be done when it has led and may not any more is `lost`; it is called on the
    /// candidate's own thread.
    ///
    /// # Errors
    /// There is no way to a cluster, in words. A cluster that does not answer is waited for.
    pub async fn stand(settings: &Settings, way: &Access, lost: OnLost) -> Result<Candidate, ClusterError> {
        let mut config = access(way.kubeconfig.as_deref(), way.context.as_deref()).await?;
        // The election tries again by itself, and knows how long that is worth it.
        config.default_retry = false;
        let namespace = settings.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let identity = identity::new();
        tracing::info!(%identity, "standing for election by the Lease {namespace}/{}", settings.name);
        let (leads, leading) = watch::channel(false);
        let (let_go, told) = oneshot::channel();
        let (over, ended) = oneshot::channel();
        let (ready, made) = oneshot::channel();
        let (settings, me) = (settings.clone(), identity.clone());
        let work = move || -> Result<(), String> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| e.to_string())?;
            let _there = runtime.enter();
            let client = Client::try_from(config).map_err(|e| e.to_string())?;
            let lease = LeaseClient::new(client, &namespace, &settings.name, &me, &settings.timing);
            let election = Election::new(me, settings.timing, clock::monotonic());
            let _ = ready.send(());
            runtime.block_on(Part { election, lease, leads }.run(told, &lost));
            Ok(())
        };
        let thread = std::thread::Builder::new().name("leader".into()).spawn(move || {
            let _ = over.send(work());
        });
        let failed = |why: String| ClusterError::Credentials(format!("there can be no election: {why}"));
        thread.map_err(|e| failed(e.to_string()))?;
        if made.await.is_err() {
            let why = ended.await.ok().and_then(Result::err);
            return Err(failed(why.unwrap_or_else(|| "its thread ended".to_owned())));
        }
        Ok(Candidate { identity, leading, let_go, ended })
    }

    /// What it calls itself: no other candidate ever has that name.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Waits until it leads. May be dropped and called again.
    pub async fn won(&mut self) {
        if self.leading.wait_for(|leads| *leads).await.is_err() {
            // Its thread is gone, and so nothing will ever be won.
            std::future::pending::<()>().await;
        }
    }

    /// Lets go of the Lease, so that others need not wait for it to expire. Whoever calls it must have stopped acting.
    pub async fn let_go(self) {
        // One that has lost has nothing to let go.
        let _ = self.let_go.send(());
        if tokio::time::timeout(GOODBYE, self.ended).await.is_err() {
            tracing::warn!("the Lease could not be let go: others have to wait until it expires");
        }
    }
}

/// What the thread works with.
struct Part {
    election: Election,
    lease: LeaseClient,
    leads: watch::Sender<bool>,
}

impl Part {
    /// Until it has let go, or lost.
    async fn run(mut self, mut told: oneshot::Receiver<()>, lost: &OnLost) {
        let (mut holder, mut asked) = (None, false);
        loop {
            let now = clock::monotonic();
            match self.election.next(now) {
                Step::Look => {
                    let looked = self.lease.look(self.election.patience(now)).await;
                    self.election.looked(looked, clock::monotonic());
                }
                Step::Write(write) => {
                    let wrote = self.lease.write(write, self.election.patience(now)).await;
                    self.election.wrote(write, wrote, now, clock::monotonic());
                }
                Step::Wait(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    // A candidate that is dropped is told so as well.
                    _ = &mut told, if !asked => {
                        asked = true;
                        self.election.let_go(clock::monotonic());
                    }
                },
                Step::Lost(why) => {
                    pass(Point::Deposed);
                    return lost.call(&why);
                }
                Step::Released => return,
            }
            self.tell(&mut holder);
        }
    }

    /// Lets others know of what changed.
    fn tell(&self, holder: &mut Option<String>) {
        let leads = self.election.leads(clock::monotonic());
        let now = self.election.holder().map(str::to_owned);
        if self.leads.send_if_modified(|before| leads && !std::mem::replace(before, true)) {
            tracing::info!("this coordinator leads");
        } else if now != *holder && !*self.leads.borrow() {
            match &now {
                Some(other) => tracing::info!("standby: {other} leads"),
                None => tracing::info!("standby: nobody leads"),
            }
        }
        *holder = now;
    }
}
