//! `wharf-runtime pod`, as a process outside of any pod: orders in files, a folder as the store.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use common::pod::{Cluster, UID};
use ed25519_dalek::SigningKey;
use serde_json::value::RawValue;
use std::io::BufRead as _;
use std::path::Path;
use wharf_contract::pod::{ComponentSource, PodInvocation, PodOrder, PodReport, StoredObject};
use wharf_contract::{Artifact, Cause, LogLine, Outcome, Payload};
use wharf_runtime::Digest;

fn lines(text: &str) -> Vec<LogLine> {
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[test]
fn a_component_is_compiled_once_and_runs_from_the_store() {
    let cluster = Cluster::new();
    let program = cluster.bench.command("one\ntwo\n", "(call $write (i32.const 1))");
    let order = cluster.order(&program);
    let compiled = &order.compiled.object;
    assert!(compiled.key.starts_with(&format!("compiled/{}-", std::env::consts::ARCH)), "{}", compiled.key);
    let bytes = std::fs::read(cluster.stored(&compiled.key)).unwrap();
    assert_eq!((Digest::of(&bytes).to_string(), bytes.len() as u64), (compiled.digest.clone(), compiled.size));

    // Compiled before: the component is not needed again.
    std::fs::remove_file(&program.component.path).unwrap();
    let gone = ComponentSource::File { path: program.component.path.clone() };
    let again = cluster.compile(&program.component.digest, gone);
    assert_eq!((again.code, again.report), (0, PodReport::Compiled { object: compiled.clone() }));

    let left = cluster.run(&order);
    assert_eq!(left.ended(), (0, Cause::Succeeded), "{:?}", left.report);
    let usage = left.outcome().usage;
    assert!(usage.fetch_us > 0 && usage.setup_us > 0 && !usage.compiled, "{usage:?}");
    let log = std::fs::read_to_string(cluster.stored(&format!("staging/7-guest-x-1/{UID}/log.jsonl"))).unwrap();
    assert_eq!(log, left.stderr, "the kubelet's log and the kept one are the same");
    let messages: Vec<_> = lines(&log).into_iter().map(|l| l.message).collect();
    assert_eq!(messages, ["one", "two"]);

    let silent = cluster.order(&cluster.bench.task(""));
    let left = cluster.run(&silent);
    assert_eq!(left.ended(), (0, Cause::Succeeded));
    let Some(Payload::Json(output)) = &left.outcome().output else { panic!("{:?}", left.report) };
    assert_eq!(output.get(), r#"{"n":1}"#);
}

#[test]
fn a_component_that_cannot_be_compiled_says_why() {
    let cluster = Cluster::new();
    let good = cluster.bench.task("").component;
    let file = |path: &Path| ComponentSource::File { path: path.to_owned() };
    let check = |digest: &str, source: ComponentSource, code: i32, expect: Cause| {
        let left = cluster.compile(digest, source);
        let PodReport::NotCompiled { cause, message } = &left.report else { panic!("{:?}", left.report) };
        assert_eq!((left.code, *cause), (code, expect), "{message}");
    };
    let other = Digest::of(b"other").to_string();
    check(&other, file(&good.path), 16, Cause::DigestMismatch);
    check(&other, file(&cluster.bench.path("none.wasm")), 16, Cause::ComponentMissing);
    check(&other, ComponentSource::Store { key: "components/none.wasm".into() }, 16, Cause::ComponentMissing);
    let stored = cluster.put("components/x.wasm", b"other bytes");
    check(&other, ComponentSource::Store { key: stored.key.clone() }, 16, Cause::DigestMismatch);
    check(&stored.digest, ComponentSource::Store { key: stored.key }, 16, Cause::InvalidComponent);
    check("sha256:x", file(&good.path), 16, Cause::DigestMismatch);
}

#[test]
fn from_the_store_a_component_compiles_as_well_and_what_lies_in_its_place_is_written_over() {
    let cluster = Cluster::new();
    let component = cluster.bench.task("").component;
    let stored = cluster.put("components/c.wasm", &std::fs::read(&component.path).unwrap());
    let source = || ComponentSource::Store { key: stored.key.clone() };
    let PodReport::Compiled { object } = cluster.compile(&component.digest, source()).report else { panic!() };
    cluster.put(&object.key, b"not sealed by anybody");
    let again = cluster.compile(&component.digest, source());
    assert_eq!(again.report, PodReport::Compiled { object: object.clone() });
    assert_eq!(Digest::of_file(&cluster.stored(&object.key)).unwrap().to_string(), object.digest);
}

#[test]
fn what_is_not_our_compilers_never_runs() {
    let cluster = Cluster::new();
    let order = cluster.order(&cluster.bench.task(""));
    let bytes = std::fs::read(cluster.stored(&order.compiled.object.key)).unwrap();
    let check = |order: &PodInvocation, cause: Cause, says: &str| {
        let left = cluster.run(order);
        assert_eq!(left.ended(), (if cause == Cause::Internal { 1 } else { 16 }, cause), "{:?}", left.report);
        assert!(left.outcome().message.contains(says), "{:?}", left.report);
    };

    let mut other_key = order.clone();
    let stranger = SigningKey::from_bytes(&[8; 32]);
    other_key.compiled.public_key = stranger.verifying_key().as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    check(&other_key, Cause::InvalidComponent, "seal");

    let mut bad = bytes.clone();
    bad[100] ^= 1;
    let object = cluster.put(&order.compiled.object.key, &bad);
    check(&order, Cause::DigestMismatch, "damaged or replaced");
    let mut repinned = order.clone();
    repinned.compiled.object = object;
    check(&repinned, Cause::InvalidComponent, "seal");

    std::fs::remove_file(cluster.stored(&order.compiled.object.key)).unwrap();
    check(&order, Cause::ComponentMissing, "not in the store");

    let mut crossed = order.clone();
    crossed.invocation.component.digest = Digest::of(b"other").to_string();
    check(&crossed, Cause::DigestMismatch, "names the compiled form of");
}

#[test]
fn artifacts_come_from_the_store_and_go_to_the_pods_own_staging() {
    let cluster = Cluster::new();
    let mut order = cluster.order(&cluster.bench.task(""));
    order.invocation.limits.inline_output = 4;
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (0, Cause::Succeeded), "{:?}", left.report);
    let [made] = &left.outcome().artifacts[..] else { panic!("{:?}", left.report) };
    let hex = made.digest.strip_prefix("sha256:").unwrap();
    let staged = cluster.stored(&format!("staging/7-guest-x-1/{UID}/{hex}"));
    assert_eq!(std::fs::read(&staged).unwrap(), br#"{"n":1}"#);

    // As an input it is fetched, and what the task returns may name it.
    let same = "(i32.store8 (i32.const 8) (local.get $case)) (i64.store (i32.const 24) (local.get 3))
        (i32.store (i32.const 32) (local.get 4)) (i32.store (i32.const 36) (local.get 5))";
    let mut next = cluster.order(&cluster.bench.task(same));
    next.invocation.input = Payload::Artifact(made.clone());
    next.invocation.grants.readable = vec![made.clone(), made.clone()];
    let left = cluster.run(&next);
    assert_eq!(left.ended(), (1, Cause::Internal), "{:?}", left.report);
    assert!(left.outcome().message.contains("output.json"), "{:?}", left.report);
    cluster.put(&format!("artifacts/{}/{hex}", &hex[..2]), br#"{"n":2}"#);
    let left = cluster.run(&next);
    assert_eq!(left.ended(), (1, Cause::Internal), "{:?}", left.report);
    assert!(left.outcome().message.contains("damaged"), "{:?}", left.report);
    cluster.put(&format!("artifacts/{}/{hex}", &hex[..2]), br#"{"n":1}"#);
    let left = cluster.run(&next);
    assert_eq!(left.ended(), (0, Cause::Succeeded), "{:?}", left.report);
    assert!(
        matches!(&left.outcome().output, Some(Payload::Artifact(Artifact { digest, .. })) if *digest == made.digest)
    );
}

#[test]
fn what_cannot_be_kept_is_no_success() {
    let cluster = Cluster::new();
    let mut order = cluster.order(&cluster.bench.task(""));
    order.invocation.limits.inline_output = 4;
    // Where the staging folder belongs there is a file.
    cluster.put("staging", b"");
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (1, Cause::Internal), "{:?}", left.report);
    assert!(left.outcome().message.contains("cannot be kept"), "{:?}", left.report);
    assert!(left.outcome().artifacts.is_empty() && left.outcome().usage.run_us > 0);

    // A log alone is no reason to fail: its lines are on standard error, where the loss is told too.
    let order = cluster.order(&cluster.bench.command("said\n", "(call $write (i32.const 1))"));
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (0, Cause::Succeeded), "{:?}", left.report);
    let messages: Vec<_> = lines(&left.stderr).into_iter().map(|l| l.message).collect();
    assert!(messages[0] == "said" && messages[1].contains("cannot be kept"), "{messages:?}");
}

#[test]
fn an_outcome_too_large_for_a_message_lies_in_the_store() {
    let cluster = Cluster::new();
    let mut order = cluster.order(&cluster.bench.task(""));
    let text = format!("\"{}\"", "x".repeat(5_000));
    order.invocation.input = Payload::Json(RawValue::from_string(text.clone()).unwrap());
    order.invocation.limits.inline_output = 10_000;
    let left = cluster.run(&order);
    let PodReport::Stored(object) = &left.report else { panic!("{:?}", left.report) };
    assert_eq!((left.code, object.key.as_str()), (0, &*format!("staging/7-guest-x-1/{UID}/outcome.json")));
    let bytes = std::fs::read(cluster.stored(&object.key)).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), object.digest);
    let outcome: Outcome = serde_json::from_slice(&bytes).unwrap();
    assert!(matches!(&outcome.output, Some(Payload::Json(output)) if output.get() == text));
}

#[test]
fn a_large_order_lies_in_the_store() {
    let cluster = Cluster::new();
    let order = cluster.order(&cluster.bench.task(""));
    let object = cluster.put("staging/7-guest-x-1/order.json", &serde_json::to_vec(&order).unwrap());
    let stored = |object: StoredObject| cluster.pod(&PodOrder::Stored { store: cluster.store.clone(), object });
    assert_eq!(stored(object.clone()).ended(), (0, Cause::Succeeded));
    let other = stored(StoredObject { digest: Digest::of(b"").to_string(), ..object });
    assert_eq!(other.ended(), (1, Cause::Internal), "{:?}", other.report);
}

#[test]
fn sigterm_ends_the_guest_after_its_grace_and_is_reported() {
    let cluster = Cluster::new();
    let order = cluster.order(&cluster.bench.command("ready\n", "(call $write (i32.const 1)) (loop $l (br $l))"));
    let (mut child, pod) = cluster.start(&serde_json::to_string(&PodOrder::Run(Box::new(order))).unwrap());
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "{line}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let left = cluster.end((child, pod));
    assert_eq!(left.ended(), (14, Cause::Cancelled), "{:?}", left.report);
    let log = std::fs::read_to_string(cluster.stored(&format!("staging/7-guest-x-1/{UID}/log.jsonl"))).unwrap();
    assert_eq!(log, line, "what it said is kept");
}

#[test]
fn secrets_are_files_and_an_order_that_cannot_be_read_is_said() {
    let cluster = Cluster::new();
    let mut order = cluster.order(&cluster.bench.task(""));
    order.secret_env.insert("TOKEN".into(), cluster.bench.path("token"));
    let left = cluster.run(&order);
    assert_eq!(left.ended(), (1, Cause::Internal), "{:?}", left.report);
    assert!(left.outcome().message.contains("`TOKEN`"), "{:?}", left.report);
    std::fs::write(cluster.bench.path("token"), "hush\n").unwrap();
    assert_eq!(cluster.run(&order).ended(), (0, Cause::Succeeded));

    for text in ["", "{}", "{\"run\":{}}"] {
        let left = cluster.end(cluster.start(text));
        assert_eq!(left.ended(), (2, Cause::Internal), "{text}: {:?}", left.report);
        assert!(left.outcome().message.contains("holds no order"), "{:?}", left.report);
    }
}
