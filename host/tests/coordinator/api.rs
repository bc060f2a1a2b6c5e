use crate::support::{Home, flow_of, within};
use serde_json::{Value, json};
use wharf::api::types::{BackfillEvent, BackfillSummary, ErrorCode, FlowList, Live, MAX_BODY, RunList, TriggerKind};
use wharf::client::ClientError;
use wharf_core::event::RunState;

fn config() -> String {
    let flow = flow_of(&[("a", "noop", json!({"input": "{{ partition.key }}"}))]);
    flow.replace("spec:\n", "spec:\n  partitions: {daily: {start: 2012-01-01}}\n  backfill: {maxActive: 2}\n")
}

#[tokio::test]
async fn each_wrong_request_has_its_code() {
    let home = Home::new(&config());
    let running = home.start().await;
    let large = json!({"flow": "x".repeat(MAX_BODY)});
    let posts: [(&str, Value, ErrorCode, &str); 11] = [
        ("/v1/runs", json!({"flow": "none"}), ErrorCode::NotFound, "no flow `none`"),
        ("/v1/runs", json!({"flow": "f", "more": 1}), ErrorCode::BadRequest, "unknown field `more`"),
        ("/v1/runs", json!([]), ErrorCode::BadRequest, "not what is expected"),
        ("/v1/runs", json!({"flow": "f", "partition": "2011-01-01"}), ErrorCode::BadRequest, "2011-01-01"),
        ("/v1/runs?wait=perhaps", json!({"flow": "f"}), ErrorCode::BadRequest, "wait"),
        ("/v1/runs", large, ErrorCode::TooLarge, "larger than 1048576 bytes"),
        ("/v1/runs/7/cancel", json!({}), ErrorCode::NotFound, "no run 7"),
        ("/v1/runs/7/retry", json!({}), ErrorCode::NotFound, "no run 7"),
        ("/v1/runs/x/cancel", json!({}), ErrorCode::BadRequest, "`x` is no number"),
        ("/v1/backfills/7/cancel", json!({}), ErrorCode::NotFound, "no backfill 7"),
        ("/v1/none", json!({}), ErrorCode::NotFound, "no route POST /v1/none"),
    ];
    for (path, body, code, message) in posts {
        let error = running.refused(path, &body).await;
        assert_eq!(error.code, code, "{path}: {error:?}");
        assert!(error.message.contains(message), "{path}: {error:?}");
    }
    for (path, code) in [
        ("/v1/runs/7", ErrorCode::NotFound),
        ("/v1/runs/7/watch", ErrorCode::NotFound),
        ("/v1/runs/7/logs", ErrorCode::NotFound),
        ("/v1/backfills/7/watch", ErrorCode::NotFound),
        ("/v1/runs?state=odd", ErrorCode::BadRequest),
        ("/v1/runs?flow=none", ErrorCode::NotFound),
        ("/v1/reload", ErrorCode::NotFound),
    ] {
        match within(running.client.get::<Value>(path)).await {
            Err(ClientError::Api(error)) => assert_eq!(error.code, code, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(running.get::<Live>("/v1/health/live").await.pid, std::process::id());
    running.drain().await;
}

#[tokio::test]
async fn a_backfill_runs_each_partition_once_and_leaves_out_what_has_succeeded() {
    let home = Home::new(&config());
    let running = home.start().await;
    let body = json!({"flow": "default/f", "from": "2012-01-01", "to": "2012-01-20"});
    let made: BackfillSummary = running.post("/v1/backfills", &body).await;
    assert_eq!((made.runs.total, made.runs.skipped), (Some(20), 0));
    let mut events = within(running.client.events(&format!("/v1/backfills/{}/watch", made.backfill))).await.unwrap();
    let mut last = None;
    while let Some(event) = within(events.next()).await.unwrap() {
        last = Some(serde_json::from_str::<BackfillEvent>(&event.data).unwrap());
    }
    assert_eq!(last, Some(BackfillEvent::Ended { state: RunState::Succeeded }));
    let query = format!("/v1/runs?backfill={}&limit=1000", made.backfill);
    let runs = running.get::<RunList>(&query).await.runs;
    let mut keys: Vec<_> = runs.iter().filter_map(|r| r.partition.clone()).collect();
    keys.sort();
    assert_eq!(keys, (1..=20).map(|day| format!("2012-01-{day:02}")).collect::<Vec<_>>());
    assert!(runs.iter().all(|r| r.trigger == TriggerKind::Backfill && r.state == RunState::Succeeded));

    let again = running.refused("/v1/backfills", &body).await;
    assert_eq!(again.code, ErrorCode::NothingToDo, "{again:?}");
    let wider = json!({"flow": "f", "from": "2012-01-01", "to": "2012-01-21"});
    let made: BackfillSummary = running.post("/v1/backfills", &wider).await;
    assert_eq!((made.runs.total, made.runs.skipped), (Some(1), 20));
    running.drain().await;
}

#[tokio::test]
async fn flows_are_listed_with_their_next_tick() {
    let flow = flow_of(&[("a", "noop", json!({})), ("b", "noop", json!({"needs": ["a"]}))]);
    let home = Home::new(&flow.replace("spec:\n", "spec:\n  schedule: '@yearly'\n"));
    let running = home.start().await;
    let flows = running.get::<FlowList>("/v1/flows").await.flows;
    let [flow] = &flows[..] else { panic!("{flows:?}") };
    assert_eq!((flow.flow.as_str(), &flow.tasks[..]), ("default/f", &["a".to_owned(), "b".to_owned()][..]));
    assert!(flow.next_tick.as_ref().unwrap().ends_with("-01-01T00:00:00Z"), "{flow:?}");
    running.drain().await;
}
