//! The demo on a real cluster gives what it gives on one machine, byte for byte.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use wharf_tests::binaries::root;
use wharf_tests::cluster::Cluster;
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::serve::Home;

const DAYS: &str = "2012-02-01/2012-02-29";
/// All runs that the days take.
const RUNS: &[&str] = &["runs", "--limit", "1000", "--output", "json"];
/// What a busy machine may take.
const BUSY: Duration = Duration::from_secs(90);

/// The demo's own file. Only its paths are made absolute.
fn demo() -> String {
    let (root, example) = (root(), root().join("deploy/examples/weather"));
    let text = std::fs::read_to_string(example.join("weather.yaml")).unwrap();
    moved(&text, "../../../plugins/dist/", &format!("{}/", root.join("plugins/dist").display()))
        .replace("{path: data}", &format!("{{path: {}}}", example.join("data").display()))
}

/// `text` with every `old` replaced, of which there must be some.
fn moved(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the demo's config has no `{old}`");
    text.replace(old, new)
}

fn wharf(home: &Home, args: &[&str]) -> String {
    String::from_utf8(bytes(home, args)).unwrap()
}

fn bytes(home: &Home, args: &[&str]) -> Vec<u8> {
    let output = home.command("wharf", args).output().unwrap();
    let log = std::fs::read_to_string(home.path().join("serve.log")).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "wharf {args:?}: {}: {said}\n{log}", output.status);
    output.stdout
}

fn parsed(home: &Home, args: &[&str]) -> Value {
    serde_json::from_str(&wharf(home, args)).unwrap()
}

/// All that came out of the flow.
#[derive(Debug, Default, PartialEq, Eq)]
struct Results {
    /// Output as JSON by partition and task.
    outputs: BTreeMap<(String, String), String>,
    /// Digest and content by partition, task and name.
    artifacts: BTreeMap<(String, String, String), (String, Vec<u8>)>,
}

/// Backfills the days, and reads back what came of them with the commands that a person has.
fn results(home: &Home) -> Results {
    let (from, to) = DAYS.split_once('/').unwrap();
    wharf(home, &["backfill", "weather", "--from", from, "--to", to, "--wait"]);
    let mut results = Results::default();
    let listed = parsed(home, RUNS);
    for row in listed.as_array().unwrap() {
        assert_eq!(row["state"], "succeeded", "{row}");
        let partition = row["partition"].as_str().unwrap_or_default().to_owned();
        let run = row["run"].to_string();
        let detail = parsed(home, &["show", &run, "--output", "json"]);
        for task in detail["tasks"].as_array().unwrap() {
            let name = task["task"].as_str().unwrap().to_owned();
            let attempts = task["attempts"].as_array().unwrap();
            assert_eq!(attempts.len(), 1, "{task}");
            let outcome = &attempts[0]["outcome"];
            assert_eq!(outcome["cause"], "succeeded", "{task}");
            results.outputs.insert((partition.clone(), name), outcome["output"].to_string());
        }
        let artifacts = parsed(home, &["artifact", &run, "--output", "json"]);
        for row in artifacts["artifacts"].as_array().unwrap() {
            let (task, artifact) = (row["task"].as_str().unwrap(), &row["artifact"]);
            let name = artifact["name"].as_str().unwrap();
            let content = bytes(home, &["artifact", &run, task, name]);
            let digest = artifact["digest"].as_str().unwrap().to_owned();
            assert_eq!(wharf_depot::Digest::of(&content).to_string(), digest);
            results.artifacts.insert((partition.clone(), task.to_owned(), name.to_owned()), (digest, content));
        }
    }
    results
}

/// The flow's data as the tenant's ConfigMap: a hostPath of this machine is nothing in a pod.
fn data(world: &World<'_>, folder: &Path) {
    let csv = std::fs::read_to_string(folder.join("seattle-weather.csv")).unwrap();
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "weather", "namespace": world.tenant() },
        "data": { "seattle-weather.csv": csv },
    });
    world.cluster().apply(&map.to_string()).unwrap();
}

#[test]
fn the_demo_gives_the_same_bytes_on_a_cluster_and_on_one_machine() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "demo").unwrap() else { return };
    let here = Home::new(&demo()).unwrap();
    let expected = results(&here);
    assert_eq!(expected.outputs.len(), 29 * 2 + 1 + 1);
    assert!(!expected.artifacts.is_empty());

    let setup = Setup {
        coordinator: json!({ "parallelism": 12 }),
        tenant: json!({ "podTemplate": { "spec": { "volumes": [{ "name": "data", "configMap": { "name": "weather" } }] } } }),
        ..Setup::default()
    };
    let tenant = moved(&demo(), "spec: {}\n", &format!("spec: {}\n", world.tenant_spec(&setup)));
    let home = world.home(&(world.coordinator(&setup) + &tenant)).unwrap();
    data(&world, &root().join("deploy/examples/weather/data"));
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serve = tokio.block_on(home.serve()).unwrap();
    let found = results(&home);
    assert_eq!(found.outputs, expected.outputs);
    assert_eq!(found.artifacts, expected.artifacts);
    world.nothing_left(BUSY).unwrap();

    // What a person sees: what was logged outlives its pod, with and without a coordinator that answers.
    let runs = parsed(&home, RUNS);
    let month = runs.as_array().unwrap().iter().find(|run| run["partition"] == "2012-02").unwrap();
    let month = month["run"].to_string();
    let logs = wharf(&home, &["logs", &month]);
    assert!(logs.contains("summarize"), "{logs}");
    let shown = wharf(&home, &["show", &month]);
    assert!(shown.contains("summarize") && shown.contains("succeeded"), "{shown}");
    drop(serve);
    assert_eq!(wharf(&home, &["logs", &month]), logs);
    assert_eq!(wharf(&home, &["show", &month]), shown);
}

#[test]
fn logs_of_a_running_pod_are_followed_and_outlive_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-follow").unwrap() else { return };
    let misbehave = wharf_tests::binaries::component("misbehave");
    let task = |name: &str, needs: Value, input: Value| json!({ "name": name, "needs": needs, "component": { "path": misbehave }, "input": input });
    let flow = world.flow(
        "talks",
        &json!({ "tasks": [
            task("says", json!([]), json!({ "mode": "log-flood", "lines": 3, "bytes": 5 })),
            task("talks", json!(["says"]), json!({ "mode": "log-flood", "lines": 60, "bytes": 5, "pause": 100 })),
        ] }),
    );
    let home = world.home(&(world.head(&Setup::default()) + &flow)).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _serve = tokio.block_on(home.serve()).unwrap();
    let run = parsed(&home, &["trigger", "talks", "--output", "json"])["run"].to_string();
    let mut follow = home.command("wharf", &["logs", &run, "--follow"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let early = loop {
        let line = lines.next().expect("the run is not over").unwrap();
        let of_the_second = line.contains("talks");
        said.push(line);
        if of_the_second {
            break parsed(&home, &["show", &run, "--output", "json"]);
        }
    };
    assert_eq!(early["summary"]["state"], "running", "a line came while its pod ran: {said:?}");
    said.extend(lines.map(Result::unwrap));
    assert!(follow.wait().unwrap().success());
    assert_eq!(said.len(), 63, "{said:?}");
    world.nothing_left(BUSY).unwrap();
    let kept = wharf(&home, &["logs", &run]);
    assert_eq!(kept.lines().collect::<Vec<_>>(), said, "what was followed is what is kept");
}
