use crate::artifacts::{Artifacts, Removable};
use crate::depots::Depots;
use crate::logs;
use crate::store::types::{AttemptFilter, Expired};
use crate::store::{Reads, Store, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use wharf_contract::AttemptId;
use wharf_core::event::RunId;
use wharf_core::time::Timestamp;
use wharf_depot::{Depot, keys};

/// Between two looks at what pods staged and nobody took over.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Runs, or attempts, whose objects are removed at a time.
const AT_ONCE: usize = 8;

/// What lies in tenants' stores is kept small as the state folder is. Blocks, and so must not be used on a thread of the
/// Tokio runtime.
#[derive(Debug)]
pub struct Stores {
    depots: Depots,
    tokio: Handle,
    stop: CancellationToken,
    swept: Option<Timestamp>,
}

impl Stores {
    /// `tokio` does the work; with `stop` what is under way is given up, to be done another time.
    #[must_use]
    pub fn new(depots: Depots, tokio: Handle, stop: CancellationToken) -> Stores {
        Stores { depots, tokio, stop, swept: None }
    }

    /// Whether a tenant has a store.
    pub(super) fn has(&self, tenant: &str) -> bool {
        self.depots.has(tenant)
    }

    /// Removes what was dropped from the stores of those tenants that have one, and leaves in `expired` what is gone.
    ///
    /// # Errors
    /// The first thing that went wrong. A tenant whose store fails holds no other up.
    pub(super) fn remove(
        &self,
        artifacts: &Artifacts,
        reads: &dyn Reads,
        expired: &mut Expired,
    ) -> Result<(), StoreError> {
        let mut by_tenant: BTreeMap<String, (Vec<RunId>, Vec<String>)> = BTreeMap::new();
        for run in expired.runs.iter().filter(|r| self.has(&r.tenant)) {
            by_tenant.entry(run.tenant.clone()).or_default().0.push(run.run);
        }
        for (tenant, digest) in expired.artifacts.iter().filter(|(tenant, _)| self.has(tenant)) {
            by_tenant.entry(tenant.clone()).or_default().1.push(digest.clone());
        }
        let mut failed = None;
        for (tenant, (runs, digests)) in by_tenant {
            let (mut kept_runs, mut kept_artifacts) = (HashSet::new(), HashSet::new());
            let mut keep = |e: StoreError| {
                let _ = failed.get_or_insert(e);
            };
            if let Err(e) = self.wait(self.remove_runs(&tenant, &runs)) {
                kept_runs.extend(runs);
                keep(e);
            }
            match self.remove_artifacts(artifacts, reads, &tenant, &digests) {
                Ok(kept) => kept_artifacts.extend(kept),
                Err(e) => {
                    kept_artifacts.extend(digests);
                    keep(e);
                }
            }
            expired.runs.retain(|r| r.tenant != tenant || !kept_runs.contains(&r.run));
            expired.artifacts.retain(|(of, digest)| *of != tenant || !kept_artifacts.contains(digest));
        }
        failed.map_or(Ok(()), Err)
    }

    async fn remove_runs(&self, tenant: &str, runs: &[RunId]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let depot = self.depots.tenant(tenant).await.map_err(stored)?;
        let folders = runs.iter().flat_map(|run| [keys::run_logs(run.0), keys::run_state(run.0)]);
        futures_util::stream::iter(folders)
            .map(|folder| {
                let depot = depot.clone();
                async move { depot.delete_folder(&folder).await.map(drop).map_err(stored) }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }

    /// Answers which are to stay for now.
    fn remove_artifacts(
        &self,
        artifacts: &Artifacts,
        reads: &dyn Reads,
        tenant: &str,
        digests: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let (mut kept, mut gone, mut removals) = (Vec::new(), Vec::new(), Vec::new());
        for digest in digests {
            let Some(key) = wharf_depot::Digest::parse(digest).map(|d| keys::artifact(&d)) else { continue };
            match artifacts.begin_removal(tenant, digest, || reads.is_referenced(tenant, digest))? {
                Removable::Pinned => kept.push(digest.clone()),
                Removable::Referenced => {}
                Removable::Yes(removal) => {
                    gone.push(key);
                    removals.push(removal);
                }
            }
        }
        if !gone.is_empty() {
            self.wait(async {
                let depot = self.depots.tenant(tenant).await.map_err(stored)?;
                depot.delete(gone).await.map_err(stored)
            })?;
        }
        drop(removals);
        Ok(kept)
    }

    /// Removes what pods staged for attempts that are not open any more, every now and then: of pods that were lost, and of
    /// recorded ones where a crash came in between. Their logs are filed first.
    ///
    /// # Errors
    /// As [`Stores::remove`].
    pub(super) fn sweep(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        if self.swept.is_some_and(|at| now.since(at) < SWEEP_EVERY) {
            return Ok(());
        }
        self.swept = Some(now);
        let (reads, mut failed) = (store.reads(), None);
        for tenant in self.depots.tenants() {
            if let Err(e) = self.sweep_tenant(store, &*reads, &tenant, now) {
                let _ = failed.get_or_insert(e);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn sweep_tenant(
        &self,
        store: &dyn Store,
        reads: &dyn Reads,
        tenant: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (depot, folders) = self.wait(async {
            let depot = self.depots.tenant(tenant).await.map_err(stored)?;
            let folders = depot.folders(keys::STAGING).await.map_err(stored)?;
            Ok((depot, folders))
        })?;
        let mut over = Vec::new();
        for id in folders.iter().filter_map(|f| keys::staging_of(f)) {
            if !is_open(reads, &id)? {
                over.push(id);
            }
        }
        let suspects = self.wait(async {
            let settled = futures_util::stream::iter(over).map(|id| settled(depot.clone(), id));
            settled.buffer_unordered(AT_ONCE).try_concat().await
        })?;
        match suspects.is_empty() {
            true => Ok(()),
            false => store.suspect(tenant, &suspects, now),
        }
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.tokio.block_on(async {
            tokio::select! {
                done = work => done,
                () = self.stop.cancelled() => Err(StoreError::Closed),
            }
        })
    }
}

/// Digests of the artifacts that were staged: what was taken over of them and never recorded is to be found.
async fn settled(depot: Depot, id: AttemptId) -> Result<Vec<String>, StoreError> {
    let staged: Vec<_> = depot.list(&keys::staging(&id)).try_collect().await.map_err(stored)?;
    logs::settle(&depot, &id, None).await.map_err(stored)?;
    let digest = |key: &str| wharf_depot::Digest::parse(&format!("sha256:{}", key.rsplit('/').next()?));
    Ok(staged.iter().filter_map(|o| digest(&o.key)).map(|d| d.to_string()).collect())
}

/// Whether an attempt may still be recorded.
fn is_open(reads: &dyn Reads, id: &AttemptId) -> Result<bool, StoreError> {
    let run = RunId(id.run);
    let Some(row) = reads.run(run)? else { return Ok(false) };
    if row.state.is_final() {
        return Ok(false);
    }
    let flow = reads.flow_version(&row.flow_digest)?;
    let task = flow.as_ref().and_then(|f| f.tasks.iter().position(|t| t.name == id.task));
    // Of a task that its flow does not have any more: until the run is over.
    let Some(task) = task.and_then(|at| u16::try_from(at).ok()) else { return Ok(true) };
    let filter = AttemptFilter { task: Some(task), item: id.item, skip: 0, limit: u32::MAX };
    let attempts = reads.attempts(run, &filter)?;
    let attempt = attempts.iter().find(|a| (a.item, a.attempt) == (id.item, id.attempt));
    Ok(attempt.is_none_or(|a| a.ended.is_none()))
}

fn stored(error: impl std::fmt::Display) -> StoreError {
    StoreError::RemoveStored(error.to_string())
}
