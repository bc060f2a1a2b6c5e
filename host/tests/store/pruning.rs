//! Retention: what goes, what stays, and that files follow.

use crate::support::*;
use serde_json::json as value;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wharf::artifacts::Artifacts;
use wharf::depots::Depots;
use wharf::store::{Expired, Keep, KeptRuns, RunFilter, SqliteStore, Store, Stores, Tenants, Upkeep};
use wharf_contract::{Artifact, AttemptId, Outcome, StoreLocation};
use wharf_core::event::{BackfillId, BackfillSpec, Entry, Event, RunId, RunState, Tick, TickEnd};
use wharf_core::plan::{ArtifactStore, Flow, Plan, Tenant};
use wharf_depot::{Depot, Digest, keys};

pub(crate) fn keep(successful: u32, failed: u32) -> Keep {
    let others = KeptRuns { successful, failed };
    Keep { flows: Default::default(), others, retention_us: None, artifact_grace_us: 0, at_most: 1_000 }
}

fn there(store: &SqliteStore) -> Vec<u64> {
    let all = RunFilter { limit: 1_000, ..RunFilter::default() };
    let mut ids: Vec<_> = store.reads().runs(&all).unwrap().iter().map(|r| r.run.0).collect();
    ids.sort_unstable();
    ids
}

fn ids(expired: &Expired) -> Vec<u64> {
    assert!(expired.runs.iter().all(|r| r.tenant == "acme"), "{expired:?}");
    expired.runs.iter().map(|r| r.run.0).collect()
}

#[test]
fn the_newest_runs_of_each_flow_and_kind_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let (f, g) = (flow("f", 1, &["a"]), flow("g", 1, &["a"]));
    for run in 1..=10 {
        // Of f: 2, 4 .. 10 succeed. Of g: 1, 3 .. 9, and 3 and 9 fail.
        let (flow, fails) = if run % 2 == 0 { (&f, false) } else { (&g, run % 3 == 0) };
        let outcome = if fails { bad() } else { good(value!(run)) };
        store.append(whole_run(flow, run, run as i64, spec(flow, None), outcome));
    }
    put(&store, append(vec![created(11, 11, spec(&g, None))], &g));
    let mut keep = keep(9, 9);
    keep.flows.insert(name("f"), KeptRuns { successful: 2, failed: 0 });
    keep.flows.insert(name("g"), KeptRuns { successful: 1, failed: 1 });
    keep.at_most = 3;
    let mut gone = Vec::new();
    let mut calls = 0;
    loop {
        let expired = store.prune(&keep, at(100)).unwrap();
        gone.extend(ids(&expired));
        store.removed(&expired).unwrap();
        calls += 1;
        if !expired.more {
            break;
        }
    }
    gone.sort_unstable();
    assert_eq!((gone, calls > 1), (vec![1, 2, 3, 4, 5, 6], true));
    assert_eq!(there(&store), [7, 8, 9, 10, 11]);
    assert!(store.reads().load(RunId(2)).unwrap().is_none());
    assert!(store.reads().detail(RunId(8), 9).unwrap().is_some());
    keep.retention_us = Some(1_000_000);
    assert_eq!(ids(&store.prune(&keep, at(10)).unwrap()), [7], "ended at 8, older than a second");
    assert_eq!(
        ids(&store.prune(&keep, at(100)).unwrap()),
        [7, 8, 9],
        "named again until the files are gone; three a call"
    );
    assert_eq!(there(&store), [11], "the one that is not final");
    drop(store);
    assert_eq!(SqliteStore::open(dir.path()).unwrap().recover().unwrap().next_run, RunId(12), "no number comes again");
}

#[test]
fn runs_of_an_open_backfill_stay_and_are_counted_after_they_went() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let flow = flow("f", 1, &["a"]);
    let plan = BackfillSpec {
        flow: flow.name.clone(),
        flow_digest: flow.digest.clone(),
        from: "1".into(),
        to: "3".into(),
        skip: Vec::new(),
        max_active: 1,
        params: serde_json::Map::new(),
    };
    store.append(append(vec![Entry::BackfillCreated { id: BackfillId(1), at: at(1), spec: Box::new(plan) }], &flow));
    for run in 1..=3 {
        let outcome = if run == 2 { bad() } else { good(value!(run)) };
        store.append(whole_run(&flow, run, 1, of_backfill(spec(&flow, Some(&run.to_string())), 1), outcome));
    }
    let none = keep(0, 0);
    assert_eq!(store.prune(&none, at(9)).unwrap(), Expired::default());
    put(&store, append(vec![Entry::BackfillEnded { id: BackfillId(1), at: at(9), state: RunState::Failed }], &flow));
    assert_eq!(ids(&store.prune(&none, at(9)).unwrap()), [1, 2, 3]);
    let row = store.reads().backfill(BackfillId(1)).unwrap().unwrap();
    assert_eq!((row.runs.succeeded, row.runs.failed, row.runs.running), (2, 1, 0));
    let done = store.reads().succeeded_partitions(&flow.name).unwrap();
    assert_eq!(done.into_iter().collect::<Vec<_>>(), ["1", "3"], "what succeeded is known after its run went");
    let all = Keep { retention_us: Some(1), ..none };
    store.prune(&all, at(20)).unwrap();
    assert!(store.reads().backfill(BackfillId(1)).unwrap().is_none());
    assert!(store.reads().flow_version("f-1").unwrap().is_none(), "nothing pins it");
    put(&store, whole_run(&flow, 4, 30, spec(&flow, None), good(value!(4))));
    assert!(store.reads().flow_version("f-1").unwrap().is_some(), "it is handed over with each run");
}

#[test]
fn a_long_run_goes_by_pieces_and_ticks_go_with_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let flow = flow("f", 1, &["each"]);
    let mut entries = vec![created(1, 1, spec(&flow, None)), entry(1, 1, Event::Expanded { task: 0, items: 500 })];
    for item in 0..500 {
        entries.push(started(1, 1, 0, Some(item), 1));
        entries.push(finished(1, 2, 0, Some(item), 1, bad()));
    }
    entries.push(ended(1, 3, RunState::Failed));
    for seconds in 0..50 {
        let end = TickEnd::Ran(RunId(1));
        entries.push(Entry::Tick(Tick { flow: flow.name.clone(), scheduled_time: at(seconds), at: at(seconds), end }));
    }
    put(&store, append(entries, &flow));
    let keep = Keep { at_most: 2, retention_us: Some(10_000_000), ..keep(0, 0) };
    let mut calls = 0;
    loop {
        let expired = store.prune(&keep, at(50)).unwrap();
        calls += 1;
        assert!(there(&store).is_empty(), "no reader finds half of it");
        if !expired.more {
            assert_eq!(ids(&expired), [1]);
            break;
        }
        assert_eq!(ids(&expired), [] as [u64; 0], "its files go last");
    }
    assert!(calls > 5, "{calls} calls");
    for _ in 0..30 {
        store.prune(&keep, at(50)).unwrap();
    }
    assert_eq!(store.reads().ticks(None, &Tenants::All, 100).unwrap().len(), 10);
}

/// Stages and takes over an artifact, and records the run whose only task wrote it.
fn run_with_file(
    store: &SqliteStore,
    artifacts: &Artifacts,
    dir: &Path,
    flow: &Arc<Flow>,
    run: u64,
    key: Option<&str>,
    text: &str,
) -> Artifact {
    use sha2::Digest;
    let hex: String = sha2::Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect();
    let artifact =
        Artifact { digest: format!("sha256:{hex}"), size: text.len() as u64, name: "report".into(), media_type: None };
    let staging = dir.join(format!("staging/{run}-a-x-1"));
    std::fs::create_dir_all(&staging).unwrap();
    std::fs::write(staging.join(hex), text).unwrap();
    let outcome = Outcome { artifacts: vec![artifact.clone()], ..good(value!({"report": artifact.digest})) };
    let pinned = artifacts.promote("acme", &staging, &outcome).unwrap();
    put(store, whole_run(flow, run, run as i64, spec(flow, key), outcome));
    drop(pinned);
    let log = dir.join(format!("logs/{run}"));
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("a.1.jsonl"), "{}\n").unwrap();
    std::fs::create_dir_all(dir.join(format!("state/{run}"))).unwrap();
    artifact
}

/// Retention of a state folder; where `store` names a folder, that is the store of the tenant.
fn upkeep(dir: &Path, artifacts: &Artifacts, store: Option<&Path>) -> (Upkeep, Runtime) {
    let tenant = Tenant {
        name: "acme".into(),
        parallelism: None,
        max_memory: None,
        secrets: Default::default(),
        allowed_hosts: None,
        allowed_paths: None,
        artifact_store: store.map(|path| ArtifactStore::Object {
            location: StoreLocation::Folder { path: path.into() },
            credentials: None,
            coordinator_endpoint: None,
            coordinator_credentials: None,
        }),
        pod_template: None,
        namespace: Default::default(),
    };
    let plan = Plan { tenants: [("acme".into(), Arc::new(tenant))].into(), ..Plan::default() };
    let runtime = Runtime::new().unwrap();
    let depots = Depots::of(Arc::new(plan), "0a");
    let stores = Stores::new(depots, runtime.handle().clone(), CancellationToken::new());
    (Upkeep::new(dir, artifacts.clone(), stores), runtime)
}

fn settle(upkeep: &mut Upkeep, store: &SqliteStore, keep: &Keep, now: i64) {
    let mut turns = 0;
    while upkeep.turn(store, keep, at(now), ()).unwrap() {
        turns += 1;
        assert!(turns < 1_000);
    }
}

#[test]
fn files_follow_and_the_latest_success_of_a_partition_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let artifacts = Artifacts::new(dir);
    let (mut upkeep, _runtime) = upkeep(dir, &artifacts, None);
    let store = SqliteStore::open(dir).unwrap();
    let flow = flow("f", 1, &["a"]);
    let shared = run_with_file(&store, &artifacts, dir, &flow, 1, None, "shared");
    let plain = run_with_file(&store, &artifacts, dir, &flow, 2, None, "plain");
    let old = run_with_file(&store, &artifacts, dir, &flow, 3, Some("2012-01-01"), "old");
    let latest = run_with_file(&store, &artifacts, dir, &flow, 4, Some("2012-01-01"), "latest");
    run_with_file(&store, &artifacts, dir, &flow, 5, None, "shared");
    let size = |a: &Artifact| artifacts.size("acme", &a.digest);
    let mut settle = |keep: &Keep, now| settle(&mut upkeep, &store, keep, now);
    let grace = Keep { artifact_grace_us: 60_000_000, ..keep(1, 0) };
    settle(&grace, 100);
    assert_eq!(there(&store), [5]);
    assert!((1..=4).all(|run| !dir.join(format!("logs/{run}")).exists() && !dir.join(format!("state/{run}")).exists()));
    assert!(dir.join("logs/5").exists());
    assert_eq!(size(&plain), Some(5), "for whoever reads it just now");
    settle(&grace, 161);
    let left = [&shared, &plain, &old, &latest].map(|a| size(a).is_some());
    assert_eq!(left, [true, false, false, true], "shared by a run that is there; latest of its partition");
    let newest = run_with_file(&store, &artifacts, dir, &flow, 6, Some("2012-01-01"), "newest");
    settle(&grace, 300);
    settle(&grace, 400);
    assert_eq!([&shared, &latest, &newest].map(|a| size(a).is_some()), [false, false, true]);
}

#[test]
fn what_was_taken_over_and_never_recorded_is_found_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let artifacts = Artifacts::new(dir);
    let store = SqliteStore::open(dir).unwrap();
    let flow = flow("f", 1, &["a"]);
    let recorded = run_with_file(&store, &artifacts, dir, &flow, 1, None, "recorded");
    let orphan = artifacts.path("acme", &artifact('3').digest).unwrap();
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "abc").unwrap();
    let (mut upkeep, _runtime) = upkeep(dir, &artifacts, None);
    let keep = Keep { artifact_grace_us: 60_000_000, ..keep(9, 9) };
    settle(&mut upkeep, &store, &keep, 1_000);
    assert!(orphan.exists(), "it may be recorded yet");
    settle(&mut upkeep, &store, &keep, 1_061);
    assert!(!orphan.exists());
    assert!(artifacts.size("acme", &recorded.digest).is_some());
}

/// The keys that a store holds, sorted, but for those that say whose it is.
fn keys_in(runtime: &Runtime, depot: &Depot) -> Vec<String> {
    use futures_util::TryStreamExt as _;
    let mut found: Vec<_> = runtime.block_on(depot.list("").map_ok(|o| o.key).try_collect()).unwrap();
    found.retain(|key| !key.starts_with("coordinator"));
    found.sort();
    found
}

fn attempt(run: u64, attempt: u32) -> AttemptId {
    AttemptId { run, task: "a".into(), item: None, attempt }
}

#[test]
fn what_pods_left_in_a_tenants_store_goes_as_files_do() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, place) = (dir.path().join("state"), dir.path().join("store"));
    std::fs::create_dir(&dir).unwrap();
    let artifacts = Artifacts::new(&dir);
    let store = SqliteStore::open(&dir).unwrap();
    let flow = flow("f", 1, &["a"]);
    let (mut upkeep, runtime) = upkeep(&dir, &artifacts, Some(&place));
    let depot = Depot::open(&StoreLocation::Folder { path: place }, None, None).unwrap();
    let put_text = |key: &str, text: &str| runtime.block_on(depot.put(key, text.into())).unwrap();
    // Runs 1 and 2 wrote the same, run 1 something else too.
    for (run, texts) in [(1, vec!["both", "one"]), (2, vec!["both"])] {
        let named: Vec<_> = texts
            .iter()
            .map(|text| {
                let digest = Digest::of(text.as_bytes());
                put_text(&keys::artifact(&digest), text);
                let (digest, size) = (digest.to_string(), text.len() as u64);
                Artifact { digest, size, name: (*text).into(), media_type: None }
            })
            .collect();
        let outcome = Outcome { artifacts: named, ..good(value!(run)) };
        put_text(&keys::log(&attempt(run, 1)), "{}\n");
        put_text(&keys::state(&attempt(run, 1)), "checkpoint");
        put(&store, whole_run(&flow, run, run as i64, spec(&flow, None), outcome));
    }
    let grace = Keep { artifact_grace_us: 60_000_000, ..keep(1, 0) };
    settle(&mut upkeep, &store, &grace, 100);
    let (both, one) = (keys::artifact(&Digest::of(b"both")), keys::artifact(&Digest::of(b"one")));
    let mut expect = vec![both.clone(), one, "logs/2/a.1.jsonl".into(), "state/2/a".into()];
    expect.sort();
    assert_eq!(keys_in(&runtime, &depot), expect, "for whoever reads it just now");
    settle(&mut upkeep, &store, &grace, 161);
    assert_eq!(keys_in(&runtime, &depot), [both.as_str(), "logs/2/a.1.jsonl", "state/2/a"]);
}

#[test]
fn what_was_staged_goes_when_its_attempt_is_over_and_its_log_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, place) = (dir.path().join("state"), dir.path().join("store"));
    std::fs::create_dir(&dir).unwrap();
    let artifacts = Artifacts::new(&dir);
    let store = SqliteStore::open(&dir).unwrap();
    let flow = flow("f", 1, &["a"]);
    let (mut upkeep, runtime) = upkeep(&dir, &artifacts, Some(&place));
    let depot = Depot::open(&StoreLocation::Folder { path: place }, None, None).unwrap();
    let put_text = |key: &str, text: &str| runtime.block_on(depot.put(key, text.into())).unwrap();
    // Run 3 goes on: its first attempt is lost, the second one runs.
    let mut entries = vec![created(3, 1, spec(&flow, None)), started(3, 1, 0, None, 1)];
    entries.extend([finished(3, 2, 0, None, 1, bad()), started(3, 3, 0, None, 2)]);
    put(&store, append(entries, &flow));
    let taken_over = Digest::of(b"taken over and never recorded");
    put_text(&keys::artifact(&taken_over), "taken over and never recorded");
    put_text(&keys::staged(&attempt(3, 1), "u", &taken_over), "taken over and never recorded");
    put_text(&keys::staged_log(&attempt(3, 1), "u"), "what the lost pod said");
    put_text(&keys::order(&attempt(3, 1)), "{}");
    put_text(&keys::staged_log(&attempt(3, 2), "u"), "it runs");
    put_text(&keys::staged_log(&attempt(9, 1), "u"), "of a run that is not there");
    put_text("staging/readme", "not ours");
    let grace = Keep { artifact_grace_us: 60_000_000, ..keep(9, 9) };
    settle(&mut upkeep, &store, &grace, 100);
    let log = |run, n| keys::log(&attempt(run, n));
    let left = [&log(3, 1), &log(9, 1), &keys::staged_log(&attempt(3, 2), "u"), &"staging/readme".to_owned()];
    let mut expect: Vec<_> = left.into_iter().cloned().collect();
    expect.insert(0, keys::artifact(&taken_over));
    assert_eq!(keys_in(&runtime, &depot), expect);
    assert_eq!(runtime.block_on(depot.get(&log(3, 1), 99)).unwrap(), b"what the lost pod said");
    settle(&mut upkeep, &store, &grace, 161);
    assert_eq!(keys_in(&runtime, &depot), expect[1..], "nobody recorded it");
}

#[test]
fn a_store_that_cannot_be_used_keeps_its_runs_in_mind_and_holds_nothing_else_up() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, place) = (dir.path().join("state"), dir.path().join("store"));
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(&place, "in the way").unwrap();
    let artifacts = Artifacts::new(&dir);
    let store = SqliteStore::open(&dir).unwrap();
    let flow = flow("f", 1, &["a"]);
    let written = run_with_file(&store, &artifacts, &dir, &flow, 1, None, "written here");
    let (mut upkeep, _runtime) = upkeep(&dir, &artifacts, Some(&place));
    let failed = upkeep.turn(&store, &keep(0, 0), at(100), ()).unwrap_err().to_string();
    assert!(failed.contains("tenant `acme`"), "{failed}");
    assert!(!dir.join("logs/1").exists() && artifacts.size("acme", &written.digest).is_none());
    assert_eq!(ids(&store.prune(&keep(0, 0), at(100)).unwrap()), [1], "named until it is gone from the store too");
    std::fs::remove_file(&place).unwrap();
    settle(&mut upkeep, &store, &keep(0, 0), 200);
    assert_eq!(store.prune(&keep(0, 0), at(200)).unwrap(), Expired::default());
}
