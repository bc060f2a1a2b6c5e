//! Stores in volumes of a real cluster, which the coordinator reaches through pods that serve them.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use wharf::artifacts::Artifacts;
use wharf::depots::Depots;
use wharf::executor::kubernetes::{Access, Readers};
use wharf::load::Loader;
use wharf::store::{Keep, KeptRuns, SqliteStore, Store as _, Stores, Upkeep};
use wharf_core::plan::Plan;
use wharf_core::time::Timestamp;
use wharf_depot::Digest;
use wharf_tests::cluster::Cluster;
use wharf_tests::cluster_world::{Setup, World, outcomes};
use wharf_tests::serve::Home;

/// How long anything may take on a busy machine.
const BUSY: Duration = Duration::from_secs(120);
/// What selects what serves claims.
const SERVES: &str = "app.kubernetes.io/component=store";

/// A claim `store` in each of some namespaces, with a folder of the node behind it.
struct Claims<'a> {
    cluster: &'a Cluster,
    dir: tempfile::TempDir,
    namespaces: Vec<String>,
}

impl<'a> Claims<'a> {
    fn new(world: &World<'a>) -> Claims<'a> {
        let namespaces = vec![world.tenant().to_owned(), world.operator().to_owned()];
        let claims = Claims { cluster: world.cluster(), dir: tempfile::tempdir().unwrap(), namespaces };
        open_to_all(claims.dir.path());
        claims.release();
        for namespace in &claims.namespaces {
            let folder = claims.folder(namespace);
            std::fs::create_dir(&folder).unwrap();
            open_to_all(&folder);
            let (capacity, modes) = (json!({"storage": "1Gi"}), json!(["ReadWriteOnce"]));
            let any = json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}]});
            let volume = json!({
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name(namespace)},
                "spec": {
                    "capacity": capacity, "accessModes": modes, "storageClassName": "", "local": {"path": folder},
                    "persistentVolumeReclaimPolicy": "Retain", "nodeAffinity": {"required": any},
                    "claimRef": {"namespace": namespace, "name": "store"},
                },
            });
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "store", "namespace": namespace},
                "spec": {
                    "accessModes": modes, "storageClassName": "", "volumeName": name(namespace),
                    "resources": {"requests": capacity},
                },
            });
            claims.cluster.apply(&volume.to_string()).unwrap();
            claims.cluster.apply(&claim.to_string()).unwrap();
        }
        claims
    }

    /// What is in a namespace's claim.
    fn folder(&self, namespace: &str) -> PathBuf {
        self.dir.path().join(namespace)
    }

    fn release(&self) {
        for namespace in &self.namespaces {
            let gone = ["delete", "pv", &name(namespace), "--ignore-not-found", "--wait=false"];
            drop(self.cluster.kubectl_output(&gone));
            let free = r#"--patch={"metadata":{"finalizers":null}}"#;
            drop(self.cluster.kubectl(&["patch", "pv", &name(namespace), free]).output());
        }
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

fn name(namespace: &str) -> String {
    format!("wharf-test-{namespace}")
}

fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
}

/// A home whose tenant and operator keep everything in claims.
fn home(world: &World<'_>, flows: &str, quota: &Value) -> Home {
    let store = json!({"artifactStore": {"persistentVolumeClaim": {"claimName": "store"}}});
    let mut tenant = store.clone();
    if !quota.is_null() {
        tenant["resourceQuota"] = json!({ "hard": quota });
    }
    let setup = Setup { kubernetes: store, tenant, coordinator: Value::Null };
    world.home(&(world.head(&setup) + flows)).unwrap()
}

/// Names of the pods that serve the tenant's claim.
fn serving(world: &World<'_>) -> Vec<String> {
    let pods = world.json(&["get", "pods", "--selector", SERVES]).unwrap();
    let alive = pods["items"].as_array().unwrap().iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null());
    alive.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn messages(home: &Home, args: &[&str]) -> Vec<Value> {
    let text = home.said(args).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].clone()).collect()
}

fn plan(home: &Home) -> std::sync::Arc<Plan> {
    let mut loader = Loader::new(wharf_tests::binaries::binary("wharf-runtime"));
    let config = wharf::coordinator::Config::Paths(vec![home.path().join("wharf.yaml")]);
    let loaded = loader.load(&config, false).unwrap();
    loaded.plan.unwrap_or_else(|| panic!("{}", loaded.rendered))
}

#[test]
fn a_claim_is_a_store_like_any_other() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-claim").unwrap() else { return };
    let home = home(&world, &world.keeping(), &Value::Null);
    let claims = Claims::new(&world);
    let folder = claims.folder(world.tenant());

    let ran = outcomes(&home.said(&["run", "keeping", "-o", "json"]).unwrap()).unwrap();
    let local = world.local(&world.keeping()).unwrap();
    let expect = outcomes(&local.said(&["run", "keeping", "-o", "json"]).unwrap()).unwrap();
    assert_eq!(ran, expect, "byte for byte");
    world.nothing_left(BUSY).unwrap();

    // Nothing of it is here, no coordinator runs, and no pod: what it takes is started for the command.
    assert!(!home.state().join("artifacts").exists());
    let digest = ran["keeps"]["artifacts"][0]["digest"].as_str().unwrap();
    let (file, kept) = (home.path().join("rows"), folder.join(format!("artifacts/{}/{}", &digest[7..9], &digest[7..])));
    home.said(&["artifact", "1", "keeps", "rows", "-o", file.to_str().unwrap()]).unwrap();
    assert_eq!(Digest::of_file(&file).unwrap().to_string(), digest);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&kept).unwrap());
    let logged = messages(&home, &["logs", "1", "logs", "-o", "json"]);
    assert_eq!(logged.len(), 50);
    assert_eq!(logged, messages(&local, &["logs", "1", "logs", "-o", "json"]));
    world.nothing_left(BUSY).unwrap();
    assert!(std::fs::read_dir(folder.join("staging")).is_err(), "what was staged is gone");

    // Through a coordinator that goes on, also when its pod is lost; and without requests the pod goes.
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let serve = tokio.block_on(home.serve()).unwrap();
    assert_eq!(home.said(&["artifact", "1", "keeps"]).unwrap().len(), 100_000);
    let [first] = &serving(&world)[..] else { panic!("{:?}", serving(&world)) };
    world.kubectl(&["delete", "pod", first, "--wait=false"]).unwrap();
    assert_eq!(home.said(&["artifact", "1", "large"]).unwrap().len(), 50_002);
    assert!(!serving(&world).contains(first));
    world.nothing_left(BUSY).unwrap();
    assert!(serve.terminate().unwrap().success());

    // What is not to be kept any longer goes from the volume.
    let plan = plan(&home);
    let store = SqliteStore::open(&home.state()).unwrap();
    let instance = store.reads().instance().unwrap();
    let state = home.state();
    let access = Access { kubeconfig: Some(world.kubeconfig()), context: None };
    tokio.block_on(async {
        let readers = Readers::of(access, std::sync::Arc::clone(&plan), &instance);
        let depots = Depots::of(plan, &instance).with_claims(readers.clone());
        let stores = Stores::new(depots, tokio::runtime::Handle::current(), CancellationToken::new());
        let upkeep = tokio::task::spawn_blocking(move || {
            let mut upkeep = Upkeep::new(&state, Artifacts::new(&state), stores);
            let others = KeptRuns { successful: 0, failed: 0 };
            let keep =
                Keep { flows: BTreeMap::new(), others, retention_us: None, artifact_grace_us: 1_000_000, at_most: 100 };
            let later = 10_000_000_000;
            for seconds in [later, later + 2] {
                while upkeep.turn(&store, &keep, Timestamp::from_micros(seconds * 1_000_000), ()).unwrap() {}
            }
        });
        upkeep.await.unwrap();
        readers.close().await;
    });
    assert!(!kept.exists() && !folder.join("logs/1").exists(), "{:?}", std::fs::read_dir(&folder).unwrap().count());
    assert_eq!(std::fs::read_to_string(folder.join("coordinator")).unwrap().trim(), instance, "it is still ours");
    world.nothing_left(BUSY).unwrap();
}

#[test]
fn a_claim_gives_rights_in_its_own_namespace_only_and_what_is_left_goes() {
    let Some(cluster) = Cluster::shared() else { return };
    let (Some(world), Some(other)) =
        (World::new(cluster, "t-claim-a").unwrap(), World::new(cluster, "t-claim-b").unwrap())
    else {
        return;
    };
    let home = home(&world, &world.keeping(), &Value::Null);
    let claims = Claims::new(&world);
    // The other tenant's store is no claim, and its coordinator is another one.
    let _other_home = other.home(&other.head(&Setup::default())).unwrap();
    let file = format!("--kubeconfig={}", world.kubeconfig().display());
    let may = |namespace: &str, verb: &str, resource: &str| {
        // What follows a slash would be taken for the name of an object.
        let (resource, part) = resource.split_once('/').unwrap_or((resource, ""));
        let part = format!("--subresource={part}");
        let asked = ["--namespace", namespace, "auth", "can-i", verb, resource, &part, &file];
        String::from_utf8_lossy(&cluster.kubectl(&asked).output().unwrap().stdout).trim() == "yes"
    };
    for verb in ["create", "get"] {
        assert!(may(world.tenant(), verb, "pods/portforward"));
        assert!(!may(other.tenant(), verb, "pods/portforward"));
    }
    for resource in ["pods", "pods/exec", "pods/attach"] {
        assert!(!may(world.tenant(), "create", resource), "{resource}");
    }

    // A coordinator that is killed leaves its pod; the next one removes it, whose token nobody knows any more.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |home: &Home| {
        let run: Value = serde_json::from_str(&home.said(&["trigger", "keeping", "-o", "json"]).unwrap()).unwrap();
        let number = run["run"].as_u64().unwrap().to_string();
        let ended = || {
            let shown: Value = serde_json::from_str(&home.said(&["show", &number, "-o", "json"])?)?;
            Ok((shown["summary"]["state"] != "running").then(|| shown["summary"]["state"].clone()))
        };
        assert_eq!(world.until("the run ends", BUSY, ended).unwrap(), "succeeded");
    };
    let serve = tokio.block_on(home.serve()).unwrap();
    run(&home);
    let left = serving(&world);
    assert_eq!(left.len(), 1, "{left:?}");
    drop(serve);
    let serve = tokio.block_on(home.serve()).unwrap();
    run(&home);
    assert!(!serving(&world).contains(&left[0]));
    let log = std::fs::read_to_string(home.path().join("serve.log")).unwrap();
    assert!(log.contains("which an earlier coordinator left"), "{log}");
    assert!(serve.terminate().unwrap().success());
    world.nothing_left(BUSY).unwrap();

    // Neither the spec nor anything else that the cluster shows tells the token; the pod is hardened as all are.
    drop(claims);
}
