//! The thinnest thread through a real cluster: one task, one Job, one recorded outcome, three writes, nothing left. And what
//! runs there goes on whatever becomes of its coordinator.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::time::Duration;
use wharf_tests::binaries::component;
use wharf_tests::cluster::Cluster;
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::serve::{Home, Serve};

/// How long anything may take on a busy machine.
const BUSY: Duration = Duration::from_secs(90);

fn flow(world: &World<'_>, name: &str, component_name: &str, input: &Value) -> String {
    let limits = json!({ "limits": { "memory": "32Mi" } });
    let task = json!({
        "name": "only", "component": { "path": component(component_name) }, "input": input, "resources": limits,
    });
    world.flow(name, &json!({ "tasks": [task] }))
}

fn wharf(home: &Home, args: &[&str]) -> Value {
    let output = home.command("wharf", &[args, &["--output", "json"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "wharf {args:?}: {}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("wharf {args:?}: {e}: {said}"))
}

fn serve(home: &Home) -> Serve {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(home.serve()).unwrap()
}

/// The attempts of the run's one task.
fn attempts(home: &Home, run: &str) -> Vec<Value> {
    wharf(home, &["show", run])["tasks"][0]["attempts"].as_array().unwrap().clone()
}

#[test]
fn a_task_is_one_job_with_three_writes() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-thread").unwrap() else { return };
    let config = world.head(&Setup::default()) + &flow(&world, "one", "noop", &json!({ "day": "2012-01-05" }));
    let home = world.home(&config).unwrap();
    let output = home.command("wharf", &["run", "one"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let attempts = attempts(&home, "1");
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["outcome"]["cause"], "succeeded");
    assert_eq!(attempts[0]["outcome"]["output"]["json"], json!({ "day": "2012-01-05" }));
    world.nothing_left(BUSY).unwrap();

    let (user, tenant) = (world.user(), world.tenant());
    let writes = world.ours().writes().unwrap();
    let mut ours: Vec<_> = writes
        .iter()
        .filter(|write| write.user == user && write.namespace == tenant)
        .map(|write| format!("{} {}", write.verb, write.resource))
        .collect();
    ours.sort_unstable();
    assert_eq!(ours, ["create jobs", "delete jobs", "patch pods"]);
}

#[test]
fn what_runs_goes_on_without_its_coordinator() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-goes-on").unwrap() else { return };
    let nap = json!({ "mode": "sleep", "milliseconds": 20_000 });
    let home = world.home(&(world.head(&Setup::default()) + &flow(&world, "nap", "misbehave", &nap))).unwrap();
    let running = |run: &str| {
        let look = || {
            let attempts = attempts(&home, run);
            let phase = attempts.first().and_then(|a| a["phase"].as_str()).unwrap_or_default();
            Ok(phase.starts_with("running on ").then_some(()))
        };
        world.until("the attempt runs", BUSY, look).unwrap();
    };
    // It is told to end and does so without waiting; the next one is killed; the third one records.
    let first = serve(&home);
    wharf(&home, &["trigger", "nap"]);
    running("1");
    assert!(first.terminate().unwrap().success());
    let second = serve(&home);
    running("1");
    drop(second);
    let _third = serve(&home);
    let ended = || {
        let state = wharf(&home, &["show", "1"])["summary"]["state"].clone();
        Ok((state != "running").then_some(state))
    };
    assert_eq!(world.until("the run ends", BUSY, ended).unwrap(), "succeeded");
    let attempts = attempts(&home, "1");
    assert_eq!(attempts.len(), 1, "the one attempt was enough: {attempts:?}");
    world.nothing_left(BUSY).unwrap();
}
