use super::*;
use crate::samples;
use crate::store::{SqliteStore, Store as _};
use tokio::time::Instant;
use wharf_contract::{Artifact, StoreLocation, Usage};
use wharf_core::event::RunId;
use wharf_core::plan::{ArtifactStore, Plan, Task, Tenant};
use wharf_depot::{Depot, Digest, keys};

const UID: &str = "4b1f";
const ATTEMPT: AttemptKey = AttemptKey { run: RunId(7), task: 0, item: Some(3), attempt: 2 };

fn flow() -> Arc<Flow> {
    samples::flow(Task { name: "load".into(), ..samples::task() })
}

/// The work of a coordinator whose tenant keeps its things in a folder.
struct Place {
    work: Work,
    inputs: mpsc::Receiver<Input>,
    depot: Depot,
    _store: SqliteStore,
    dir: tempfile::TempDir,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (state, at) = (dir.path().join("state"), dir.path().join("store"));
    let location = StoreLocation::Folder { path: at };
    let artifact_store = Some(ArtifactStore::Object {
        location: location.clone(),
        credentials: None,
        coordinator_endpoint: None,
        coordinator_credentials: None,
    });
    let tenant = Tenant { artifact_store, ..samples::tenant() };
    let plan = Plan { tenants: [(tenant.name.clone(), Arc::new(tenant))].into(), ..Plan::default() };
    let store = SqliteStore::open(&state).unwrap();
    let (sender, inputs) = mpsc::channel(16);
    let work = Work {
        inputs: sender,
        reads: store.reads(),
        artifacts: Artifacts::new(&state),
        state_dir: state.clone(),
        depots: Depots::of(Arc::new(plan), "0a"),
        settling: Settling::default(),
        following: None,
        hints: crate::logs::Logs::new(&state).hints(),
        turns: Turns::default(),
    };
    Place { work, inputs, depot: Depot::open(&location, None, None).unwrap(), _store: store, dir }
}

impl Place {
    async fn next(&mut self) -> (Ended, Option<Pinned>) {
        match tokio::time::timeout(Duration::from_secs(60), self.inputs.recv()).await.unwrap() {
            Some(Input::Promoted(ended, pinned)) => (ended, pinned),
            other => panic!("{other:?}"),
        }
    }

    async fn stage(&self, text: &str) -> Artifact {
        let digest = Digest::of(text.as_bytes());
        self.depot.put(&keys::staged(&id(), UID, &digest), text.into()).await.unwrap();
        Artifact { digest: digest.to_string(), size: text.len() as u64, name: "rows".into(), media_type: None }
    }

    async fn has(&self, key: &str) -> bool {
        self.depot.head(key).await.unwrap().is_some()
    }
}

fn id() -> AttemptId {
    attempt_id(&flow(), ATTEMPT)
}

fn ended(outcome: Outcome, stored: Option<StoredObject>) -> Ended {
    let staged = Staged::Pod { uid: UID.into(), outcome: stored };
    Ended { attempt: ATTEMPT, outcome: Box::new(outcome), staged, seen: Instant::now() }
}

fn good(artifacts: Vec<Artifact>, log_lines: u64) -> Outcome {
    let usage = Usage { log_lines, ..Usage::default() };
    Outcome { artifacts, usage, ..Outcome::succeeded(Payload::null()) }
}

#[tokio::test]
async fn a_large_outcome_comes_whole_and_what_it_names_is_taken_over() {
    let mut place = place();
    let artifact = place.stage("rows").await;
    let whole = good(vec![artifact.clone()], 1);
    let text = serde_json::to_vec(&whole).unwrap();
    let key = keys::staged_outcome(&id(), UID);
    place.depot.put(&key, text.clone()).await.unwrap();
    place.depot.put(&keys::staged_log(&id(), UID), b"{}\n".to_vec()).await.unwrap();
    let stored = StoredObject { key, digest: Digest::of(&text).to_string(), size: text.len() as u64 };
    let stand_in = Outcome { output: None, ..good(vec![], 1) };
    // As before and after a crash that came before the outcome was durable.
    for _ in 0..2 {
        let ended = ended(stand_in.clone(), Some(stored.clone()));
        assert!(Work::has_files(&ended));
        place.work.promote(&flow(), ended);
        let (ended, pinned) = place.next().await;
        assert_eq!(*ended.outcome, whole);
        assert!(pinned.is_some_and(|p| !p.is_empty()));
        assert!(place.has(&keys::artifact(&Digest::of(b"rows"))).await);
    }
    let leftover = place.work.leftover(&flow(), &ended(whole, Some(stored))).unwrap();
    place.work.settle(leftover);
    place.work.settling.wait(RunId(7), Duration::from_secs(60)).await;
    assert_eq!(place.depot.get(&keys::log(&id()), 99).await.unwrap(), b"{}\n");
    assert_eq!(place.depot.delete_folder("staging").await.unwrap(), 0, "nothing is left");
}

#[tokio::test]
async fn an_attempt_waits_for_a_store_that_fails_and_not_for_one_that_refuses() {
    let mut place = place();
    let artifact = place.stage("rows").await;
    let in_the_way = place.dir.path().join("store/artifacts");
    std::fs::write(&in_the_way, "").unwrap();
    place.work.promote(&flow(), ended(good(vec![artifact.clone()], 0), None));
    let missing = Artifact { digest: Digest::of(b"never staged").to_string(), ..artifact };
    let nowhere = tokio::time::timeout(PAUSE.0 / 2, place.inputs.recv()).await;
    assert!(nowhere.is_err(), "{nowhere:?}");
    std::fs::remove_file(&in_the_way).unwrap();
    let (first, pinned) = place.next().await;
    assert_eq!((first.outcome.cause, pinned.is_some()), (Cause::Succeeded, true));
    place.work.promote(&flow(), ended(good(vec![missing], 9), None));
    let (refused, pinned) = place.next().await;
    assert_eq!((refused.outcome.cause, pinned.is_some()), (Cause::Internal, false));
    assert!(refused.outcome.message.contains("announced and not written"), "{}", refused.outcome.message);
    assert_eq!((refused.outcome.artifacts.len(), refused.outcome.usage.log_lines), (0, 9));
}

#[tokio::test]
async fn what_failed_names_nothing_and_asks_no_store() {
    let mut place = place();
    let artifact = place.stage("rows").await;
    let failed = Outcome { artifacts: vec![artifact], ..Outcome::failed(Cause::Trap, "unreachable") };
    place.work.promote(&flow(), ended(failed, None));
    let (ended, pinned) = place.next().await;
    assert_eq!((ended.outcome.cause, ended.outcome.artifacts.len(), pinned.is_some()), (Cause::Trap, 0, false));
    assert!(!place.has("coordinator").await);
}

#[tokio::test]
async fn an_attempt_that_wrote_nothing_leaves_nothing_to_do() {
    let place = place();
    let artifact = Artifact { digest: "sha256:ab".into(), size: 1, name: "a".into(), media_type: None };
    let check = |ended: Ended, before: bool, after: bool| {
        assert_eq!(Work::has_files(&ended), before, "{ended:?}");
        assert_eq!(place.work.leftover(&flow(), &ended).is_some(), after, "{ended:?}");
    };
    let nowhere = |outcome| Ended { staged: Staged::Nowhere, ..ended(outcome, None) };
    let stored = StoredObject { key: "k".into(), digest: "d".into(), size: 1 };
    let large = Outcome::succeeded(Payload::Artifact(artifact.clone()));
    check(ended(good(vec![], 0), None), false, false);
    check(ended(good(vec![], 1), None), false, true);
    check(ended(good(vec![artifact], 0), None), true, true);
    check(ended(large, None), true, true);
    check(ended(good(vec![], 0), Some(stored)), true, true);
    check(nowhere(good(vec![], 0)), false, false);
    let lost = ended(Outcome::failed(Cause::WorkerLost, "of this machine"), None);
    check(Ended { staged: Staged::Local, ..lost }, true, false);
}
