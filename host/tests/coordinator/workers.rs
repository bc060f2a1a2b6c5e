use crate::support::{Home, causes, flow_of, gone, kill, misbehaving, only, output};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use wharf::api::types::{AttemptDetail, RunEvent};
use wharf::coordinator::Options;
use wharf_contract::Cause;
use wharf_core::event::{RunId, RunState};

const SLEEP: &str = "sleep-until-cancelled";

#[tokio::test]
async fn a_worker_that_is_killed_loses_its_attempts_and_is_replaced() {
    let home = Home::new(&misbehaving(&json!({"mode": SLEEP}), json!({"retry": {"backoff": {"min": "1ms"}}})));
    let running = home.start().await;
    let run = running.create().await;
    let mut watch = running.watch(run).await;
    watch.until_running().await;
    let [worker] = home.workers()[..] else { panic!("{:?}", home.workers()) };
    kill(worker).await;
    watch.until(|e| matches!(e, RunEvent::Attempt { detail, .. } if is_second(detail))).await;
    let detail = running.cancel(run).await;
    assert_eq!(causes(&detail), [Some(Cause::WorkerLost), Some(Cause::Cancelled)]);
    let message = &detail.tasks[0].attempts[0].outcome.as_ref().unwrap().message;
    assert!(message.contains("signal: 9 (SIGKILL)"), "{message}");
    running.drain().await;
}

fn is_second(attempt: &AttemptDetail) -> bool {
    attempt.attempt == 2 && attempt.outcome.is_none()
}

#[tokio::test]
async fn tenants_share_no_worker_and_workers_no_environment() {
    let task = flow_of(&[("a", "misbehave", json!({"input": {"mode": SLEEP}}))]);
    let config = ["acme", "demo"].map(|tenant| {
        let flow = task.replace("{name: f}", &format!("{{name: of-{tenant}, namespace: {tenant}}}"));
        format!("kind: Tenant\napiVersion: wharf.dev/v1\nmetadata: {{name: {tenant}}}\nspec: {{}}\n---\n{flow}")
    });
    let home = Home::new(&config.join("---\n"));
    let running = home.start().await;
    let mut runs = Vec::new();
    for flow in ["of-acme", "of-demo", "of-demo"] {
        let answer: wharf::api::types::RunAnswer = running.post("/v1/runs", &json!({"flow": flow})).await;
        running.watch(answer.run).await.until_running().await;
        runs.push(answer.run);
    }
    let workers = home.workers();
    assert_eq!(workers.len(), 2);
    for worker in workers {
        let environment = std::fs::read(format!("/proc/{}/environ", worker.as_raw_nonzero())).unwrap();
        assert_eq!(String::from_utf8_lossy(&environment), "");
    }
    for run in runs {
        running.cancel(run).await;
    }
    running.drain().await;
}

#[tokio::test]
async fn an_idle_worker_is_ended_and_started_again_when_needed() {
    let home = Home::new(&flow_of(&[("a", "noop", json!({}))]));
    let options = Options { worker_idle: Duration::from_millis(1), ..home.options() };
    let running = home.start_with(options).await.unwrap();
    for _ in 0..3 {
        assert_eq!(running.run("f").await.summary.state, RunState::Succeeded);
        for worker in home.workers() {
            gone(worker).await;
        }
    }
    running.drain().await;
}

#[tokio::test]
async fn of_more_tenants_than_workers_each_has_its_turn() {
    let flow = flow_of(&[("a", "noop", json!({}))]);
    let config: Vec<_> = (0..4)
        .map(|n| {
            let flow = flow.replace("{name: f}", &format!("{{name: f{n}, namespace: t{n}}}"));
            format!("kind: Tenant\napiVersion: wharf.dev/v1\nmetadata: {{name: t{n}}}\nspec: {{}}\n---\n{flow}")
        })
        .collect();
    let home = Home::new(&config.join("---\n"));
    let running = home.start_with(Options { max_workers: 1, ..home.options() }).await.unwrap();
    for flow in ["f0", "f1", "f2", "f3", "f0"] {
        assert_eq!(running.run(flow).await.summary.state, RunState::Succeeded);
        assert!(home.workers().len() <= 1);
    }
    running.drain().await;
}

#[tokio::test]
async fn what_runs_when_the_drain_timeout_passes_goes_on_with_the_next_start() {
    let coordinator = "kind: Coordinator\napiVersion: wharf.dev/v1\nspec: {drainTimeout: 1ms}\n---\n";
    let flow = misbehaving(&json!({"mode": SLEEP}), json!({"retry": {"backoff": {"min": "1ms"}}}));
    let home = Home::new(&format!("{coordinator}{flow}"));
    let running = home.start().await;
    let run = running.create().await;
    running.watch(run).await.until_running().await;
    running.drain().await;
    assert_eq!(home.workers(), []);
    goes_on(&home, run, "the coordinator stops").await;
}

#[tokio::test]
async fn what_runs_when_the_coordinator_is_stopped_goes_on_with_the_next_start() {
    let home = Home::new(&misbehaving(&json!({"mode": SLEEP}), json!({"retry": {"backoff": {"min": "1ms"}}})));
    let mut running = home.start().await;
    let run = running.create().await;
    running.watch(run).await.until_running().await;
    running.handle.stop();
    crate::support::within(running.handle.join()).await.unwrap();
    goes_on(&home, run, "the coordinator ended while this attempt ran").await;
}

async fn goes_on(home: &Home, run: RunId, lost: &str) {
    let running = home.start().await;
    let mut watch = running.watch(run).await;
    watch
        .until(|e| match e {
            RunEvent::Snapshot { detail } => detail.tasks[0].attempts.iter().any(is_second),
            RunEvent::Attempt { detail, .. } => is_second(detail),
            _ => false,
        })
        .await;
    let detail = running.cancel(run).await;
    assert_eq!(causes(&detail), [Some(Cause::WorkerLost), Some(Cause::Cancelled)]);
    let message = &detail.tasks[0].attempts[0].outcome.as_ref().unwrap().message;
    assert!(message.contains(lost), "{message}");
    running.drain().await;
}

const SECRET: &str = "correct-horse-battery-staple";

#[tokio::test]
async fn a_secret_reaches_the_guest_and_no_file_and_a_missing_one_is_said() {
    let tenant = "kind: Tenant\napiVersion: wharf.dev/v1\nmetadata: {name: default}\nspec:\n  secrets:\n    \
                  - {name: there, file: secret}\n    - {name: absent, env: WHARF_TEST_NOT_SET}\n---\n";
    let flow = |secret: &str| {
        let more = json!({"secrets": [{"name": "key", "secretKeyRef": {"name": secret}}]});
        format!("{tenant}{}", misbehaving(&json!({"mode": "secret", "name": "key"}), more))
    };
    let home = Home::new(&flow("absent"));
    std::fs::write(home.path("secret"), format!("{SECRET}\n")).unwrap();
    let running = home.start().await;
    let detail = running.run("f").await;
    let outcome = only(&detail).outcome.as_ref().unwrap();
    assert_eq!(outcome.cause, Cause::NotGranted);
    assert!(outcome.message.contains("WHARF_TEST_NOT_SET of the coordinator is not set"), "{}", outcome.message);

    home.write(&flow("there"));
    let _: serde_json::Value = running.post("/v1/reload", &json!({})).await;
    let detail = running.run("f").await;
    assert_eq!(detail.summary.state, RunState::Succeeded, "{detail:#?}");
    assert_eq!(output(only(&detail)), json!(SECRET.len()), "without its line end");
    running.drain().await;
    assert_eq!(files_with(&home.path("state"), SECRET.as_bytes()), Vec::<String>::new());
}

/// Files below a folder that hold these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if std::fs::read(&path).unwrap_or_default().windows(bytes.len()).any(|w| w == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}
