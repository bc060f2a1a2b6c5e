//! The test cluster itself: it runs a Job end to end, and leaves nothing behind, whoever is killed.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::{Child, Command};
use std::time::{Duration, Instant};
use wharf_tests::cluster::{Cluster, Left, Options, Ours, Part};

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ours(cluster: &Cluster) -> &Ours {
    cluster.ours().expect("a cluster of its own is ours")
}

/// A pod that would run for ever, seen running.
fn run_pod(cluster: &Cluster) {
    let image = format!("--image={}", ours(cluster).info().tiny_image);
    cluster.kubectl_output(&["run", "stays", &image]).unwrap();
    cluster.kubectl_output(&["wait", "--for=condition=Ready", "pod/stays", "--timeout=60s"]).unwrap();
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn assert_nothing_left(traces: &Left) {
    assert_eq!(traces.all().unwrap(), Vec::<String>::new());
}

#[test]
fn a_job_runs_end_to_end_and_nothing_is_left() {
    let Some(cluster) = Cluster::alone(&Options::default()) else { return };
    let image = format!("--image={}", ours(&cluster).info().tiny_image);
    cluster.kubectl_output(&["create", "job", "greets", &image, "--", "/tiny", "say", "hello"]).unwrap();
    cluster.kubectl_output(&["wait", "--for=condition=Complete", "job/greets", "--timeout=60s"]).unwrap();
    let said = cluster.kubectl_output(&[
        "get",
        "pods",
        "--selector=job-name=greets",
        "--output=jsonpath={.items[*].status.containerStatuses[*].state.terminated.message}",
    ]);
    assert_eq!(said.unwrap(), "hello");
    assert_eq!(cluster.kubectl_output(&["logs", "job/greets"]).unwrap(), "hello\n");
    let jobs: Vec<_> = ours(&cluster).writes().unwrap().into_iter().filter(|w| w.resource == "jobs").collect();
    assert_eq!(jobs.len(), 1, "the one write is counted: {jobs:?}");
    assert_eq!((jobs[0].user.as_str(), jobs[0].verb.as_str(), jobs[0].code), ("admin", "create", 201));

    run_pod(&cluster);
    let traces = ours(&cluster).traces().unwrap();
    assert!(traces.processes().unwrap().iter().any(|p| p.ends_with(" tiny")), "a container is seen from here");
    drop(cluster);
    assert_nothing_left(&traces);
}

#[test]
fn a_killed_owner_takes_its_cluster_along() {
    let mut owner: Child = Command::new("sleep").arg("infinity").spawn().unwrap();
    let cluster = Cluster::alone(&Options { owner: Some(owner.id()), ..Options::default() });
    let traces = cluster.as_ref().map(|cluster| {
        run_pod(cluster);
        ours(cluster).traces().unwrap()
    });
    owner.kill().unwrap();
    owner.wait().unwrap();
    if let Some(traces) = traces {
        until("all is gone with the owner", || traces.all().unwrap().is_empty().then_some(()));
    }
}

#[test]
fn what_a_killed_supervisor_leaves_goes_at_the_next_start() {
    let Some(cluster) = Cluster::alone(&Options::default()) else { return };
    run_pod(&cluster);
    let traces = ours(&cluster).traces().unwrap();
    kill(traces.supervisor());
    until("no process outlives the supervisor", || traces.processes().unwrap().is_empty().then_some(()));
    assert!(!traces.all().unwrap().is_empty(), "files and control groups cannot go by themselves");
    let next = Cluster::alone(&Options::default()).expect("as the one before");
    assert_nothing_left(&traces);
    drop(next);
}

#[test]
fn the_tool_passes_its_own_tests() {
    let go = |args: &[&str]| {
        let mut command = Command::new("go");
        // The flags of the tool's own build, so that its packages are compiled once.
        command.args(args).env("CGO_ENABLED", "0").current_dir(wharf_tests::binaries::root().join("tests/cluster"));
        command.output()
    };
    let tested = match go(&["test", "-trimpath", "."]) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os("WHARF_CI").is_none() => {
            eprintln!("not run: tests of the cluster's tool: Go is missing");
            return;
        }
        tested => tested.unwrap(),
    };
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let vetted = go(&["vet", "-trimpath", "."]).unwrap();
    assert!(vetted.status.success(), "{}", String::from_utf8_lossy(&vetted.stderr));
}

#[test]
fn tests_of_a_process_share_a_cluster() {
    let Some(cluster) = Cluster::shared() else { return };
    assert_eq!(cluster.kubectl_output(&["get", "--raw", "/readyz"]).unwrap(), "ok");
    assert!(std::ptr::eq(cluster, Cluster::shared().expect("as before")));
    cluster.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}}").unwrap();
    cluster.kubectl_output(&["delete", "configmap", "applied"]).unwrap();
}

#[test]
fn parts_stop_and_start_and_users_have_only_their_rights() {
    let Some(cluster) = Cluster::alone(&Options { kwok: 1, ..Options::default() }) else { return };
    let parts = ours(&cluster);
    cluster.kubectl_output(&["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]).unwrap();

    parts.stop(Part::ApiServer).unwrap();
    assert!(cluster.kubectl_output(&["get", "--raw", "/readyz"]).is_err());
    parts.compact().unwrap();
    parts.start_again(Part::ApiServer).unwrap();
    assert_eq!(cluster.kubectl_output(&["get", "--raw", "/readyz"]).unwrap(), "ok");

    parts.pause(Part::Kubelet).unwrap();
    cluster.kubectl_output(&["wait", "--for=condition=Ready=Unknown", "node/node1", "--timeout=60s"]).unwrap();
    let ready = cluster.kubectl_output(&["wait", "--for=condition=Ready", "node/kwok-0", "--timeout=1s"]);
    assert!(ready.is_ok(), "the node that pretends stays: {ready:?}");
    parts.resume(Part::Kubelet).unwrap();
    cluster.kubectl_output(&["wait", "--for=condition=Ready", "node/node1", "--timeout=60s"]).unwrap();

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), parts.user_kubeconfig("eve", &["team"]).unwrap()).unwrap();
    let kubeconfig = format!("--kubeconfig={}", file.path().display());
    assert!(cluster.kubectl_output(&[&kubeconfig, "auth", "whoami"]).unwrap().contains("eve"));
    let refused = cluster.kubectl_output(&[&kubeconfig, "get", "secrets"]).unwrap_err().to_string();
    assert!(refused.contains("User \"eve\" cannot list resource \"secrets\""), "{refused}");

    cluster.kubectl_output(&["create", "serviceaccount", "robot"]).unwrap();
    std::fs::write(file.path(), parts.service_account_kubeconfig("default", "robot").unwrap()).unwrap();
    let whoami = cluster.kubectl_output(&[&kubeconfig, "auth", "whoami"]).unwrap();
    assert!(whoami.contains("system:serviceaccount:default:robot"), "{whoami}");
}
