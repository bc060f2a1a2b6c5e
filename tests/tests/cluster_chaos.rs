//! 50 SIGKILLs of the coordinator while a flow of 100 attempts runs on a real cluster, each at a named point between intent,
//! act and record. Meanwhile its connections are cut, the API server is away, etcd forgets what watches stood at, somebody
//! deletes its Jobs, and its clock is ten minutes fast or slow. Every attempt is recorded once, the results are those of one
//! machine that nobody disturbed, and nothing is left in the cluster.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wharf::api::types::{CreateRun, RunAnswer};
use wharf::client::Client;
use wharf::store::{Reads as _, SqliteReads};
use wharf_contract::{Cause, Payload};
use wharf_core::event::{Event, RunId, RunState};
use wharf_depot::{Digest, keys};
use wharf_tests::binaries::component;
use wharf_tests::cluster::{Cluster, Options, Part};
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::config;
use wharf_tests::serve::Home;

const ITEMS: usize = 100;
const KILLS: usize = 50;
/// Kills that find nothing in flight do not count, and are no more than this.
const IDLE_KILLS: usize = 20;
/// Every point is the place of as many kills.
const POINTS: [&str; 10] = [
    "before-append",
    "after-append",
    "before-create",
    "after-act",
    "after-create",
    "outcome-received",
    "after-promote",
    "after-record",
    "before-release",
    "after-release",
];
/// How wrong the coordinator's clock is: too fast, then too slow.
const CLOCK_MS: i64 = 600_000;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(240);

/// What happens to the cluster, before the kill of that number.
const DISTURBANCES: [(usize, Disturbance); 5] = [
    (8, Disturbance::Cut),
    (16, Disturbance::Away),
    (24, Disturbance::Compacted),
    (32, Disturbance::Deleted),
    (40, Disturbance::Cut),
];

#[derive(Debug, Clone, Copy)]
enum Disturbance {
    /// All connections to the API server break.
    Cut,
    /// The API server ends, and comes back.
    Away,
    /// The same, and etcd knows nothing any more of what the watches stood at.
    Compacted,
    /// Somebody deletes Jobs of attempts that are not over.
    Deleted,
}

/// Passes connections on, and can break all of them.
struct Proxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn to(target: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, open) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let streams = Arc::clone(&open);
        std::thread::spawn(move || {
            for near in listener.incoming().map(Result::unwrap) {
                // What it cannot connect to refuses, as if it had been asked itself.
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let pair = |a: &TcpStream, b: &TcpStream| (a.try_clone().unwrap(), b.try_clone().unwrap());
                for (mut from, mut to) in [pair(&near, &far), pair(&far, &near)] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                streams.lock().unwrap().extend([near, far]);
            }
        });
        Proxy { port, open }
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A table of as many days, every other one with a text that is too long for a pod's last word, so that what comes out of it
/// goes through the store.
fn table() -> String {
    let mut table = String::from("date,note\n");
    for item in 0..ITEMS {
        let note = format!("{item} ").repeat(if item % 2 == 0 { 1 } else { 3_000 });
        let _ = writeln!(table, "{},{note}", date(item));
    }
    table
}

fn date(item: usize) -> String {
    format!("20{:02}-01-01", item)
}

/// A folder that pods may write to, with the table.
fn data(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(dir.join("table.csv"), table()).unwrap();
}

/// One attempt for each day: it notes its execution in the journal, and gives the day's row.
fn flow(volume: &Value) -> Value {
    let dates: Vec<_> = (0..ITEMS).map(date).collect();
    json!({
        "tasks": [{
            "name": "extract",
            "component": {"path": component("weather-extract")},
            "forEach": {"items": dates},
            "input": {"path": "/data/table.csv", "date": "{{ item }}", "journal": "/data/journal"},
            "mounts": [{"name": "data", "path": "/data", "readOnly": false}],
            "retry": {"platformAttempts": 40, "backoff": {"min": "200ms", "max": "2s"}},
        }],
        "volumes": [volume],
    })
}

/// Lines of the journal: executions, each with the day and the number of the attempt.
fn executions(data: &Path) -> Vec<String> {
    let journal = std::fs::read_to_string(data.join("journal")).unwrap_or_default();
    journal.lines().map(str::to_owned).collect()
}

/// What came out for each item, by the events of the run; each recorded exactly once.
fn outputs(home: &Home, run: RunId) -> BTreeMap<u32, String> {
    let reads = SqliteReads::open(&home.state()).unwrap();
    assert_eq!(reads.run(run).unwrap().unwrap().state, RunState::Succeeded);
    let (mut started, mut finished, mut outputs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut strange = Vec::new();
    for (_, event) in reads.load(run).unwrap().unwrap().events {
        match event {
            Event::Started { item, attempt, .. } => *started.entry((item, attempt)).or_insert(0) += 1,
            Event::Finished { item, attempt, outcome, .. } => {
                *finished.entry((item, attempt)).or_insert(0) += 1;
                if !matches!(outcome.cause, Cause::Succeeded | Cause::WorkerLost | Cause::PodDeleted) {
                    strange.push(format!("item {item:?}, attempt {attempt}: {}: {}", outcome.cause, outcome.message));
                }
                if outcome.cause == Cause::Succeeded {
                    let output = match outcome.output.unwrap() {
                        Payload::Json(text) => text.get().to_owned(),
                        Payload::Artifact(artifact) => artifact.digest,
                    };
                    let before = outputs.insert(item.unwrap(), output);
                    assert_eq!(before, None, "item {item:?} succeeded twice");
                }
            }
            _ => {}
        }
    }
    assert!(strange.is_empty(), "ends that nothing here explains: {strange:#?}");
    assert!(started.values().all(|n| *n == 1), "begun more than once: {started:?}");
    assert_eq!(started, finished, "every attempt ends exactly once");
    outputs
}

/// How attempts ended so far.
fn ends(home: &Home, run: RunId) -> BTreeMap<Cause, usize> {
    let events = SqliteReads::open(&home.state()).unwrap().load(run).unwrap().unwrap().events;
    let mut ends = BTreeMap::new();
    for (_, event) in events {
        if let Event::Finished { outcome, .. } = event {
            *ends.entry(outcome.cause).or_insert(0) += 1;
        }
    }
    ends
}

fn is_over(home: &Home, run: RunId) -> bool {
    SqliteReads::open(&home.state()).unwrap().run(run).unwrap().unwrap().state.is_final()
}

fn in_flight(home: &Home) -> usize {
    wharf_tests::weather::open_attempts(&home.state()).unwrap().len()
}

fn until(what: &str, home: &Home, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}\n{}", tail(home));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The last lines of the coordinators' log.
fn tail(home: &Home) -> String {
    let log = log(home);
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn log(home: &Home) -> String {
    std::fs::read_to_string(home.path().join("serve.log")).unwrap_or_default()
}

/// A coordinator whose clock is wrong: another way each time.
fn coordinator(home: &Home, number: usize, points: Option<String>) -> Child {
    let offset = if number.is_multiple_of(2) { CLOCK_MS } else { -CLOCK_MS };
    let log = OpenOptions::new().create(true).append(true).open(home.path().join("serve.log")).unwrap();
    let mut command = home.command("wharf-failpoints", &["serve"]);
    command.env("WHARF_CLOCK_OFFSET_MS", offset.to_string()).env("RUST_LOG", "info,wharf=debug");
    command.envs(points.map(|points| ("WHARF_FAILPOINTS", points)));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits until so many more attempts ended.
fn progress(home: &Home, run: RunId, more: usize) {
    let count = || ends(home, run).values().sum::<usize>();
    let wanted = count() + more;
    until("attempts go on", home, || count() >= wanted);
}

/// Jobs whose pods are not over.
fn live_jobs(world: &World<'_>) -> Vec<String> {
    let jobs = world.json(&["get", "jobs"]).unwrap();
    let live = jobs["items"].as_array().unwrap().iter().filter(|job| job["status"]["active"] == 1);
    live.map(|job| job["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn disturb(disturbance: Disturbance, world: &World<'_>, proxy: &Proxy, home: &Home, run: RunId) {
    let parts = world.ours();
    // What it records it has seen: it watches.
    progress(home, run, 1);
    match disturbance {
        Disturbance::Cut => proxy.cut(),
        Disturbance::Away | Disturbance::Compacted => {
            parts.stop(Part::ApiServer).unwrap();
            if matches!(disturbance, Disturbance::Compacted) {
                parts.compact().unwrap();
            }
            parts.start_again(Part::ApiServer).unwrap();
        }
        Disturbance::Deleted => {
            let deleted = || ends(home, run).get(&Cause::PodDeleted).copied().unwrap_or(0);
            until("what is deleted is recorded as deleted", home, || {
                let jobs = live_jobs(world);
                if !jobs.is_empty() {
                    let some: Vec<_> = jobs.iter().take(3).map(String::as_str).collect();
                    world
                        .kubectl(&[&["delete", "job", "--wait=false", "--ignore-not-found"], &*some].concat())
                        .unwrap();
                }
                deleted() >= 3
            });
        }
    }
    progress(home, run, 2);
}

/// What one machine makes of the flow.
fn undisturbed() -> BTreeMap<u32, String> {
    let home = Home::new("").unwrap();
    let folder = home.path().join("data");
    data(&folder);
    let flow = flow(&json!({"name": "data", "hostPath": {"path": folder}}));
    let flow = json!({
        "apiVersion": "wharf.dev/v1", "kind": "Flow", "metadata": {"name": "days", "namespace": "t"}, "spec": flow,
    });
    std::fs::write(home.path().join("wharf.yaml"), format!("{}---\n{flow}\n", config::head(4))).unwrap();
    let done = home.command("wharf", &["run", "days", "--quiet"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(executions(&folder).len(), ITEMS);
    outputs(&home, RunId(1))
}

/// The volume of the flow in the cluster: a folder of this machine, by way of a claim.
fn volume(world: &World<'_>, folder: &Path) {
    let spec = json!({
        "accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": "chaos", "resources": {"requests": {"storage": "1Gi"}},
    });
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec,
        "metadata": {"name": "data", "namespace": world.tenant()},
    });
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "chaos"},
        "spec": {
            "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Gi"}, "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": folder},
        },
    });
    for object in [volume, claim] {
        world.cluster().apply(&object.to_string()).unwrap();
    }
}

/// A folder whose coordinator goes through a proxy to the API server.
fn through_a_proxy(world: &World<'_>, home: Home) -> (Home, Proxy) {
    let kubeconfig = world.ours().user_kubeconfig(&world.user(), &[]).unwrap();
    let at = kubeconfig.find("https://127.0.0.1:").unwrap() + "https://".len();
    let address: String = kubeconfig[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    let proxy = Proxy::to(address.clone());
    let path = home.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig.replace(&address, &format!("127.0.0.1:{}", proxy.port))).unwrap();
    (home.env("KUBECONFIG", path), proxy)
}

async fn create_run(home: &Home) -> RunId {
    let client = Client::new(home.state().join("wharf.sock"));
    let deadline = Instant::now() + PATIENCE;
    while client.get::<Value>("/v1/health/ready").await.is_err() {
        assert!(Instant::now() < deadline, "the coordinator is not ready: {}", tail(home));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let request = CreateRun { flow: "days".into(), params: serde_json::Map::new(), partition: None };
    client.post::<_, RunAnswer>("/v1/runs", &request).await.unwrap().run
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_in_a_cluster_change_nothing() {
    let Some(cluster) = Cluster::alone(&Options::default()) else { return };
    let Some(world) = World::new(&cluster, "chaos").unwrap() else { return };
    let expected = undisturbed();
    assert_eq!(expected.len(), ITEMS);

    let setup = Setup {
        coordinator: json!({"parallelism": 3}),
        tenant: json!({"podTemplate": {"spec": {"volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        ]}}}),
        ..Setup::default()
    };
    let flow = world.flow("days", &flow(&json!({"name": "data"})));
    let (home, proxy) = through_a_proxy(&world, world.home(&(world.head(&setup) + &flow)).unwrap());
    let folder = home.path().join("data");
    data(&folder);
    volume(&world, &folder);

    let began = Instant::now();
    let first = coordinator(&home, 0, None);
    let run = create_run(&home).await;
    // The component is compiled by then.
    progress(&home, run, 1);
    kill(first);

    let (mut kills, mut idle, mut flying, mut number) = (0, 0, 0, 1);
    while kills < KILLS {
        if let Some((_, disturbance)) = DISTURBANCES.iter().find(|(at, _)| *at == kills + idle) {
            let child = coordinator(&home, number, None);
            number += 1;
            disturb(*disturbance, &world, &proxy, &home, run);
            kill(child);
        }
        let point = POINTS[kills % POINTS.len()];
        let mut child = coordinator(&home, number, Some(format!("{point}={}", 1 + kills / POINTS.len() % 2)));
        number += 1;
        let mut status = None;
        until(point, &home, || {
            status = child.try_wait().unwrap();
            let over = is_over(&home, run);
            assert!(status.is_some() || !over, "the run ended before kill {kills} at {point}");
            status.is_some()
        });
        assert_eq!(status.unwrap().signal(), Some(9), "kill {kills} at {point}: {status:?}: {}", tail(&home));
        let open = in_flight(&home);
        if open == 0 {
            idle += 1;
            assert!(idle < IDLE_KILLS, "{idle} kills found no attempt in flight");
            continue;
        }
        flying += open;
        kills += 1;
    }
    let by_then = executions(&folder).len();

    let mut last = coordinator(&home, number, None);
    until("the run ends", &home, || is_over(&home, run));
    world.nothing_left(PATIENCE).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(last.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(last.wait().unwrap().success(), "{}", tail(&home));

    let found = outputs(&home, run);
    assert_eq!(found, expected, "what comes out is what comes out of an undisturbed run");
    let store = world.store().unwrap();
    for digest in found.values().filter_map(|output| Digest::parse(output)) {
        let bytes = store.get_checked(&keys::artifact(&digest), 1 << 20, &digest).await.unwrap();
        assert!(!bytes.is_empty());
    }
    let log = log(&home);
    assert!(!log.contains("does not fit"), "an end was told twice:\n{log}");

    let executed = executions(&folder);
    let mut each: BTreeMap<&str, usize> = BTreeMap::new();
    executed.iter().for_each(|line| *each.entry(line).or_default() += 1);
    for item in 0..ITEMS {
        let day = date(item);
        assert!(each.keys().any(|line| line.starts_with(&day)), "{day} has a result and was not executed");
    }
    let twice = each.values().filter(|n| **n > 1).count();
    let failed: Vec<_> = log.lines().filter(|line| line.contains("a watch failed")).collect();
    let forgotten = failed.iter().filter(|line| line.contains("too old resource version")).count();
    assert!(forgotten > 0, "no watch stood at what etcd had forgotten:\n{}", failed.join("\n"));
    println!(
        "{KILLS} kills with {flying} attempts in flight, {idle} idle ones; {by_then} executions by the last kill, {} in all \
         for {ITEMS} items; {twice} attempts executed twice; ends: {:?}; {} watches failed, {forgotten} \
         of them at what etcd had forgotten; {:?}",
        executed.len(),
        ends(&home, run),
        failed.len(),
        began.elapsed()
    );
}
