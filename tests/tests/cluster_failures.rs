//! How attempts end on a real cluster when something goes wrong: each with its own cause, from the right budget, in a
//! bounded time, and with nothing left. `deploy/CLUSTER.md` has the same as a table.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wharf_tests::binaries::component;
use wharf_tests::cluster::{Cluster, Options, Part};
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::serve::{Home, Serve};

/// How long an attempt may wait to be started here.
const START: Duration = Duration::from_secs(20);
/// What a busy machine may take for whatever has no bound of its own.
const BUSY: Duration = Duration::from_secs(90);

/// A coordinator of a world.
struct Site<'a> {
    world: World<'a>,
    home: Home,
    serve: Option<Serve>,
}

/// A flow of one task.
struct Flow {
    name: &'static str,
    /// What the guest does.
    input: Value,
    /// Attempts that the task has, and that the platform may lose beside.
    budgets: (u32, u32),
    /// More of the task.
    task: Value,
}

impl Flow {
    fn document(&self, world: &World<'_>) -> String {
        let (attempts, platform) = self.budgets;
        let mut task = json!({
            "name": "only",
            "component": { "path": component("misbehave") },
            "input": self.input,
            "timeout": "10m",
            "resources": { "limits": { "memory": "64Mi" } },
            "retry": { "attempts": attempts, "platformAttempts": platform, "backoff": { "min": "10ms", "max": "20ms" } },
        });
        let more = self.task.as_object().cloned().unwrap_or_default();
        task.as_object_mut().unwrap().extend(more);
        let volumes: Vec<_> =
            task["mounts"].as_array().into_iter().flatten().map(|m| json!({"name": m["name"]})).collect();
        world.flow(self.name, &json!({ "tasks": [task], "volumes": volumes }))
    }
}

fn sleep(name: &'static str, milliseconds: u64, budgets: (u32, u32)) -> Flow {
    Flow { name, input: json!({ "mode": "sleep", "milliseconds": milliseconds }), budgets, task: Value::Null }
}

impl<'a> Site<'a> {
    fn new(cluster: &'a Cluster, name: &str, setup: &Setup, flows: &[Flow]) -> Option<Site<'a>> {
        let world = World::new(cluster, name).unwrap()?;
        let kubernetes = json!({ "startDeadline": format!("{}s", START.as_secs()) });
        let mut setup = Setup { coordinator: json!({ "parallelism": 16 }), ..setup.clone() };
        if setup.kubernetes.is_null() {
            setup.kubernetes = kubernetes;
        }
        let flows: String = flows.iter().map(|flow| flow.document(&world)).collect();
        let home = world.home(&(world.head(&setup) + &flows)).unwrap();
        let mut site = Site { world, home, serve: None };
        site.serve();
        Some(site)
    }

    fn serve(&mut self) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        self.serve = Some(tokio.block_on(self.home.serve()).unwrap());
    }

    fn wharf(&self, args: &[&str]) -> String {
        let output = self.home.command("wharf", args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "wharf {args:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a run.
    fn trigger(&self, flow: &str) -> String {
        let answer: Value = serde_json::from_str(&self.wharf(&["trigger", flow, "--output", "json"])).unwrap();
        answer["run"].to_string()
    }

    fn run(&self, run: &str) -> Value {
        serde_json::from_str(&self.wharf(&["show", run, "--output", "json"])).unwrap()
    }

    fn until<T>(&self, what: &str, patience: Duration, run: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        let found = self.world.until(what, patience, || Ok(look(&self.run(run))));
        found.unwrap_or_else(|e| panic!("{e:#}\n{}\n{}", self.wharf(&["show", run]), self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("serve.log")).unwrap_or_default()
    }

    /// Waits for the run's end.
    fn end(&self, run: &str, patience: Duration) -> Value {
        self.until("the run's end", patience, run, |detail| {
            let is_final = ["succeeded", "failed", "cancelled"].iter().any(|s| detail["summary"]["state"] == *s);
            is_final.then(|| detail.clone())
        })
    }

    /// Waits until that attempt's guest runs; the name of its pod.
    fn running(&self, run: &str, attempt: usize) -> String {
        self.until("the attempt's pod runs", BUSY, run, |detail| {
            let phase = detail["tasks"][0]["attempts"][attempt - 1]["phase"].as_str()?;
            phase.starts_with("running on ").then_some(())
        });
        let pods = self.world.json(&["get", "pods", &format!("--selector=wharf.dev/run={run}")]).unwrap();
        let alive = pods["items"].as_array().unwrap().iter().find(|pod| pod["status"]["phase"] == "Running");
        alive.expect("a pod that runs")["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Waits until there is nothing of any attempt.
    fn nothing_left(&self) {
        self.world.nothing_left(BUSY).unwrap_or_else(|e| panic!("{e:#}\n{}", self.log()));
    }
}

/// Causes of the run's attempts, in order.
fn causes(detail: &Value) -> Vec<String> {
    let mut attempts = detail["tasks"][0]["attempts"].as_array().cloned().unwrap_or_default();
    attempts.sort_by_key(|a| a["attempt"].as_u64());
    attempts.iter().map(|a| a["outcome"]["cause"].as_str().unwrap_or("open").to_owned()).collect()
}

fn message(detail: &Value) -> String {
    let attempts = detail["tasks"][0]["attempts"].as_array().cloned().unwrap_or_default();
    attempts.first().map(|a| a["outcome"]["message"].to_string()).unwrap_or_default()
}

/// What becomes of a flow that nobody touches.
struct Expect {
    flow: Flow,
    /// Of its attempts, in order.
    causes: &'static [&'static str],
    /// What bounds each attempt, beside what a busy machine takes.
    each: Duration,
    /// In the first one's message.
    says: &'static str,
}

/// An init container that Pod Security `restricted` admits.
fn container(image: &str, args: &[&str]) -> Value {
    json!({
        "name": "first", "image": image, "imagePullPolicy": "IfNotPresent", "args": args,
        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
    })
}

#[test]
fn what_goes_wrong_by_itself_has_its_own_cause_and_budget() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = cluster.ours() else { return };
    let tiny = ours.info().tiny_image.clone();
    let pod = |spec: Value| json!({ "podTemplate": { "spec": spec } });
    let expected = [
        Expect {
            flow: Flow { name: "memory", input: json!({ "mode": "memory" }), budgets: (2, 0), task: Value::Null },
            causes: &["memory-limit", "memory-limit"],
            each: Duration::ZERO,
            says: "64",
        },
        Expect {
            flow: Flow { task: json!({ "timeout": "2s" }), ..sleep("timeout", 600_000, (2, 0)) },
            causes: &["timeout", "timeout"],
            each: Duration::ZERO,
            says: "2",
        },
        // A volume in memory counts as the container's: the guest fills it, the kernel ends the runtime.
        Expect {
            flow: Flow {
                name: "oom",
                input: json!({ "mode": "fill-disk", "path": "/ram/full" }),
                budgets: (1, 1),
                task: json!({
                    "mounts": [{ "name": "ram", "path": "/ram", "readOnly": false }],
                    "podTemplate": { "spec": { "volumes": [{ "name": "ram", "emptyDir": { "medium": "Memory" } }] } },
                }),
            },
            causes: &["oom-killed", "oom-killed"],
            each: Duration::ZERO,
            says: "memory",
        },
        Expect {
            flow: Flow { task: pod(json!({ "nodeSelector": { "no": "where" } })), ..sleep("unschedulable", 1, (1, 1)) },
            causes: &["unschedulable", "unschedulable"],
            each: START,
            says: "didn't match",
        },
        Expect {
            flow: Flow {
                task: pod(json!({ "initContainers": [container("127.0.0.1:1/none:1", &[])] })),
                ..sleep("pull", 1, (1, 1))
            },
            causes: &["image-pull", "image-pull"],
            each: START,
            says: "127.0.0.1:1/none:1",
        },
        Expect {
            flow: Flow {
                task: pod(json!({ "initContainers": [container(&tiny, &["pause"])] })),
                ..sleep("stuck", 1, (1, 1))
            },
            causes: &["start-deadline", "start-deadline"],
            each: START,
            says: "not started in time",
        },
        // Nobody but a person can change these: they are not tried again, whatever the budgets.
        Expect {
            flow: Flow { task: json!({ "secrets": [{ "name": "missing" }] }), ..sleep("secret", 1, (3, 3)) },
            causes: &["pod-rejected"],
            each: START,
            says: "not-there",
        },
        Expect {
            flow: Flow { task: json!({ "resources": { "limits": { "memory": "3Gi" } } }), ..sleep("range", 1, (3, 3)) },
            causes: &["pod-rejected"],
            each: START,
            says: "maximum memory usage per Container is 2Gi",
        },
    ];
    let setup = Setup {
        tenant: json!({ "secrets": [{ "name": "missing", "secretKeyRef": { "name": "not-there", "key": "k" } }] }),
        ..Setup::default()
    };
    let (flows, expected): (Vec<_>, Vec<_>) =
        expected.into_iter().map(|e| (e.flow, (e.causes, e.each, e.says))).unzip();
    let Some(site) = Site::new(cluster, "t-fails", &setup, &flows) else { return };
    let range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "most", "namespace": site.world.tenant() },
        "spec": { "limits": [{ "type": "Container", "max": { "memory": "2Gi" } }] },
    });
    cluster.apply(&range.to_string()).unwrap();

    let start = Instant::now();
    let runs: Vec<_> = flows.iter().map(|flow| site.trigger(flow.name)).collect();
    for ((flow, run), (causes, each, says)) in flows.iter().zip(&runs).zip(expected) {
        let attempts = u32::try_from(causes.len()).unwrap();
        let detail = site.end(run, (each * attempts + BUSY).saturating_sub(start.elapsed()));
        println!("{}: {:?} after {:?}: {}", flow.name, self::causes(&detail), start.elapsed(), message(&detail));
        assert_eq!(self::causes(&detail), causes, "{}: {}", flow.name, site.wharf(&["show", run]));
        assert_eq!(detail["summary"]["state"], "failed", "{}", flow.name);
        assert!(message(&detail).contains(says), "{}: {}", flow.name, message(&detail));
    }
    site.nothing_left();
}

#[test]
fn what_others_do_to_a_pod_costs_the_platforms_budget_and_the_task_goes_on() {
    let Some(cluster) = Cluster::shared() else { return };
    // Longer than the grace that a guest gets: one that ends within it has succeeded.
    let names = ["evicted", "pod-gone", "job-gone", "deadline"];
    let flows: Vec<_> = names.iter().map(|name| sleep(name, 15_000, (1, 1))).collect();
    let Some(site) = Site::new(cluster, "t-others", &Setup::default(), &flows) else { return };
    let namespace = site.world.tenant().to_owned();
    let runs = names.map(|name| site.trigger(name));
    let causes_of = ["evicted", "pod-deleted", "pod-deleted", "deadline-exceeded"];
    for (name, run) in names.iter().zip(&runs) {
        let pod = site.running(run, 1);
        let job = format!("--selector=wharf.dev/run={run}");
        match *name {
            "evicted" => {
                let eviction = json!({
                    "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": namespace },
                });
                let file = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(file.path(), eviction.to_string()).unwrap();
                let url = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
                let args = ["create", "--raw", &url, "--filename", file.path().to_str().unwrap()];
                cluster.kubectl_output(&args).unwrap();
            }
            "pod-gone" => drop(site.world.kubectl(&["delete", "pod", &pod, "--wait=false"]).unwrap()),
            "job-gone" => drop(site.world.kubectl(&["delete", "jobs", &job, "--wait=false"]).unwrap()),
            _ => {
                let jobs = site.world.json(&["get", "jobs", &job]).unwrap();
                let own = jobs["items"][0]["spec"]["activeDeadlineSeconds"].as_u64().unwrap();
                // Waiting, the timeout of ten minutes, and what is around it.
                assert_eq!(own, START.as_secs() + 600 + 330);
                let name = jobs["items"][0]["metadata"]["name"].as_str().unwrap();
                site.world
                    .kubectl(&["patch", "job", name, "--patch", r#"{"spec":{"activeDeadlineSeconds":1}}"#])
                    .unwrap();
            }
        }
    }
    for ((name, run), cause) in names.iter().zip(&runs).zip(causes_of) {
        let detail = site.end(run, BUSY * 2);
        println!("{name}: {:?}: {}", causes(&detail), message(&detail));
        assert_eq!(causes(&detail), [cause, "succeeded"], "{name}: {}", site.wharf(&["show", run]));
    }
    site.nothing_left();
}

#[test]
fn a_component_that_is_gone_or_changed_is_not_run() {
    let Some(cluster) = Cluster::shared() else { return };
    let flows = [sleep("sleep", 1, (1, 0))];
    let Some(site) = Site::new(cluster, "t-component", &Setup::default(), &flows) else { return };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = site.trigger("sleep");
    assert_eq!(causes(&site.end(&first, BUSY)), ["succeeded"]);
    let store = site.world.store().unwrap();
    let engines = tokio.block_on(store.folders("compiled")).unwrap();
    assert_eq!(engines.len(), 1, "{engines:?}");
    let digest = wharf_depot::Digest::of_file(&component("misbehave")).unwrap();
    let key = wharf_depot::keys::compiled(&engines[0], &digest);

    let mut bytes = tokio.block_on(store.get(&key, 1 << 30)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    tokio.block_on(store.put(&key, bytes)).unwrap();
    let run = site.trigger("sleep");
    let detail = site.end(&run, BUSY);
    assert_eq!(causes(&detail), ["digest-mismatch"], "{}", message(&detail));

    tokio.block_on(store.delete(vec![key])).unwrap();
    let run = site.trigger("sleep");
    let detail = site.end(&run, BUSY);
    assert_eq!(causes(&detail), ["component-missing"], "{}", message(&detail));
    site.nothing_left();
}

#[test]
fn a_quota_is_waited_for_with_its_numbers_and_uses_no_budget() {
    let Some(cluster) = Cluster::shared() else { return };
    let setup =
        Setup { tenant: json!({ "resourceQuota": { "hard": { "limits.memory": "200Mi" } } }), ..Setup::default() };
    let flows = [sleep("first", 15_000, (1, 0)), sleep("second", 1, (1, 0)), sleep("third", 30_000, (1, 0))];
    let Some(site) = Site::new(cluster, "t-quota", &setup, &flows) else { return };
    let waits = |run: &str| {
        site.until("the quota is named", BUSY, run, |detail| {
            let phase = detail["tasks"][0]["attempts"][0]["phase"].as_str()?;
            (phase.contains("waiting for quota") && phase.contains("limits.memory")).then(|| phase.to_owned())
        })
    };
    // Room for one attempt of 64Mi with what the runtime takes, and not for two.
    let first = site.trigger("first");
    site.running(&first, 1);
    let second = site.trigger("second");
    let phase = waits(&second);
    println!("{phase}");
    assert!(phase.contains("200Mi"), "{phase}");
    assert!(site.wharf(&["show", &second]).contains(&phase), "a person is told");
    for run in [&first, &second] {
        assert_eq!(causes(&site.end(run, BUSY)), ["succeeded"], "room came with the first one's end");
    }

    // A wait longer than the deadline for starting, ended by more quota.
    let third = site.trigger("third");
    site.running(&third, 1);
    let fourth = site.trigger("second");
    let since = Instant::now();
    waits(&fourth);
    site.until("the wait is longer than a start may take", BUSY, &fourth, |detail| {
        assert_eq!(detail["summary"]["state"], "running");
        (since.elapsed() > START + Duration::from_secs(2)).then_some(())
    });
    let more = r#"{"spec":{"hard":{"limits.memory":"1Gi"}}}"#;
    site.world.kubectl(&["patch", "resourcequota", "wharf", "--patch", more]).unwrap();
    assert_eq!(causes(&site.end(&fourth, BUSY)), ["succeeded"]);
    let left = site.run(&third);
    assert_eq!(left["summary"]["state"], "running", "the quota was raised, not freed");
    assert_eq!(causes(&site.end(&third, BUSY)), ["succeeded"]);
    site.nothing_left();
}

#[test]
fn a_pod_that_exits_well_without_an_outcome_is_no_success() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = cluster.ours() else { return };
    let flows = [sleep("sleep", 1, (1, 1))];
    let Some(mut site) = Site::new(cluster, "t-silent", &Setup::default(), &flows) else { return };
    // The component is compiled by the real runtime.
    let first = site.trigger("sleep");
    assert_eq!(causes(&site.end(&first, BUSY)), ["succeeded"]);
    let image = "wharf.dev/exits-well:1";
    let archive = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(archive.path(), exits_well(image)).unwrap();
    ours.import(archive.path()).unwrap();
    site.serve = None;
    let kubernetes = json!({ "startDeadline": "20s", "image": image });
    let setup = Setup { kubernetes, ..Setup::default() };
    let config = site.world.head(&setup) + &flows[0].document(&site.world);
    std::fs::write(site.home.path().join("wharf.yaml"), config).unwrap();
    site.serve();
    let run = site.trigger("sleep");
    let detail = site.end(&run, BUSY * 2);
    assert_eq!(causes(&detail), ["outcome-missing", "outcome-missing"], "{}", message(&detail));
    assert!(message(&detail).contains("exited with 0"), "{}", message(&detail));
    site.nothing_left();
}

/// An image whose program ends with 0 at once, whatever it is asked.
fn exits_well(name: &str) -> Vec<u8> {
    // An ELF header, one segment of all that is here, and: mov eax, 60 (exit); xor edi, edi; syscall.
    let words: [u64; 17] = [
        0x0001_0102_464c_457f,
        0,
        0x0000_0001_003e_0002,
        0x0040_0078,
        0x40,
        0,
        0x0038_0040_0000_0000,
        1,
        0x0000_0005_0000_0001,
        0,
        0x0040_0000,
        0x0040_0000,
        0x88,
        0x88,
        0x1000,
        0x0fff_3100_0000_3cb8,
        0x05,
    ];
    let program = words.into_iter().flat_map(u64::to_le_bytes).collect();
    let platform = wharf_image::Platform::here().unwrap();
    let layer = wharf_image::Layer::new().program("exits-well", program);
    let mut image = wharf_image::Image::of(platform, vec![layer]);
    image.user = Some("65532:65532");
    image.entrypoint = vec!["/exits-well".to_owned()];
    image.pack().unwrap().archive(name).unwrap()
}

#[test]
fn a_node_that_falls_silent_loses_its_attempts_in_bounded_time() {
    // Another node stays ready: with every node silent, controllers do not evict.
    let options = Options { kwok: 1, ..Options::default() };
    let Some(cluster) = Cluster::alone(&options) else { return };
    let kubernetes = json!({ "startDeadline": "20s", "unreachableTolerationSeconds": 5 });
    let setup = Setup { kubernetes, ..Setup::default() };
    let flows = [sleep("sleep", 10_000, (1, 1))];
    let Some(site) = Site::new(&cluster, "t-node", &setup, &flows) else { return };
    let ours = cluster.ours().unwrap();
    let run = site.trigger("sleep");
    site.running(&run, 1);
    ours.pause(Part::Kubelet).unwrap();
    let since = Instant::now();
    site.until("the attempt counts as lost", BUSY * 2, &run, |detail| {
        (detail["tasks"][0]["attempts"][0]["outcome"]["cause"] == "node-lost").then_some(())
    });
    println!("lost after {:?}", since.elapsed());
    ours.resume(Part::Kubelet).unwrap();
    let detail = site.end(&run, BUSY * 2);
    assert_eq!(causes(&detail), ["node-lost", "succeeded"], "{}", site.wharf(&["show", &run]));
    site.nothing_left();
}
