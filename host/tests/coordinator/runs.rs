use crate::support::{Home, causes, flow_of, misbehaving, only, output, within};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use wharf::api::types::{ErrorCode, LogRecord, RunAnswer, RunEvent, RunList, TaskState};
use wharf::coordinator::StartError;
use wharf_contract::{Cause, Payload};
use wharf_core::event::RunState;

#[tokio::test]
async fn a_run_is_recorded_and_outlives_the_coordinator() {
    let home = Home::new(&flow_of(&[("a", "noop", json!({"input": {"n": 7}}))]));
    let running = home.start().await;
    let detail = running.run("f").await;
    assert_eq!(detail.summary.state, RunState::Succeeded);
    assert_eq!(output(only(&detail)), json!({"n": 7}));
    let metrics = within(running.client.get_text("/metrics")).await.unwrap();
    let line = r#"wharf_attempts_total{tenant="default",outcome="succeeded",cause="succeeded"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    for phase in ["queued", "started", "guest", "recorded"] {
        let line = format!(r#"wharf_attempt_phase_seconds_count{{phase="{phase}"}} 1"#);
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    assert!(!metrics.contains(r#"phase="created""#), "no Job is made on one machine: {metrics}");
    assert!(metrics.lines().any(|l| l == "wharf_leader 1"), "{metrics}");
    let mode = std::fs::metadata(running.handle.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    match home.start_with(home.options()).await {
        Err(StartError::Locked(why)) => assert!(why.contains(&format!("process {}", std::process::id())), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two coordinators on one store"),
    }
    running.drain().await;
    assert!(!home.path("state/wharf.sock").exists());
    assert_eq!(home.workers(), []);

    let running = home.start().await;
    assert_eq!(running.detail(detail.summary.run).await, detail);
    assert_eq!(running.get::<RunList>("/v1/runs?state=succeeded").await.runs, [detail.summary]);
    running.drain().await;
}

#[tokio::test]
async fn a_watcher_sees_the_changes_and_the_end() {
    let home = Home::new(&misbehaving(&json!({"mode": "sleep-until-cancelled"}), json!({})));
    let running = home.start().await;
    let run = running.create().await;
    let mut watch = running.watch(run).await;
    assert!(matches!(watch.next().await, Some(RunEvent::Snapshot { .. })));
    let answer: RunAnswer = running.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(answer.run, run);
    let seen = watch.until(|e| matches!(e, RunEvent::Ended { .. })).await;
    assert_eq!(seen.last(), Some(&RunEvent::Ended { state: RunState::Cancelled }));
    let Some(RunEvent::Snapshot { detail }) = seen.iter().rev().nth(1) else { panic!("{seen:#?}") };
    assert_eq!(detail.tasks[0].state, TaskState::Cancelled);
    assert_eq!(watch.next().await, None, "the stream ends with the run");
    running.drain().await;
}

#[tokio::test]
async fn a_run_is_cancelled_whether_its_guest_listens_or_not() {
    for mode in ["sleep-until-cancelled", "loop"] {
        let home = Home::new(&misbehaving(&json!({"mode": mode}), json!({})));
        let running = home.start().await;
        let run = running.create().await;
        running.watch(run).await.until_running().await;
        let detail = running.cancel(run).await;
        assert_eq!(detail.summary.state, RunState::Cancelled);
        assert_eq!(causes(&detail), [Some(Cause::Cancelled)], "{mode}");
        let again = running.refused(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
        assert_eq!(again.code, ErrorCode::Conflict, "{again:?}");
        running.drain().await;
    }
}

#[tokio::test]
async fn a_checkpoint_carries_an_attempt_to_the_next() {
    let retry = json!({"retry": {"attempts": 3, "backoff": {"min": "1ms"}}});
    let home = Home::new(&misbehaving(&json!({"mode": "retry-until", "attempts": 3}), retry));
    let running = home.start().await;
    let detail = running.run("f").await;
    assert_eq!(causes(&detail), [Some(Cause::Retryable), Some(Cause::Retryable), Some(Cause::Succeeded)]);
    assert_eq!(output(&detail.tasks[0].attempts[2]), json!(3));
    running.drain().await;
}

#[tokio::test]
async fn a_failed_run_goes_on_where_it_failed_when_it_is_retried() {
    let home = Home::new(&flow_of(&[
        ("a", "noop", json!({"input": 1})),
        ("b", "misbehave", json!({"needs": ["a"], "input": {"mode": "retry-until", "attempts": 2}})),
    ]));
    let running = home.start().await;
    let detail = running.run("f").await;
    assert_eq!(detail.summary.state, RunState::Failed);
    let run = detail.summary.run;
    let wrong = running.refused(&format!("/v1/runs/{run}/retry"), &json!({"from": "c"})).await;
    assert_eq!(wrong.code, ErrorCode::NotFound, "{wrong:?}");
    let _: RunAnswer = running.post(&format!("/v1/runs/{run}/retry"), &json!({})).await;
    running.watch(run).await.until(|e| matches!(e, RunEvent::Ended { .. })).await;
    let detail = running.detail(run).await;
    assert_eq!(detail.summary.state, RunState::Succeeded);
    assert_eq!(causes(&detail), [Some(Cause::Succeeded), Some(Cause::Retryable), Some(Cause::Succeeded)]);
    running.drain().await;
}

#[tokio::test]
async fn artifacts_are_kept_and_read_by_the_next_task() {
    let home = Home::new(&flow_of(&[
        ("a", "misbehave", json!({"input": {"mode": "artifact", "name": "rows", "bytes": 100_000}})),
        (
            "b",
            "misbehave",
            json!({
                "needs": ["a"],
                "input": {"mode": "read-artifact", "artifact": "{{ tasks.a.output }}"},
            }),
        ),
        ("c", "misbehave", json!({"input": {"mode": "big-output", "bytes": 50_000}})),
    ]));
    let running = home.start().await;
    let detail = running.run("f").await;
    assert_eq!(detail.summary.state, RunState::Succeeded, "{detail:#?}");
    let outcome = |task: usize| detail.tasks[task].attempts[0].outcome.as_ref().unwrap();
    let [rows] = &outcome(0).artifacts[..] else { panic!("{:?}", outcome(0)) };
    assert_eq!((rows.size, rows.name.as_str()), (100_000, "rows"));
    let hex = rows.digest.strip_prefix("sha256:").unwrap();
    let kept = home.path("state/artifacts/default").join(&hex[..2]).join(hex);
    assert_eq!(std::fs::metadata(kept).unwrap().len(), 100_000);
    let Some(Payload::Artifact(big)) = &outcome(2).output else { panic!("{:?}", outcome(2)) };
    assert_eq!(big.size, 50_002, "a JSON text with its quotes");
    assert_eq!(std::fs::read_dir(home.path("state/staging")).unwrap().count(), 0, "nothing is left");
    running.drain().await;
}

#[tokio::test]
async fn logs_are_read_and_followed() {
    let home = Home::new(&misbehaving(&json!({"mode": "log-flood", "lines": 3, "bytes": 5}), json!({})));
    let running = home.start().await;
    let run = running.create().await;
    let mut events = within(running.client.events(&format!("/v1/runs/{run}/logs?follow=true"))).await.unwrap();
    let mut followed = Vec::new();
    while let Some(event) = within(events.next()).await.unwrap() {
        match event.event.as_str() {
            "log" => followed.push(serde_json::from_str::<LogRecord>(&event.data).unwrap()),
            other => assert_eq!(other, "end"),
        }
    }
    let text = within(running.client.get_text(&format!("/v1/runs/{run}/logs?task=a"))).await.unwrap();
    let read: Vec<LogRecord> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(read, followed);
    let lines: Vec<_> = read.iter().map(|r| (r.message.as_str(), r.attempt, r.fields["line"].clone())).collect();
    assert_eq!(lines, [("xxxxx", 1, json!(0)), ("xxxxx", 1, json!(1)), ("xxxxx", 1, json!(2))]);
    let other = within(running.client.get_text(&format!("/v1/runs/{run}/logs?attempt=2"))).await.unwrap();
    assert_eq!(other, "");
    running.drain().await;
}
