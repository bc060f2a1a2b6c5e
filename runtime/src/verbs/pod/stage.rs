//! What an attempt leaves: artifacts and its log go to the store, below the pod's own UID, before the report is written.

use super::report::{self, End};
use futures_util::TryStreamExt as _;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use wharf_contract::pod::{PodReport, StoredObject};
use wharf_contract::{Artifact, AttemptId, Cause, ExitCode, LogLevel, Outcome};
use wharf_depot::{Depot, Digest, Error, keys};
use wharf_runtime::{Attempt, Refusal, Store};

/// Largest artifact of which several are sent at a time, in bytes.
const SMALL: u64 = 1 << 20;
/// Small artifacts that are sent at a time.
const AT_ONCE: usize = 8;

/// Where one pod leaves what it made.
pub(super) struct Stage<'a> {
    pub store: &'a Store,
    pub attempt: &'a Arc<Attempt>,
    pub uid: &'a str,
    /// Folder of the finished artifacts, each named by its digest.
    pub artifacts: &'a Path,
    /// The log's lines.
    pub log: &'a Path,
}

impl Stage<'_> {
    /// Keeps what the outcome names and the log, and says what is to be reported: an outcome whose artifacts are not
    /// kept would be a promise that nobody can hold.
    pub(super) async fn keep(&self, outcome: Outcome) -> End {
        let kept = self.artifacts(&outcome.artifacts).await;
        let outcome = match kept {
            Ok(()) => outcome,
            Err(e) => without_artifacts(outcome, &e),
        };
        // The log comes last and decides nothing: its lines are on standard error as well.
        if let Err(e) = self.log(&outcome).await {
            self.attempt.note(LogLevel::Warn, format!("the log cannot be kept in the store: {e}"));
        }
        self.report(outcome).await
    }

    fn id(&self) -> &AttemptId {
        &self.attempt.invocation.id
    }

    async fn artifacts(&self, artifacts: &[Artifact]) -> Result<(), Error> {
        if artifacts.is_empty() {
            return Ok(());
        }
        let depot = self.store.depot()?;
        let by_digest: HashMap<Digest, u64> =
            artifacts.iter().filter_map(|a| Some((Digest::parse(&a.digest)?, a.size))).collect();
        let (small, large): (Vec<_>, Vec<_>) = by_digest.into_iter().partition(|(_, size)| *size <= SMALL);
        futures_util::stream::iter(small.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |(digest, _)| self.artifact(depot, digest))
            .await?;
        for (digest, _) in large {
            self.artifact(depot, digest).await?;
        }
        Ok(())
    }

    async fn artifact(&self, depot: &Depot, digest: Digest) -> Result<(), Error> {
        let key = keys::staged(self.id(), self.uid, &digest);
        depot.put_file(&key, &self.artifacts.join(digest.hex()), &digest).await
    }

    async fn log(&self, outcome: &Outcome) -> Result<(), Error> {
        if outcome.usage.log_lines == 0 {
            return Ok(());
        }
        let digest = Digest::of_file(self.log)?;
        self.store.depot()?.put_file(&keys::staged_log(self.id(), self.uid), self.log, &digest).await
    }

    async fn report(&self, outcome: Outcome) -> End {
        if report::fits(&outcome) {
            return End::outcome(outcome);
        }
        match self.store_outcome(&outcome).await {
            Ok(object) => End { report: PodReport::Stored(object), code: ExitCode::of(outcome.cause) },
            Err(e) => End::outcome(without_artifacts(outcome, &e)),
        }
    }

    async fn store_outcome(&self, outcome: &Outcome) -> Result<StoredObject, Error> {
        let text = serde_json::to_vec(outcome).map_err(|e| Error::Local(e.to_string()))?;
        let key = keys::staged_outcome(self.id(), self.uid);
        let (digest, size) = (Digest::of(&text).to_string(), text.len() as u64);
        self.store.depot()?.put(&key, text).await?;
        Ok(StoredObject { key, digest, size })
    }
}

/// What an outcome is worth whose artifacts or whose own text could not be kept.
pub(super) fn without_artifacts(outcome: Outcome, why: &dyn std::fmt::Display) -> Outcome {
    let usage = outcome.usage;
    let failed = if outcome.cause == Cause::Succeeded {
        Refusal::internal("the task succeeded, and what it wrote cannot be kept", why).into()
    } else {
        Outcome {
            retry_after: outcome.retry_after,
            exit_code: outcome.exit_code,
            ..Outcome::failed(outcome.cause, outcome.message)
        }
    };
    Outcome { usage, ..failed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::Payload;

    #[test]
    fn an_outcome_promises_nothing_that_is_not_kept() {
        let artifact = Artifact { digest: "d".into(), size: 1, name: "n".into(), media_type: None };
        let mut outcome = Outcome::succeeded(Payload::Artifact(artifact.clone()));
        outcome.artifacts.push(artifact.clone());
        outcome.usage.run_us = 7;
        let left = without_artifacts(outcome, &"the store is full");
        assert_eq!((left.cause, left.usage.run_us, left.artifacts.len()), (Cause::Internal, 7, 0));
        assert!(left.output.is_none() && left.message.contains("the store is full"), "{left:?}");

        let mut failed = Outcome::failed(Cause::Retryable, "later");
        failed.artifacts.push(artifact);
        failed.retry_after = Some(5);
        let left = without_artifacts(failed, &"the store is full");
        assert_eq!((left.cause, left.message.as_str(), left.retry_after), (Cause::Retryable, "later", Some(5)));
        assert!(left.artifacts.is_empty());
    }
}
