use super::super::labels::{Maker, of_attempt};
use super::super::manifest::FINALIZER;
use super::*;
use serde_json::{Value, json};

const INSTANCE: &str = "0badcafe";

fn id(attempt: u32) -> AttemptId {
    AttemptId { run: 7, task: "extract".into(), item: None, attempt }
}

fn meta(name: &str, uid: &str, attempt: u32) -> Value {
    let labels = of_attempt(Maker { instance: INSTANCE, epoch: 1 }, "daily", &id(attempt));
    json!({"name": name, "uid": uid, "labels": labels, "managedFields": [{"manager": "x"}], "annotations": {"a": "b"}})
}

fn job(uid: &str, attempt: u32) -> Box<Job> {
    let mut job: Job = serde_json::from_value(json!({"metadata": meta("job", uid, attempt), "status": {}})).unwrap();
    slim_job(&mut job);
    Box::new(job)
}

fn pod(uid: &str, owner: &str, attempt: u32, held: bool) -> Box<Pod> {
    let mut metadata = meta(&format!("pod-{uid}"), uid, attempt);
    let finalizers = if held { json!(["batch.kubernetes.io/job-tracking", FINALIZER]) } else { json!([]) };
    let owners = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": owner, "controller": true}]);
    metadata["finalizers"] = finalizers;
    metadata["ownerReferences"] = owners;
    let running = json!([{"name": "wharf", "image": "x", "imageID": "y", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]);
    let spec = json!({"nodeName": "node-1", "containers": [{"name": "wharf", "image": "x"}]});
    let status = json!({"phase": "Running", "containerStatuses": running});
    let mut pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
    slim_pod(&mut pod);
    Box::new(pod)
}

/// Applies changes and gives the attempts that they touched.
fn apply(space: &mut Space, changes: Vec<Change>) -> Vec<u32> {
    let mut touched = HashSet::new();
    for change in changes {
        space.apply(change, INSTANCE, &mut touched);
    }
    let mut touched: Vec<_> = touched.into_iter().map(|id| id.attempt).collect();
    touched.sort_unstable();
    touched
}

fn look(space: &Space, attempt: u32, owner: Option<&str>) -> Observation {
    space.observe(&id(attempt), owner, false, |_| Node::Answers)
}

#[test]
fn nothing_is_kept_that_nobody_looks_at() {
    let pod = pod("p", "j", 1, true);
    let text = serde_json::to_string(&pod).unwrap();
    for word in ["managedFields", "annotations", "\"image\":\"x\",\"name\""] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("node-1") && text.contains(FINALIZER));
}

#[test]
fn an_answer_that_a_watch_overtook_does_not_count() {
    let at = |version: u64, held| {
        let mut pod = pod("p", "j", 1, held);
        pod.metadata.resource_version = Some(version.to_string());
        pod
    };
    for (watched, answered, held) in [(9, 10, true), (10, 9, false), (10, 10, true)] {
        let mut space = Space::default();
        apply(&mut space, vec![Change::Job(job("j", 1)), Change::Pod(at(watched, false))]);
        space.correct(&id(1), Some(job("j", 1)), vec![*at(answered, true)]);
        let remains = space.remains(&id(1), 1).unwrap();
        assert_eq!(!remains.pods.is_empty(), held, "watched at {watched}, answered at {answered}");
    }
    let mut space = Space::default();
    apply(&mut space, vec![Change::Job(job("j", 1)), Change::Pod(at(10, true))]);
    space.correct(&id(1), None, Vec::new());
    assert_eq!(space.attempts().count(), 0, "what the API server does not have is not there");
}

#[test]
fn what_a_new_list_does_not_have_is_gone() {
    let mut space = Space::default();
    assert!(!space.is_complete());
    let first = vec![
        Change::Listing(Kind::Jobs),
        Change::Job(job("j1", 1)),
        Change::Job(job("j2", 2)),
        Change::Listed(Kind::Jobs),
        Change::Listing(Kind::Pods),
        Change::Pod(pod("p1", "j1", 1, true)),
        Change::Listed(Kind::Pods),
    ];
    assert_eq!(apply(&mut space, first), [1, 2]);
    assert!(space.is_complete());
    assert_eq!(look(&space, 1, Some("j1")), Observation::Running);
    let second = vec![Change::Listing(Kind::Jobs), Change::Job(job("j1", 1)), Change::Listed(Kind::Jobs)];
    assert_eq!(apply(&mut space, second), [1, 2]);
    assert_eq!(look(&space, 2, Some("j2")), Observation::Gone);
    assert_eq!(look(&space, 1, Some("j1")), Observation::Running, "pods are another list");
    let third = vec![Change::Listing(Kind::Pods), Change::Listed(Kind::Pods), Change::JobGone(job("j1", 1))];
    assert_eq!(apply(&mut space, third), [1]);
    assert_eq!(look(&space, 1, Some("j1")), Observation::Gone);
    assert_eq!(space.attempts().count(), 0, "nothing is kept of what is gone");
}

#[test]
fn a_pod_of_another_job_is_not_the_attempts() {
    let mut space = Space::default();
    apply(&mut space, vec![Change::Job(job("j1", 1)), Change::Pod(pod("p1", "forged", 1, true))]);
    assert!(matches!(look(&space, 1, Some("j1")), Observation::Waiting(_)));
    apply(&mut space, vec![Change::Pod(pod("p2", "j1", 1, true))]);
    assert_eq!(look(&space, 1, Some("j1")), Observation::Running);
    assert_eq!(space.pod(&id(1), Some("j1")), Some(("pod-p2", Some("node-1"))));
}

#[test]
fn what_remains_is_the_job_and_the_pods_that_are_held() {
    let mut space = Space::default();
    assert_eq!(space.remains(&id(1), 1), None);
    apply(&mut space, vec![Change::Job(job("j1", 1)), Change::Pod(pod("p1", "j1", 1, true))]);
    let both = Remains { job: Some(("job".into(), "j1".into())), pods: vec![("pod-p1".into(), "p1".into())] };
    assert_eq!(space.remains(&id(1), 1), Some(both));
    apply(&mut space, vec![Change::JobGone(job("j1", 1)), Change::Pod(pod("p1", "j1", 1, false))]);
    assert_eq!(space.remains(&id(1), 1), None);
}

#[test]
fn what_a_later_coordinator_made_is_not_this_ones_to_remove() {
    let made = |epoch: Option<u64>| {
        let relabel = |labels: &mut Option<labels::Labels>| {
            let labels = labels.as_mut().unwrap();
            labels.remove("wharf.dev/epoch");
            labels.extend(epoch.map(|epoch| ("wharf.dev/epoch".to_owned(), epoch.to_string())));
        };
        let (mut job, mut pod) = (job("j1", 1), pod("p1", "j1", 1, true));
        relabel(&mut job.metadata.labels);
        relabel(&mut pod.metadata.labels);
        let mut space = Space::default();
        apply(&mut space, vec![Change::Job(job), Change::Pod(pod)]);
        space
    };
    for (theirs, ours, removed) in
        [(Some(4), 5, true), (Some(5), 5, true), (Some(6), 5, false), (None, 1, true), (Some(6), u64::MAX, true)]
    {
        let remains = made(theirs).remains(&id(1), ours);
        let both = remains.as_ref().map(|r| (r.job.is_some(), r.pods.len()));
        assert_eq!(both, removed.then_some((true, 1)), "made at {theirs:?}, looked at by {ours}");
    }
    // A pod that an earlier one's late Job made goes, whatever became of the Job.
    let mut space = made(Some(6));
    let mut late = pod("p2", "j0", 1, true);
    late.metadata.labels.as_mut().unwrap().insert("wharf.dev/epoch".into(), "4".into());
    apply(&mut space, vec![Change::Pod(late)]);
    let remains = space.remains(&id(1), 5).unwrap();
    assert_eq!(remains, Remains { job: None, pods: vec![("pod-p2".into(), "p2".into())] });
}

#[test]
fn a_warning_shows_with_what_it_is_about_whichever_comes_first() {
    let said =
        "Error creating: pods \"x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1";
    for warning_first in [true, false] {
        let mut space = Space::default();
        let mut changes = vec![Change::Job(job("j1", 1)), Change::Warning("j1".into(), said.into())];
        if warning_first {
            changes.reverse();
        }
        assert_eq!(apply(&mut space, changes), [1]);
        let Observation::Waiting(waiting) = look(&space, 1, Some("j1")) else { panic!("it waits") };
        assert_eq!(waiting.to_string(), "waiting for quota q: pods: 1 requested, 1 of 1 used");
    }
}

#[test]
fn the_api_servers_own_word_takes_the_place_of_what_was_watched() {
    let mut space = Space::default();
    apply(&mut space, vec![Change::Job(job("j1", 1))]);
    space.correct(&id(1), None, vec![*pod("p1", "j1", 1, true)]);
    assert_eq!(space.job_uid(&id(1)), None);
    assert!(space.has_pod(&id(1)));
    space.correct(&id(1), None, Vec::new());
    assert_eq!(space.attempts().count(), 0);
}

#[test]
fn a_pod_that_is_seen_before_its_job_has_one() {
    let silent = |space: &Space| {
        let Observation::Ended(ending) = look(space, 1, Some("j1")) else { panic!("it ended") };
        ending.outcome().0.cause
    };
    let mut dead = pod("p1", "j1", 1, true);
    let state = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    dead.status.as_mut().unwrap().container_statuses.as_mut().unwrap()[0].state =
        serde_json::from_value(state).unwrap();
    let mut space = Space::default();
    apply(&mut space, vec![Change::Pod(dead.clone())]);
    assert_eq!(silent(&space), wharf_contract::Cause::WorkerLost, "nobody deleted its Job");
    apply(&mut space, vec![Change::Job(job("j1", 1)), Change::JobGone(job("j1", 1))]);
    assert_eq!(silent(&space), wharf_contract::Cause::PodDeleted);
    space.correct(&id(1), None, vec![*dead]);
    assert_eq!(silent(&space), wharf_contract::Cause::PodDeleted);
}
