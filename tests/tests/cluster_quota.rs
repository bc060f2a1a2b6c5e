//! A Job that is in the cluster already and waits for quota: others were faster.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::time::Duration;
use wharf_tests::binaries::component;
use wharf_tests::cluster::{Cluster, Part};
use wharf_tests::cluster_world::{Setup, World};

/// How long anything may take on a busy machine.
const BUSY: Duration = Duration::from_secs(90);
/// By how much a deadline is moved at a time.
const MOVED_BY: i64 = 3_600;

/// A pod that somebody else runs in the tenant's namespace.
fn other(world: &World<'_>, name: &str) -> String {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": world.tenant() },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "c", "image": world.ours().info().tiny_image, "imagePullPolicy": "IfNotPresent", "args": ["pause"],
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    });
    pod.to_string()
}

#[test]
fn a_jobs_own_deadline_does_not_pass_while_it_waits() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-quota-live").unwrap() else { return };
    let setup = Setup { tenant: json!({ "resourceQuota": { "hard": { "pods": "2" } } }), ..Setup::default() };
    let task = json!({ "name": "only", "component": { "path": component("noop") }, "input": 1, "timeout": "60s" });
    let home = world.home(&(world.head(&setup) + &world.flow("one", &json!({ "tasks": [task] })))).unwrap();
    // Its component is compiled, and where pods get it from.
    home.said(&["run", "one"]).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _serve = tokio.block_on(home.serve()).unwrap();
    let show = || -> Value { serde_json::from_str(&home.said(&["show", "2", "-o", "json"]).unwrap()).unwrap() };
    let deadline = || {
        let jobs = world.json(&["get", "jobs"]).unwrap();
        jobs["items"][0]["spec"]["activeDeadlineSeconds"].as_i64()
    };

    // There is room when the Job is made, and none any more when its pod is. What is used is counted by the controllers.
    let free = || {
        let quotas = world.json(&["get", "resourcequotas"])?;
        Ok((quotas["items"][0]["status"]["used"]["pods"] == "0").then_some(()))
    };
    world.until("the quota is free", BUSY, free).unwrap();
    world.ours().pause(Part::Controllers).unwrap();
    home.said(&["trigger", "one"]).unwrap();
    let before = world.until("the Job is made", BUSY, || Ok(deadline())).unwrap();
    for name in ["first", "second"] {
        cluster.apply(&other(&world, name)).unwrap();
    }
    world.ours().resume(Part::Controllers).unwrap();
    let phase = || {
        let phase = show()["tasks"][0]["attempts"][0]["phase"].as_str().unwrap_or_default().to_owned();
        Ok(phase.contains("waiting for quota").then_some(phase))
    };
    let phase = world.until("the quota is named", BUSY, phase).unwrap();
    assert!(phase.contains("pods"), "{phase}");
    let moved = || Ok(deadline().filter(|seconds| *seconds != before));
    assert_eq!(world.until("the deadline is moved", BUSY, moved).unwrap(), before + MOVED_BY);

    world.kubectl(&["delete", "pod", "first", "second"]).unwrap();
    let ended = || {
        let detail = show();
        Ok((detail["summary"]["state"] != "running").then_some(detail))
    };
    let detail = world.until("the run ends", BUSY, ended).unwrap();
    assert_eq!(detail["summary"]["state"], "succeeded");
    assert_eq!(detail["tasks"][0]["attempts"].as_array().unwrap().len(), 1, "it cost no retry");
    world.nothing_left(BUSY).unwrap();
    let (user, tenant) = (world.user(), world.tenant());
    let writes = world.ours().writes().unwrap();
    let patched = |write: &&wharf_tests::cluster::Write| {
        write.user == user && write.namespace == tenant && write.verb == "patch" && write.resource == "jobs"
    };
    assert_eq!(writes.iter().filter(patched).count(), 1, "one write more");
}
