use super::*;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

fn settings() -> Kubernetes {
    Kubernetes { start_deadline_us: 300_000_000, ..crate::executor::kubernetes::manifest::tests::settings() }
}

fn job(status: Value) -> Job {
    serde_json::from_value(json!({"metadata": {"name": "j", "uid": "u"}, "status": status})).unwrap()
}

fn pod(status: Value) -> Pod {
    let spec = json!({"nodeName": "n", "containers": []});
    serde_json::from_value(json!({"metadata": {"name": "p", "uid": "pu"}, "spec": spec, "status": status})).unwrap()
}

fn terminated(code: i32, reason: &str, message: Option<&str>) -> Pod {
    let state = json!({"terminated": {"exitCode": code, "reason": reason, "message": message}});
    let container =
        json!({"name": "wharf", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0});
    pod(json!({"phase": "Succeeded", "containerStatuses": [container]}))
}

/// A Job that was listed, and what else was seen of it.
fn state(now: Instant, more: Vec<Saw>) -> State {
    let mut state = State::new("u".into(), Duration::from_secs(1000), now, &settings());
    let before = [Saw::JobsListing, Saw::Job(job(json!({})).into()), Saw::JobsListed, Saw::PodsListing];
    for saw in before.into_iter().chain(more).chain([Saw::PodsListed]) {
        state.take(saw);
    }
    state
}

fn over(pod: Pod) -> Result<StoredObject, (Cause, String)> {
    let now = Instant::now();
    match state(now, vec![Saw::Pod(pod.into())]).judge(now, &settings()) {
        Verdict::Over(result) => result.map_err(|f| (f.cause, f.message)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_report_decides_and_a_pod_without_one_by_how_it_ended() {
    let object = StoredObject { key: "compiled/x/1.cwasm".into(), digest: "sha256:00".into(), size: 3 };
    let say = |report: &PodReport| serde_json::to_string(report).unwrap();
    let compiled = say(&PodReport::Compiled { object: object.clone() });
    assert_eq!(over(terminated(0, "Completed", Some(&compiled))), Ok(object));
    let refused = say(&PodReport::NotCompiled { cause: Cause::CompileLimit, message: "it took 60 s".into() });
    let outcome = say(&PodReport::Outcome(Box::new(wharf_contract::Outcome::failed(Cause::Trap, "x"))));
    for (pod, cause, says) in [
        (terminated(1, "Error", Some(&refused)), Cause::CompileLimit, "it took 60 s"),
        (terminated(1, "Error", Some(&outcome)), Cause::Internal, "was to compile"),
        (terminated(137, "OOMKilled", None), Cause::CompileLimit, "compile.resources"),
        (terminated(0, "Completed", None), Cause::OutcomeMissing, "no outcome"),
        (terminated(2, "Error", Some("oh")), Cause::WorkerLost, "exited with 2"),
    ] {
        let (got, message) = over(pod).unwrap_err();
        assert_eq!(got, cause, "{message}");
        assert!(message.contains(says) && message.starts_with("its component was not compiled: "), "{message}");
    }
}

#[test]
fn a_job_that_is_gone_is_asked_for_first() {
    let now = Instant::now();
    let mut state = state(now, Vec::new());
    state.take(Saw::JobGone);
    let verdict = state.judge(now, &settings());
    assert!(matches!(&verdict, Verdict::Unless(f) if f.cause == Cause::PodDeleted), "{verdict:?}");
    let other = serde_json::from_value(json!({"metadata": {"name": "j", "uid": "another"}})).unwrap();
    state.take(Saw::Job(Box::new(other)));
    assert!(matches!(state.judge(now, &settings()), Verdict::Unless(_)));
}

#[test]
fn nothing_is_judged_before_all_is_listed() {
    let now = Instant::now();
    let mut state = State::new("u".into(), Duration::from_secs(1000), now, &settings());
    for saw in [Saw::JobsListing, Saw::JobsListed, Saw::PodsListing] {
        state.take(saw);
        assert!(matches!(state.judge(now, &settings()), Verdict::Until(_)));
    }
    state.take(Saw::PodsListed);
    assert!(matches!(state.judge(now, &settings()), Verdict::Unless(_)));
    // A list that begins anew is no news.
    state.take(Saw::JobsListing);
    assert!(matches!(state.judge(now, &settings()), Verdict::Until(_)));
}

#[test]
fn every_wait_has_its_bound_and_its_cause() {
    let waiting = |reason: &str| {
        let container = json!({"name": "wharf", "image": "r.example/wharf:1", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": reason, "message": "no"}}});
        Saw::Pod(pod(json!({"phase": "Pending", "containerStatuses": [container]})).into())
    };
    let unscheduled: Pod = serde_json::from_value(json!({"metadata": {"name": "p", "uid": "pu"},
        "spec": {"containers": []}, "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}}))
    .unwrap();
    let refused = |why: &str| {
        let about = json!({"kind": "Job", "uid": "u"});
        let event = json!({"metadata": {}, "involvedObject": about, "reason": "FailedCreate", "message": why});
        Saw::Event(Box::new(serde_json::from_value(event).unwrap()))
    };
    for (saw, seconds, cause) in [
        (Saw::Pod(unscheduled.into()), 300, Cause::Unschedulable),
        (waiting("ImagePullBackOff"), 300, Cause::ImagePull),
        (waiting("ErrImageNeverPull"), 30, Cause::ImagePull),
        (waiting("CreateContainerConfigError"), 300, Cause::PodRejected),
        (refused("pods \"x\" is forbidden: violates PodSecurity"), 30, Cause::PodRejected),
    ] {
        let now = Instant::now();
        let mut state = state(now, vec![saw]);
        let Verdict::Until(at) = state.judge(now, &settings()) else { panic!("{cause:?}") };
        assert_eq!(at - now, Duration::from_secs(seconds), "{cause:?}");
        let verdict = state.judge(at, &settings());
        assert!(matches!(&verdict, Verdict::Over(Err(f)) if f.cause == cause), "{verdict:?}");
    }
}

#[test]
fn a_cluster_that_says_nothing_more_is_given_up() {
    let now = Instant::now();
    let running = json!({"name": "wharf", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {}}});
    let mut state = state(now, vec![Saw::Pod(pod(json!({"phase": "Running", "containerStatuses": [running]})).into())]);
    let Verdict::Until(at) = state.judge(now, &settings()) else { panic!() };
    assert_eq!(at - now, Duration::from_secs(1120));
    let verdict = state.judge(at, &settings());
    assert!(matches!(&verdict, Verdict::Over(Err(f)) if f.cause == Cause::DeadlineExceeded), "{verdict:?}");
}
