//! The rules against objects that were recorded from a cluster (v1.36.3, containerd 2.2.9). The runtime's part was played by
//! a small program that ends as the name of the file says.

use super::{Node, Observation, Seen, Waiting, failed_create, observe, pod_warning};
use crate::executor::kubernetes::deadline;
use crate::executor::kubernetes::quota::Shortage;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    job: Option<Job>,
    pod: Option<Pod>,
    events: Vec<Event>,
    #[serde(default)]
    node: String,
}

fn recorded(name: &str) -> Recorded {
    let path = format!("{}/tests/kubernetes/recorded/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn observed(name: &str, asked: bool) -> String {
    let Recorded { job, pod, events, node } = recorded(name);
    let seen = Seen {
        job: job.as_ref(),
        pod: pod.as_ref(),
        failed_create: events.iter().rev().find_map(failed_create).map(|(_, message)| message),
        warning: events.iter().rev().find_map(pod_warning).map(|(_, message)| message),
        node: if node == "silent" { Node::Silent } else { Node::Answers },
        asked,
    };
    shown(&observe(&seen))
}

/// On one line; what differs from one recording to the next is left out.
fn shown(observation: &Observation) -> String {
    match observation {
        Observation::Gone => "gone".into(),
        Observation::Waiting(waiting) => format!("{waiting} -> {}", deadline::cause(waiting).as_str()),
        Observation::Running => "running".into(),
        Observation::Stopping(cause, message) => format!("stopping -> {}: {message}", cause.as_str()),
        Observation::Ended(ending) => {
            let (outcome, _) = ending.outcome();
            let ran = if ending.started { "ran" } else { "never ran" };
            let pod = if ending.pod.is_some() { "" } else { ", no pod" };
            let used = if outcome.usage.run_us > 0 { ", usage kept" } else { "" };
            format!("{}, {ran}{pod}{used}: {}", outcome.cause.as_str(), outcome.message)
        }
    }
}

/// Recording, and what is read from it; `…` stands for what is not looked at.
const READ: &[(&str, &str)] = &[
    // The runtime's own word stands.
    ("succeeded", "succeeded, ran, usage kept: "),
    ("memory-limit-by-the-runtime", "memory-limit, ran: the guest asked for more than 64 MiB"),
    ("ended-beside-a-sidecar", "succeeded, ran, usage kept: "),
    // Without one, the container says what it can.
    ("nothing-left", "outcome-missing, ran: the runtime exited with 0 and left no outcome"),
    ("nonsense-left", "outcome-missing, ran: the runtime exited with 0 and left an outcome that cannot be read (Eof…"),
    ("exit-1-and-nothing-left", "worker-lost, ran: the runtime exited with 1 and left no outcome"),
    ("oom-killed", "oom-killed, ran: the kernel ended the runtime: the pod used more memory than its limit"),
    ("no-such-program", "worker-lost, never ran: the runtime could not be started: failed to create containerd task:…"),
    ("init-container-failed", "worker-lost, never ran: init container `prepare` exited with 3: no such table"),
    ("init-container-oom-killed", "oom-killed, never ran: init container `prepare` used more memory than its limit"),
    // What the cluster did, with the runtime's `cancelled` and without.
    ("evicted-and-reported", "evicted, ran, usage kept: EvictionByEvictionAPI: Eviction API: evicting"),
    (
        "evicted-and-silent",
        "evicted, ran: EvictionByEvictionAPI: Eviction API: evicting; the runtime exited with 137 and…",
    ),
    ("evicted-and-stopping", "stopping -> node-lost: EvictionByEvictionAPI: Eviction API: evicting"),
    (
        "evicted-for-its-storage",
        "evicted, ran: Evicted: Usage of EmptyDir volume \"wharf-scratch\" exceeds the limit \"4Mi\".; th…",
    ),
    (
        "preempted-and-reported",
        "evicted, ran, usage kept: PreemptionByScheduler: default-scheduler: preempting to accommodat…",
    ),
    (
        "node-refuses-the-pod",
        "evicted, never ran: OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, reque…",
    ),
    ("node-silent", "running"),
    (
        "node-silent-and-deleted",
        "node-lost, ran: DeletionByTaintManager: Taint manager: deleting due to NoExecute taint; its…",
    ),
    ("node-deleted", "node-lost, ran: DeletionByPodGC: PodGC: node no longer exists"),
    (
        "deadline-passed-and-reported",
        "deadline-exceeded, ran, usage kept: the Job's deadline passed: start deadline, timeout and g…",
    ),
    (
        "deadline-passed-and-stopping",
        "stopping -> node-lost: the Job's deadline passed: start deadline, timeout and grace together",
    ),
    (
        "deadline-passed-and-silent",
        "deadline-exceeded, ran: the Job's deadline passed: start deadline, timeout and grace togethe…",
    ),
    (
        "deadline-passed-unschedulable",
        "unschedulable, never ran: the Job's deadline passed before the runtime ran: waiting for a no…",
    ),
    (
        "deadline-passed-image-not-there",
        "image-pull, never ran: the Job's deadline passed before the runtime ran: waiting for the ima…",
    ),
    (
        "deadline-passed-without-a-pod",
        "start-deadline, never ran, no pod: the Job's deadline passed before the runtime ran: waiting…",
    ),
    // What somebody did.
    ("deleted-by-hand-and-reported", "pod-deleted, ran, usage kept: somebody deleted the pod"),
    (
        "deleted-by-hand-and-silent",
        "pod-deleted, ran: somebody deleted the pod; the runtime exited with 137 and left no outcome",
    ),
    ("deleted-by-hand-and-stopping", "stopping -> node-lost: somebody deleted the pod"),
    ("deleted-before-it-had-a-node", "pod-deleted, never ran: somebody deleted the pod"),
    ("job-deleted-and-reported", "pod-deleted, ran, usage kept: somebody deleted the Job"),
    ("job-deleted-with-its-pods", "pod-deleted, ran, usage kept: somebody deleted the Job"),
    ("job-gone-and-pod-runs-on", "running"),
    (
        "complete-and-pod-taken-away",
        "outcome-missing, ran, no pod: the Job is complete, and its pod was taken away with the outcome",
    ),
    (
        "failed-and-pod-taken-away",
        "pod-deleted, ran, no pod: the Job failed, and its pod was taken away with the outcome",
    ),
    // What is waited for.
    ("created", "waiting for its pod -> start-deadline"),
    (
        "quota-refuses-the-pod",
        "waiting for quota tenant: limits.memory: 32Mi requested, 32Mi of 40Mi used -> start-deadline",
    ),
    ("limit-range-refuses-the-pod", "the cluster refuses the pod: …is forbidden: maximum memory usage…-> pod-rejected"),
    (
        "pod-security-refuses-the-pod",
        "the cluster refuses the pod: …is forbidden: violates PodSecurity…-> pod-rejected",
    ),
    (
        "service-account-not-there",
        "the cluster refuses the pod: …is forbidden: error looking up service account weather/absent…-> pod-rejected",
    ),
    ("not-looked-at-by-the-scheduler", "waiting for a node -> unschedulable"),
    ("unschedulable", "waiting for a node: 0/1 nodes are available: 1 node(s) didn't match Po…-> unschedulable"),
    ("claim-not-there", "waiting for a node: 0/1 nodes are available: persistentvolumeclaim \"ab…-> unschedulable"),
    ("bound-to-a-node", "the pod is starting -> start-deadline"),
    ("image-not-there", "waiting for the image 127.0.0.1:1/absent:1: failed to pull and unpack…-> image-pull"),
    ("image-backs-off", "waiting for the image 127.0.0.1:1/absent:1: Back-off pulling image \"12…-> image-pull"),
    ("image-name-is-none", "waiting for the image Not/A_Name:::x: Failed to apply default image ta…-> image-pull"),
    ("image-is-never-pulled", "waiting for the image wharf.test/absent:1: Container image \"wharf.test…-> image-pull"),
    (
        "image-of-a-volume-not-there",
        "waiting for the image 127.0.0.1:1/absent@sha256:aaaaaaaaaaaaaaaaaaaaaa…-> image-pull",
    ),
    ("image-of-a-volume-backs-off", "waiting for the image 127.0.0.1:1/absent@sha256:…-> image-pull"),
    (
        "secret-of-an-environment-not-there",
        "something that the pod names is not there: secret \"absent\" not found -> pod-rejected",
    ),
    (
        "secret-of-a-volume-not-there",
        "something that the pod names is not there: MountVolume.SetUp failed fo…-> pod-rejected",
    ),
    (
        "key-of-a-secret-not-there",
        "something that the pod names is not there: MountVolume.SetUp failed fo…-> pod-rejected",
    ),
    ("init-container-runs", "the pod is starting -> start-deadline"),
    ("sidecar-crashes", "the pod is starting: container `proxy`: CrashLoopBackOff: back-off 10s…-> start-deadline"),
    ("running", "running"),
];

/// The same, where this coordinator had asked the attempt to stop: what else would be read there is read here too.
const READ_ASKED: &[(&str, &str)] = &[
    ("succeeded", "succeeded, ran, usage kept: "),
    ("memory-limit-by-the-runtime", "memory-limit, ran: the guest asked for more than 64 MiB"),
    ("job-deleted-and-reported", "cancelled, ran, usage kept: it was asked to stop"),
    ("evicted-and-reported", "cancelled, ran, usage kept: it was asked to stop"),
    ("deleted-by-hand-and-silent", "cancelled, ran: it was asked to stop"),
    ("deleted-by-hand-and-stopping", "stopping -> cancelled: it was asked to stop"),
    ("deleted-before-it-had-a-node", "cancelled, never ran: it was asked to stop"),
    ("oom-killed", "cancelled, ran: it was asked to stop"),
    ("nothing-left", "cancelled, ran: it was asked to stop"),
    ("node-silent-and-deleted", "cancelled, ran: it was asked to stop; its node does not answer"),
    ("failed-and-pod-taken-away", "cancelled, ran, no pod: it was asked to stop"),
    ("deadline-passed-without-a-pod", "cancelled, never ran, no pod: it was asked to stop"),
    ("running", "running"),
    ("unschedulable", "waiting for a node: …-> unschedulable"),
];

fn check(name: &str, asked: bool, expect: &str) {
    let seen = observed(name, asked);
    let mut rest = seen.as_str();
    for (at, part) in expect.split('…').enumerate() {
        let found = if at == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let found = found.unwrap_or_else(|| panic!("{name}: {seen}\nexpected: {expect}"));
        rest = &rest[found + part.len()..];
    }
    assert!(expect.ends_with('…') || rest.is_empty(), "{name}: {seen}\nexpected: {expect}");
}

#[test]
fn each_recording_is_read_as_what_happened() {
    READ.iter().for_each(|(name, expect)| check(name, false, expect));
}

#[test]
fn what_we_asked_for_is_no_fault_of_the_cluster() {
    READ_ASKED.iter().for_each(|(name, expect)| check(name, true, expect));
}

#[test]
fn every_recording_is_in_the_table() {
    let folder = format!("{}/tests/kubernetes/recorded", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.filter_map(|file| file.strip_suffix(".json").map(str::to_owned)).collect();
    let mut names: Vec<_> = READ.iter().map(|(name, _)| (*name).to_owned()).collect();
    files.sort_unstable();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn nothing_at_all_is_gone() {
    assert_eq!(observe(&Seen::default()), Observation::Gone);
}

#[test]
fn a_quota_wait_tells_its_numbers() {
    let Recorded { job, events, .. } = recorded("quota-refuses-the-pod");
    let failed_create = events.iter().find_map(failed_create).map(|(_, message)| message);
    let shortage = Shortage {
        quota: "tenant".into(),
        resource: "limits.memory".into(),
        requested: "32Mi".into(),
        used: "32Mi".into(),
        hard: "40Mi".into(),
    };
    let waiting = Observation::Waiting(Waiting::Quota(shortage));
    assert_eq!(observe(&Seen { job: job.as_ref(), failed_create, ..Seen::default() }), waiting);
    // Once there is a pod, seen or not, an old refusal tells nothing.
    let mut job = job.unwrap();
    job.status.as_mut().unwrap().active = Some(1);
    let waiting = Observation::Waiting(Waiting::Created(None));
    assert_eq!(observe(&Seen { job: Some(&job), failed_create, ..Seen::default() }), waiting);
}

#[test]
fn a_refusal_that_may_go_better_next_time_is_no_rejection() {
    let Recorded { job, .. } = recorded("created");
    let read = |message| observe(&Seen { job: job.as_ref(), failed_create: Some(message), ..Seen::default() });
    for (message, rejected) in [
        ("Error creating: Timeout: request did not complete within the allotted timeout", false),
        ("Error creating: Internal error occurred: failed calling webhook \"x\": context deadline exceeded", false),
        ("Error creating: Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified", false),
        ("Error creating: Pod \"x\" is invalid: spec.containers[0].image: Required value", true),
        ("Error creating: pods \"x\" is forbidden: failed quota: q: must specify limits.cpu for: proxy", true),
        ("Error creating: admission webhook \"policy.example.org\" denied the request: no owner label", true),
    ] {
        let expect = match rejected {
            true => Waiting::PodRejected(message.into()),
            false => Waiting::Created(Some(message.into())),
        };
        assert_eq!(read(message), Observation::Waiting(expect));
    }
}
