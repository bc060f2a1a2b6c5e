use super::*;
use crate::samples::{flow, task, tenant};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use wharf_contract::{AttemptId, Entry, HttpGrant, Invocation as Whole, PartitionContext, ToRuntime, decode};
use wharf_core::event::RunId;
use wharf_core::plan::{Mount, Resources};

pub(in crate::executor) fn start(flow: &Arc<Flow>, item: Option<u32>, memory: Option<u64>) -> Start {
    Start {
        attempt: AttemptKey { run: RunId(7), task: 0, item, attempt: 2 },
        flow: Arc::clone(flow),
        input: Payload::Json(to_raw_value(&json!({"day": "2012-01-05"})).unwrap()),
        context: AttemptContext {
            tenant: "weather".into(),
            flow: "daily".into(),
            scheduled_time: Some("2012-01-06T00:00:00Z".into()),
            partition: Some(PartitionContext { key: "2012-01-05".into(), start: None, end: None }),
            partial: true,
        },
        memory,
        waited: std::time::Duration::ZERO,
    }
}

const PLACES: Places<'static> = Places {
    staging: "/s/staging/7-extract-x-2",
    artifacts: "/s/artifacts/weather",
    state: "/s/state/7/extract",
    readable: &[],
};

fn encoded(invocations: &mut Invocations, start: &Start) -> Result<Whole, Failure> {
    let mut out = Vec::new();
    invocations.append(3, start, &tenant(), &PLACES, &mut out)?;
    let (frame, used) = decode::<ToRuntime>(&out).unwrap().unwrap();
    assert_eq!(used, out.len());
    match frame {
        ToRuntime::Start { slot: 3, invocation } => Ok(*invocation),
        other => panic!("{other:?}"),
    }
}

fn expected(start: &Start, limits: Limits, grants: wharf_contract::Grants) -> Whole {
    let task = &start.flow.tasks[0];
    Whole {
        id: AttemptId { run: 7, task: "extract".into(), item: start.attempt.item, attempt: 2 },
        context: start.context.clone(),
        component: Component { path: task.component.path.clone(), digest: task.component.digest.clone() },
        entry: task.entry.clone(),
        input: start.input.clone(),
        timeout: task.timeout_us.map(|us| us / 1000),
        limits,
        grants: wharf_contract::Grants {
            staging: Some(PathBuf::from(PLACES.staging)),
            artifacts: Some(PathBuf::from(PLACES.artifacts)),
            state: Some(PathBuf::from(PLACES.state)),
            ..grants
        },
    }
}

#[test]
fn a_task_that_asks_for_nothing_gets_the_defaults() {
    let (flow, mut invocations) = (flow(task()), Invocations::default());
    for item in [None, Some(0), Some(9)] {
        let start = start(&flow, item, None);
        let expect = expected(&start, Limits::default(), wharf_contract::Grants::default());
        assert_eq!(encoded(&mut invocations, &start).unwrap(), expect);
    }
}

#[test]
fn a_task_gets_all_that_it_is_granted_and_raised_memory() {
    let mount = Mount { volume: "data".into(), source: "/data".into(), path: "/in".into(), read_only: true };
    let secret = || BTreeMap::from([("TOKEN".to_owned(), SecretRef { name: "token".into() })]);
    let grants = wharf_contract::Grants {
        env: BTreeMap::from([("TZ".into(), "UTC".into())]),
        secret_env: BTreeMap::from([("TOKEN".into(), Secret::new("wharf".into()))]),
        secrets: BTreeMap::from([("TOKEN".into(), Secret::new("wharf".into()))]),
        mounts: vec![wharf_contract::Mount::from(&mount)],
        http: vec![HttpGrant {
            host: "example.org".into(),
            port: Some(8443),
            plain: false,
            private: true,
            methods: vec!["GET".into()],
        }],
        ..wharf_contract::Grants::default()
    };
    let flow = flow(Task {
        entry: Entry::Command { args: vec!["-v".into()], stdin: true },
        timeout_us: Some(2_500_000),
        resources: Resources {
            limit_memory: Some(64 << 20),
            limit_ephemeral_storage: Some(1 << 20),
            ..Resources::default()
        },
        env: grants.env.clone(),
        secret_env: secret(),
        secrets: secret(),
        mounts: vec![mount],
        http: grants.http.clone(),
        ..task()
    });
    let mut invocations = Invocations::default();
    for (memory, expect) in [(None, 64 << 20), (Some(96 << 20), 96 << 20)] {
        let start = start(&flow, None, memory);
        let limits = Limits { memory: expect, disk: 1 << 20, ..Limits::default() };
        assert_eq!(encoded(&mut invocations, &start).unwrap(), expected(&start, limits, grants.clone()));
    }
}

#[test]
fn a_secret_that_is_not_there_ends_the_attempt_before_it_starts() {
    let missing = BTreeMap::from([("TOKEN".to_owned(), SecretRef { name: "absent".into() })]);
    let flow = flow(Task { secrets: missing, ..task() });
    let outcome = encoded(&mut Invocations::default(), &start(&flow, None, None)).unwrap_err();
    assert_eq!(outcome.cause, Cause::NotGranted);
    assert!(outcome.message.contains("has no secret `absent`"), "{}", outcome.message);
}

#[test]
fn an_input_that_no_frame_holds_ends_the_attempt_and_leaves_no_bytes() {
    let flow = flow(task());
    let mut start = start(&flow, None, None);
    start.input = Payload::Json(to_raw_value(&"x".repeat(wharf_contract::MAX_FRAME)).unwrap());
    let mut out = vec![1];
    let outcome = Invocations::default().append(0, &start, &tenant(), &PLACES, &mut out).unwrap_err();
    assert_eq!(outcome.cause, Cause::InvalidInput);
    assert_eq!(out, [1]);
}
