//! A worker does not outlive whoever started it.

use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wharf::api::types::{CreateRun, RunAnswer};
use wharf_tests::binaries::{binary, component};
use wharf_tests::config;
use wharf_tests::serve::{DEADLINE, Home};

/// Waits until a process is gone, or a zombie that nobody but its parent can bury.
fn wait_gone(pid: u32) {
    let deadline = Instant::now() + DEADLINE;
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state != 'Z').then_some(state)
    };
    while let Some(state) = alive() {
        assert!(Instant::now() < deadline, "process {pid} is still there, in state {state}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn children(pid: u32) -> Vec<u32> {
    let lists = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    lists.split_whitespace().filter_map(|p| p.parse().ok()).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_worker_ends_with_its_coordinator_though_its_guest_does_not() {
    let spec = format!(
        "  tasks:\n    - name: wait\n      component: {{path: {}}}\n      input: {{mode: loop}}\n",
        component("misbehave").display()
    );
    let home = Home::new(&(config::head(4) + &config::flow("wait", &spec))).expect("a config");
    let serve = home.serve().await.expect("wharf serve is ready");
    let request = CreateRun { flow: "wait".into(), ..CreateRun::default() };
    let run: RunAnswer = serve.client.post("/v1/runs", &request).await.expect("a run");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let detail: serde_json::Value = serve.client.get(&format!("/v1/runs/{}", run.run)).await.expect("the run");
        if detail["tasks"][0]["state"] == json!("running") && !children(serve.pid()).is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "the guest does not run: {detail}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let workers = children(serve.pid());
    // Dropping it kills it with SIGKILL.
    drop(serve);
    workers.into_iter().for_each(wait_gone);
}

#[test]
fn a_worker_ends_with_its_parent_though_its_input_stays_open() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = dir.path().join("said");
    let script = "\"$0\" serve --cache \"$1\" <&0 >\"$2\" & echo $!; wait";
    let mut parent = Command::new("sh")
        .args(["-c", script])
        .arg(binary("wharf-runtime"))
        .arg(dir.path())
        .arg(&said)
        // Held open by this test until the end, so that it is not the end of input that ends the worker.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    let _input = parent.stdin.take();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().expect("a pipe")).read_line(&mut line).expect("the worker's number");
    let worker: u32 = line.trim().parse().expect("a number");
    // With its greeting it knows its parent.
    let deadline = Instant::now() + DEADLINE;
    while std::fs::metadata(&said).map_or(0, |m| m.len()) == 0 {
        assert!(Instant::now() < deadline, "the worker does not greet");
        std::thread::sleep(Duration::from_millis(2));
    }
    parent.kill().expect("sh is killed");
    parent.wait().expect("sh ends");
    wait_gone(worker);
}
