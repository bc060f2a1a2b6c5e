//! What outlives a pod, on a real cluster with a real S3 server: artifacts, large outputs, logs; seen as a user sees them.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use wharf::artifacts::Artifacts;
use wharf::depots::Depots;
use wharf::logs::{self, LogFilter, Tail};
use wharf::store::{Keep, KeptRuns, SqliteStore, Stores, Upkeep};
use wharf_contract::{Artifact, AttemptId, Outcome, Payload, StoreLocation};
use wharf_core::event::RunId;
use wharf_core::plan::{ArtifactStore, Plan, Tenant};
use wharf_core::time::Timestamp;
use wharf_depot::{Depot, Digest, keys};
use wharf_tests::cluster::{Cluster, Ours, S3Tenant};
use wharf_tests::cluster_world::outcomes;
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::serve::Home;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn ours(cluster: &Cluster) -> Option<&Ours> {
    if cluster.ours().is_none() {
        eprintln!("not run: it takes a store that only a cluster of the tests' own has");
    }
    cluster.ours()
}

/// A config with one tenant, whose store is this account's as these credentials open it.
fn plan(ours: &Ours, account: &S3Tenant, credentials: &Path) -> Arc<Plan> {
    let info = ours.info();
    let location = StoreLocation::S3 {
        bucket: account.bucket.clone(),
        prefix: format!("{}/one", account.prefix.trim_end_matches('/')),
        region: Some(info.s3_region.clone()),
        endpoint: Some(info.s3.clone()),
        allow_http: true,
    };
    let store = ArtifactStore::Object {
        location,
        credentials: None,
        coordinator_endpoint: None,
        coordinator_credentials: Some(credentials.to_owned()),
    };
    let tenant = Tenant {
        name: "acme".into(),
        parallelism: None,
        max_memory: None,
        secrets: BTreeMap::new(),
        allowed_hosts: None,
        allowed_paths: None,
        artifact_store: Some(store),
        pod_template: None,
        namespace: wharf_core::plan::Namespace::default(),
    };
    Arc::new(Plan { tenants: [("acme".into(), Arc::new(tenant))].into(), ..Plan::default() })
}

fn keep_credentials(folder: &Path, account: &S3Tenant) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("AWS_ACCESS_KEY_ID"), &account.access_key).unwrap();
    std::fs::write(folder.join("AWS_SECRET_ACCESS_KEY"), &account.secret_key).unwrap();
}

async fn keys_in(depot: &Depot) -> Vec<String> {
    let mut found: Vec<_> = depot.list("").map_ok(|o| o.key).try_collect().await.unwrap();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pods_leave_is_taken_over_filed_read_and_removed() {
    let Some(ours) = Cluster::shared().and_then(ours) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (state, credentials) = (dir.path().join("state"), dir.path().join("credentials"));
    let account = ours.s3_tenant("store-acme").unwrap();
    keep_credentials(&credentials, &account);
    let plan = plan(ours, &account, &credentials);
    let depots = Depots::of(Arc::clone(&plan), "0a");
    let depot = depots.tenant("acme").await.unwrap();

    // Two pods of one attempt; the first one's outcome is recorded.
    let id = AttemptId { run: 7, task: "load".into(), item: Some(1), attempt: 1 };
    let (rows, other) = (Digest::of(b"rows"), Digest::of(b"of the twin"));
    let artifact = Artifact { digest: rows.to_string(), size: 4, name: "rows".into(), media_type: None };
    let outcome = Outcome { artifacts: vec![artifact], ..Outcome::succeeded(Payload::null()) };
    let text = serde_json::to_vec(&outcome).unwrap();
    let line = r#"{"at":1,"level":"info","source":"task","message":"said"}"#;
    for (key, bytes) in [
        (keys::staged(&id, "u1", &rows), b"rows".to_vec()),
        (keys::staged_log(&id, "u1"), format!("{line}\n").into_bytes()),
        (keys::staged_outcome(&id, "u1"), text.clone()),
        (keys::staged(&id, "u2", &other), b"of the twin".to_vec()),
        (keys::staged_log(&id, "u2"), b"late\n".to_vec()),
        (keys::order(&id), b"{}".to_vec()),
    ] {
        depot.put(&key, bytes).await.unwrap();
    }
    let at = wharf_contract::pod::StoredObject {
        key: keys::staged_outcome(&id, "u1"),
        digest: Digest::of(&text).to_string(),
        size: text.len() as u64,
    };
    let artifacts = Artifacts::new(&state);
    for _ in 0..2 {
        let read = wharf::artifacts::pod::outcome(&depot, &id, "u1", &at).await.unwrap();
        assert_eq!(*read, outcome);
        let pinned = artifacts.promote_pod(&depot, "acme", &id, "u1", &read).await.unwrap();
        drop(pinned);
    }
    logs::settle(&depot, &id, Some("u1")).await.unwrap();
    let kept = [keys::artifact(&rows), "coordinator".into(), keys::log(&id)];
    assert_eq!(keys_in(&depot).await, kept);

    logs::fetch(&depot, &state, RunId(7), &LogFilter::default()).await.unwrap();
    let read = Tail::new(&state, RunId(7), LogFilter::default()).read(9).unwrap();
    assert_eq!(read.iter().map(|r| r.line.message.as_str()).collect::<Vec<_>>(), ["said"]);
    let (size, content) = artifacts.open(&depots, "acme", &rows.to_string()).await.unwrap();
    assert_eq!((size, content.try_concat().await.unwrap()), (4, b"rows".to_vec()));

    // Of a run that nobody knows: what was staged goes, its log stays, and what was taken over of it goes after the grace.
    depot.put(&keys::staged(&id, "u3", &rows), b"rows".to_vec()).await.unwrap();
    let store = SqliteStore::open(&state).unwrap();
    let stores = Stores::new(depots.clone(), tokio::runtime::Handle::current(), CancellationToken::new());
    let upkeep = tokio::task::spawn_blocking(move || {
        let mut upkeep = Upkeep::new(&state, Artifacts::new(&state), stores);
        let others = KeptRuns { successful: 1, failed: 1 };
        let keep =
            Keep { flows: BTreeMap::new(), others, retention_us: None, artifact_grace_us: 1_000_000, at_most: 100 };
        for seconds in [1_000, 1_002] {
            while upkeep.turn(&store, &keep, Timestamp::from_micros(seconds * 1_000_000), ()).unwrap() {}
        }
    });
    upkeep.await.unwrap();
    assert_eq!(keys_in(&depot).await, kept[1..]);

    // Another coordinator, and another tenant's credentials.
    let refused = Depots::of(Arc::clone(&plan), "0b").tenant("acme").await.unwrap_err().to_string();
    assert!(refused.contains("belongs to the coordinator 0a"), "{refused}");
    let stranger = ours.s3_tenant("store-stranger").unwrap();
    keep_credentials(&credentials, &stranger);
    let denied = Depots::of(plan, "0a").tenant("acme").await.unwrap_err();
    let text = denied.to_string();
    assert!(text.contains("tenant `acme`") && text.contains("refuses"), "{text}");
    assert!(!denied.is_transient() && !text.contains(&stranger.secret_key), "{text}");
}

#[test]
fn a_flow_gives_the_same_on_a_cluster_and_its_things_are_had_by_name() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "store-keeps").unwrap() else { return };
    let home = world.home(&(world.head(&Setup::default()) + &world.keeping())).unwrap();
    let local = world.local(&world.keeping()).unwrap();
    let ran = outcomes(&home.said(&["run", "keeping", "-o", "json"]).unwrap()).unwrap();
    assert_eq!(ran, outcomes(&local.said(&["run", "keeping", "-o", "json"]).unwrap()).unwrap(), "byte for byte");
    assert_eq!(ran["inline"]["output"]["json"].as_str().map(str::len), Some(4_000));

    // No coordinator runs any more, and nothing of it is here.
    assert!(!home.state().join("artifacts").exists());
    for (args, bytes) in
        [(vec!["artifact", "1", "keeps", "rows", "-o"], 100_000), (vec!["artifact", "1", "large", "-o"], 50_002)]
    {
        let file = home.path().join("got");
        let args: Vec<_> = args.into_iter().chain([file.to_str().unwrap()]).collect();
        home.said(&args).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().len(), bytes, "{args:?}");
    }
    let lines = |home: &Home| {
        let text = home.said(&["logs", "1", "logs", "-o", "json"]).unwrap();
        let message = |line: &str| serde_json::from_str::<Value>(line).unwrap()["message"].clone();
        text.lines().map(message).collect::<Vec<_>>()
    };
    assert_eq!(lines(&home).len(), 50);
    assert_eq!(lines(&home), lines(&local));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let serve = home.serve().await.unwrap();
        let shown = home.said(&["artifact", "1"]).unwrap();
        assert!(shown.contains("s3://") && shown.contains("/artifacts/"), "{shown}");
        assert_eq!(home.said(&["artifact", "1", "keeps"]).unwrap().len(), 100_000, "through the coordinator");
        serve.terminate().unwrap();
    });
    let missing = home.wharf(&["artifact", "1", "keeps", "columns"]).unwrap();
    assert_eq!(missing.status.code(), Some(4), "{missing:?}");
}

/// Says two lines, and computes until it is ended.
const TALKS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\0d\00\00\00first\nsecond\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
    (loop $on (br $on))))"#;

#[tokio::test]
async fn a_pod_is_followed_while_it_runs_and_read_when_it_has_ended() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "store-talks").unwrap() else { return };
    let files = tempfile::tempdir().unwrap();
    let program = files.path().join("talks.wasm");
    std::fs::write(&program, wat::parse_str(TALKS).unwrap()).unwrap();
    let tasks = json!([{"name": "talks", "component": {"path": program}}]);
    let flow = world.flow("talks", &json!({ "tasks": tasks }));
    let home = world.home(&(world.head(&Setup::default()) + &flow)).unwrap();
    let serve = home.serve().await.unwrap();
    let run: Value = serve.client.post("/v1/runs", &json!({"flow": "talks"})).await.unwrap();
    let run = run["run"].as_u64().unwrap();
    let mut events = serve.client.events(&format!("/v1/runs/{run}/logs?follow=true")).await.unwrap();
    let mut seen = Vec::new();
    let mut cancelled = false;
    let deadline = Instant::now() + DEADLINE;
    loop {
        let event = tokio::time::timeout_at(deadline.into(), events.next()).await.unwrap().unwrap().unwrap();
        match event.event.as_str() {
            "log" => seen.push(serde_json::from_str::<Value>(&event.data).unwrap()["message"].clone()),
            "end" => break,
            other => panic!("{other}: {}", event.data),
        }
        if seen.len() == 2 && !cancelled {
            // They came while it runs.
            cancelled = true;
            let _: Value = serve.client.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await.unwrap();
        }
    }
    assert_eq!(seen, ["first", "second"].map(Value::from));
    let text = serve.client.get_text(&format!("/v1/runs/{run}/logs?task=talks")).await.unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    let key = keys::log(&AttemptId { run, task: "talks".into(), item: None, attempt: 1 });
    let kept = String::from_utf8(world.store().unwrap().get(&key, 1 << 20).await.unwrap()).unwrap();
    let file = home.state().join("logs").join(run.to_string()).join("talks.1.jsonl");
    assert_eq!(std::fs::read_to_string(file).unwrap(), kept, "what was followed is replaced by what it left");
    serve.terminate().unwrap();
}
