//! What a pod staged in its tenant's store, taken over within that store: no byte of an artifact comes by here.
//!
//! A pod stages below a key that holds its UID. Only what the recorded outcome names is copied out of there, so that a
//! second pod of the same attempt, however late, changes nothing. Everything here may be repeated after a crash: the
//! staged objects are removed once the outcome is durable, by [`crate::logs::settle()`].

use super::{Artifacts, Pinned, PromoteError, named};
use futures_util::{StreamExt as _, TryStreamExt as _};
use wharf_contract::pod::StoredObject;
use wharf_contract::{Artifact, AttemptId, MAX_FRAME, Outcome};
use wharf_depot::{Depot, Digest, Error, keys};

/// Largest outcome in bytes that is taken from a store: what a worker could send in a frame.
const MAX_OUTCOME: u64 = MAX_FRAME as u64;
/// Copies of one attempt that are under way at a time.
const COPIES: usize = 8;

/// Why an outcome cannot be had from the store.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The pod's report names another object than its own outcome.
    #[error("the pod's report names {0} as its outcome, which is not its own")]
    NotItsOwn(String),
    /// The object cannot be read.
    #[error("the outcome of the attempt cannot be read from the tenant's store: {0}")]
    Store(#[from] Error),
    /// The object is no outcome.
    #[error("the tenant's store holds no outcome of the attempt at {key}: {why}")]
    Malformed {
        /// The object.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The outcome that a pod left in its tenant's store since its report could not hold it.
///
/// # Errors
/// [`OutcomeError`].
pub async fn outcome(
    depot: &Depot,
    id: &AttemptId,
    uid: &str,
    at: &StoredObject,
) -> Result<Box<Outcome>, OutcomeError> {
    let malformed = |why: String| OutcomeError::Malformed { key: at.key.clone(), why };
    if at.key != keys::staged_outcome(id, uid) {
        return Err(OutcomeError::NotItsOwn(at.key.clone()));
    }
    let digest = Digest::parse(&at.digest).ok_or_else(|| malformed(format!("`{}` is no digest", at.digest)))?;
    let bytes = depot.get_checked(&at.key, at.size.min(MAX_OUTCOME), &digest).await?;
    let outcome = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
    Ok(crate::executor::checked(outcome))
}

impl Artifacts {
    /// Takes over what an outcome names from what the pod staged. When this returns, the objects are there for good. What
    /// the pod staged stays for now.
    ///
    /// May be repeated: what is there already is not asked for again.
    ///
    /// # Errors
    /// [`PromoteError`]; some objects may have been taken over.
    pub async fn promote_pod(
        &self,
        depot: &Depot,
        tenant: &str,
        id: &AttemptId,
        uid: &str,
        outcome: &Outcome,
    ) -> Result<Pinned, PromoteError> {
        let mut pinned = Pinned::new(&self.pins);
        let mut copies = Vec::new();
        for artifact in named(outcome) {
            let digest = Digest::parse(&artifact.digest);
            let digest = digest.ok_or_else(|| PromoteError::BadDigest(artifact.digest.clone()))?;
            pinned.hold_settled((tenant.to_owned(), artifact.digest.clone())).await;
            copies.push(take_over(depot, keys::staged(id, uid, &digest), keys::artifact(&digest), artifact));
        }
        futures_util::stream::iter(copies).buffer_unordered(COPIES).try_collect::<()>().await?;
        Ok(pinned)
    }
}

async fn take_over(depot: &Depot, from: String, to: String, artifact: &Artifact) -> Result<(), PromoteError> {
    let name = || artifact.name.clone();
    match depot.copy(&from, &to, artifact.size).await {
        Ok(_) => Ok(()),
        Err(Error::NotFound { .. }) => Err(PromoteError::Missing { name: name(), digest: artifact.digest.clone() }),
        Err(source) => Err(PromoteError::Store { name: name(), source }),
    }
}

impl OutcomeError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, OutcomeError::Store(e) if e.is_transient())
    }
}

impl PromoteError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, PromoteError::Store { source, .. } if source.is_transient())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use wharf_contract::{Cause, Payload, StoreLocation};

    const UID: &str = "4b1f";

    fn id() -> AttemptId {
        AttemptId { run: 7, task: "a".into(), item: None, attempt: 2 }
    }

    fn depot(dir: &Path) -> Depot {
        Depot::open(&StoreLocation::Folder { path: dir.to_owned() }, None, None).unwrap()
    }

    fn artifact(text: &str) -> Artifact {
        let digest = Digest::of(text.as_bytes()).to_string();
        Artifact { digest, size: text.len() as u64, name: "greeting".into(), media_type: None }
    }

    fn good(artifacts: Vec<Artifact>) -> Outcome {
        Outcome { artifacts, ..Outcome::succeeded(Payload::null()) }
    }

    async fn stage(depot: &Depot, uid: &str, text: &str) -> Artifact {
        let artifact = artifact(text);
        let digest = Digest::parse(&artifact.digest).unwrap();
        depot.put(&keys::staged(&id(), uid, &digest), text.into()).await.unwrap();
        artifact
    }

    #[tokio::test]
    async fn what_an_outcome_names_is_copied_and_nothing_of_a_twin() {
        let dir = tempfile::tempdir().unwrap();
        let depot = depot(dir.path());
        let artifacts = Artifacts::new(&dir.path().join("state"));
        let (mine, large) = (stage(&depot, UID, "hello").await, stage(&depot, UID, "large").await);
        stage(&depot, "twin", "other").await;
        let outcome = Outcome { output: Some(Payload::Artifact(large.clone())), ..good(vec![mine.clone()]) };
        for repeat in 0..2 {
            let pinned = artifacts.promote_pod(&depot, "acme", &id(), UID, &outcome).await.unwrap();
            assert!(!pinned.is_empty());
            // As after a crash that came when the outcome was durable and part of the staged objects removed.
            if repeat == 0 {
                depot.delete_folder(&keys::pod(&id(), UID)).await.unwrap();
            }
        }
        for (artifact, text) in [(mine, "hello"), (large, "large")] {
            let key = keys::artifact(&Digest::parse(&artifact.digest).unwrap());
            assert_eq!(depot.get(&key, 99).await.unwrap(), text.as_bytes());
        }
        let other = keys::artifact(&Digest::of(b"other"));
        assert_eq!(depot.head(&other).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_was_not_staged_is_refused_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let depot = depot(dir.path());
        let artifacts = Artifacts::new(dir.path());
        stage(&depot, "twin", "hello").await;
        for (artifact, expect) in [
            (artifact("hello"), "announced and not written"),
            (Artifact { digest: "sha256:../../a".into(), ..artifact("hello") }, "is no digest"),
        ] {
            let failed = artifacts.promote_pod(&depot, "acme", &id(), UID, &good(vec![artifact])).await.unwrap_err();
            assert!(failed.to_string().contains(expect) && !failed.is_transient(), "{failed}");
        }
    }

    #[tokio::test]
    async fn a_large_outcome_is_read_whole_and_only_the_pods_own() {
        let dir = tempfile::tempdir().unwrap();
        let depot = depot(dir.path());
        let text = serde_json::to_vec(&good(vec![artifact("hello")])).unwrap();
        let own = keys::staged_outcome(&id(), UID);
        depot.put(&own, text.clone()).await.unwrap();
        depot.put(&keys::staged_outcome(&id(), "twin"), text.clone()).await.unwrap();
        let at = |key: &str, digest: &Digest, size: usize| StoredObject {
            key: key.to_owned(),
            digest: digest.to_string(),
            size: size as u64,
        };
        let digest = Digest::of(&text);
        let read = outcome(&depot, &id(), UID, &at(&own, &digest, text.len())).await.unwrap();
        assert_eq!((read.cause, read.artifacts.len()), (Cause::Succeeded, 1));
        let nonsense = b"{\"cause\":\"nonsense\"}";
        depot.put(&keys::staged_outcome(&id(), "bad"), nonsense.to_vec()).await.unwrap();
        let bad = at(&keys::staged_outcome(&id(), "bad"), &Digest::of(nonsense), nonsense.len());
        for (uid, at, expect) in [
            (UID, at(&keys::staged_outcome(&id(), "twin"), &digest, text.len()), "not its own"),
            (UID, at(&own, &Digest::of(b""), text.len()), "damaged or replaced"),
            (UID, at(&own, &digest, 3), "larger than 3 bytes"),
            ("gone", at(&keys::staged_outcome(&id(), "gone"), &digest, 9), "is not in the store"),
            ("bad", bad, "holds no outcome"),
        ] {
            let failed = outcome(&depot, &id(), uid, &at).await.unwrap_err();
            assert!(failed.to_string().contains(expect) && !failed.is_transient(), "{failed}");
        }
    }
}
