//! Executors perform starts and stops, and say how attempts ended. Each start that an executor takes ends in exactly one
//! [`Ended`], whatever happens to the process that runs it.

mod backoff;
mod frames;
mod invocation;
pub mod kubernetes;
mod local;
mod pipe;
mod readable;
mod slots;
mod worker;

pub(crate) use local::checked;
pub use local::{Local, Settings};
pub use worker::FromWorker;

use crate::logs::Following;
use kubernetes::{FromCluster, Kubernetes};

use std::sync::Arc;
use tokio::time::Instant;
use wharf_contract::pod::StoredObject;
use wharf_contract::{Cause, LogLine, Outcome};
use wharf_core::action::{AttemptKey, Start};
use wharf_core::plan::{Flow, Plan, Tenant};

/// The end of an attempt.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub attempt: AttemptKey,
    /// How.
    pub outcome: Box<Outcome>,
    /// Where what it wrote waits for that to be recorded.
    pub staged: Staged,
    /// When it was seen.
    pub seen: Instant,
}

/// Where what an attempt wrote waits until its outcome is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staged {
    /// In its folder below the state folder: see [`staging`].
    Local,
    /// In the tenant's store, below [`staging`] and the UID of the pod that ran it. Other pods of the attempt may have
    /// left something beside it.
    Pod {
        /// `metadata.uid`; never empty.
        uid: String,
        /// The whole outcome, where it was too large for the pod's report: it takes the place of what [`Ended::outcome`]
        /// holds until then.
        outcome: Option<StoredObject>,
    },
    /// Nowhere: no runtime took it, or none that got as far as writing.
    Nowhere,
}

/// Who starts attempts. A coordinator has one, from its start to its end.
#[derive(Debug)]
pub enum Executor {
    /// Warm workers of this machine.
    Local(Box<Local>),
    /// Jobs of a cluster.
    Kubernetes(Box<Kubernetes>),
}

/// What comes to an executor from what it started: see [`Executor::take`].
#[derive(Debug)]
pub enum Told {
    /// From a worker process.
    Worker(FromWorker),
    /// From a cluster.
    Cluster(FromCluster),
}

/// What an executor has to say, in order.
#[derive(Debug, Default)]
pub struct Reports {
    /// Attempts that ended.
    pub ended: Vec<Ended>,
    /// Log lines.
    pub logs: Vec<(AttemptKey, Vec<LogLine>)>,
    /// How far attempts are.
    pub progress: Vec<(AttemptKey, crate::api::types::Progress)>,
    /// What attempts wait for, or where they run, for a person.
    pub phases: Vec<(AttemptKey, String)>,
}

impl Reports {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Reports { ended, logs, progress, phases } = self;
        ended.is_empty() && logs.is_empty() && progress.is_empty() && phases.is_empty()
    }
}

impl Executor {
    /// Starts an attempt that has been `ready` since then. It ends in exactly one [`Ended`]. What there is to write goes out
    /// with the next [`Executor::flush`].
    pub fn start(
        &mut self,
        start: Box<Start>,
        ready: Instant,
        tenant: &Arc<Tenant>,
        now: Instant,
        reports: &mut Reports,
    ) {
        match self {
            Executor::Local(local) => local.start(start, ready, tenant, now, reports),
            Executor::Kubernetes(cluster) => cluster.start(start, ready, tenant, now, reports),
        }
    }

    /// Asks an attempt to stop within `grace` milliseconds; in a cluster its pod's own grace counts. Its end is reported
    /// like any other, and comes in any case.
    pub fn stop(&mut self, attempt: AttemptKey, grace: u64, now: Instant, reports: &mut Reports) {
        match self {
            Executor::Local(local) => local.stop(attempt, grace, now, reports),
            Executor::Kubernetes(cluster) => cluster.stop(attempt, now, reports),
        }
    }

    /// The end of an attempt is durable: what is left of it elsewhere may go.
    pub fn recorded(&mut self, attempt: AttemptKey, now: Instant, reports: &mut Reports) {
        match self {
            Executor::Local(_) => {}
            Executor::Kubernetes(cluster) => cluster.recorded(attempt, now, reports),
        }
    }

    /// Takes over attempts that an earlier coordinator started and did not end. False: none of them can go on.
    #[must_use]
    pub fn adopt(&mut self, open: &[(AttemptKey, Arc<Flow>)]) -> bool {
        match self {
            Executor::Local(_) => false,
            Executor::Kubernetes(cluster) => {
                cluster.adopt(open);
                true
            }
        }
    }

    /// Who follows what attempts say in pods; none where they run in none.
    #[must_use]
    pub fn following(&self) -> Option<&Following> {
        match self {
            Executor::Local(_) => None,
            Executor::Kubernetes(cluster) => Some(cluster.following()),
        }
    }

    /// Goes by another plan from now on.
    pub fn set_plan(&mut self, plan: &Plan) {
        if let Executor::Kubernetes(cluster) = self {
            cluster.set_plan(plan);
        }
    }

    /// Takes in what was told.
    pub fn take(&mut self, told: Told, now: Instant, reports: &mut Reports) {
        match (self, told) {
            (Executor::Local(local), Told::Worker(from)) => local.take(from, now, reports),
            (Executor::Kubernetes(cluster), Told::Cluster(from)) => cluster.take(from, now, reports),
            // Each executor starts only what speaks to itself.
            (Executor::Local(_), Told::Cluster(_)) | (Executor::Kubernetes(_), Told::Worker(_)) => {}
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant, reports: &mut Reports) {
        match self {
            Executor::Local(local) => local.tick(now, reports),
            Executor::Kubernetes(cluster) => cluster.tick(now, reports),
        }
    }

    /// Lets out what this turn has to say.
    pub fn flush(&mut self) {
        if let Executor::Local(local) = self {
            local.flush();
        }
    }

    /// When [`Executor::tick`] has to be called next.
    #[must_use]
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        match self {
            Executor::Local(local) => local.wake_at(now),
            Executor::Kubernetes(cluster) => cluster.wake_at(),
        }
    }

    /// Worker processes.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self {
            Executor::Local(local) => local.workers(),
            Executor::Kubernetes(_) => 0,
        }
    }

    /// Whether attempts go on without a coordinator, so that one that ends neither waits for them nor ends them.
    #[must_use]
    pub fn outlives(&self) -> bool {
        matches!(self, Executor::Kubernetes(_))
    }

    /// Starts nothing more. Workers end with whatever they run; what is in a cluster goes on.
    pub fn close(&mut self, now: Instant, reports: &mut Reports) {
        match self {
            Executor::Local(local) => local.close(now, reports),
            Executor::Kubernetes(cluster) => cluster.close(now, reports),
        }
    }

    /// Whether, after [`Executor::close`], nothing is under way that is worth waiting for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self {
            Executor::Local(local) => local.workers() == 0,
            Executor::Kubernetes(cluster) => cluster.is_idle(),
        }
    }
}

/// Folder below the state folder in which the files of an attempt wait until its outcome is recorded.
#[must_use]
pub fn staging(attempt: AttemptKey, task: &str) -> String {
    let AttemptKey { run, item, attempt, .. } = attempt;
    match item {
        Some(item) => format!("staging/{run}-{task}-{item}-{attempt}"),
        None => format!("staging/{run}-{task}-x-{attempt}"),
    }
}

/// The end of an attempt without the word of a worker.
#[derive(Debug, Clone)]
struct Failure {
    cause: Cause,
    message: String,
}

impl Failure {
    fn new(cause: Cause, message: impl Into<String>) -> Failure {
        Failure { cause, message: message.into() }
    }

    /// The end of that attempt, as it is seen now.
    fn end(self, attempt: AttemptKey, now: Instant) -> Ended {
        let outcome = Box::new(Outcome::failed(self.cause, self.message));
        Ended { attempt, outcome, staged: Staged::Local, seen: now }
    }
}
