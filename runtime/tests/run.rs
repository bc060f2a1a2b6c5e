//! `wharf-runtime run`, as a process, with guests that behave and guests that do not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use common::{Bench, Ran, invocation};
use wharf_contract::{Cause, Entry, Invocation, LogSource, Payload};

fn check(invocation: &Invocation, bench: &Bench, cause: Cause, code: i32, says: &str) -> Ran {
    let ran = bench.run(invocation);
    assert_eq!((ran.outcome.cause, ran.code), (cause, code), "{:?}", ran.outcome);
    assert!(ran.outcome.message.contains(says), "{:?}", ran.outcome);
    ran
}

fn json(payload: Option<&Payload>) -> serde_json::Value {
    match payload {
        Some(Payload::Json(text)) => serde_json::from_str(text.get()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_is_compiled_once_and_returns_its_output() {
    let bench = Bench::new();
    let task = bench.task("");
    let first = check(&task, &bench, Cause::Succeeded, 0, "");
    assert!(first.outcome.usage.compiled);
    assert_eq!(json(first.outcome.output.as_ref()), serde_json::json!({"n": 1}));
    assert_eq!(first.outcome.usage.memory_bytes, 64 << 10);
    // The compiled form alone is enough from then on.
    std::fs::remove_file(&task.component.path).unwrap();
    let second = check(&task, &bench, Cause::Succeeded, 0, "");
    assert!(!second.outcome.usage.compiled);
}

#[test]
fn a_task_that_fails_by_its_own_word_is_believed() {
    let bench = Bench::new();
    let failing = |case: u8| {
        bench.task(&format!("(i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 8) (i32.const {case}))"))
    };
    check(&failing(0), &bench, Cause::InvalidInput, 10, r#"{"n":1}"#);
    check(&failing(1), &bench, Cause::Retryable, 10, r#"{"n":1}"#);
    check(&failing(2), &bench, Cause::Permanent, 10, r#"{"n":1}"#);
    check(&failing(3), &bench, Cause::Cancelled, 14, r#"{"n":1}"#);
    let no_json = bench.task("(i32.store (i32.const 20) (i32.const 3))");
    check(&no_json, &bench, Cause::Permanent, 10, "no JSON");
}

#[test]
fn misbehaving_tasks_end_with_their_cause() {
    let bench = Bench::new();
    let endless = Invocation { timeout: Some(50), ..bench.task("(loop $l (br $l))") };
    check(&endless, &bench, Cause::Timeout, 13, "50 ms");
    check(&bench.task("unreachable"), &bench, Cause::Trap, 11, "panicked or aborted");
    check(&bench.task("(call $deeper)"), &bench, Cause::Trap, 11, "stack");
    check(&bench.task("(drop (i32.load (i32.const -8)))"), &bench, Cause::Trap, 11, "out of bounds");
    let hog = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let mut hog = bench.task(hog);
    hog.limits.memory = 8 << 20;
    let ran = check(&hog, &bench, Cause::MemoryLimit, 12, "8 MiB");
    assert!((7 << 20..=8 << 20).contains(&ran.outcome.usage.memory_bytes), "{:?}", ran.outcome.usage);
    let mut born_too_large = bench.task("");
    born_too_large.limits.memory = 1 << 10;
    check(&born_too_large, &bench, Cause::MemoryLimit, 12, "memory");
}

#[test]
fn a_large_output_becomes_an_artifact_where_there_is_a_folder_for_it() {
    let bench = Bench::new();
    let mut task = bench.task("");
    task.limits.inline_output = 4;
    check(&task, &bench, Cause::OutputLimit, 12, "7 bytes");
    task.grants.staging = Some(bench.path("staging/made"));
    let ran = check(&task, &bench, Cause::Succeeded, 0, "");
    let Some(Payload::Artifact(artifact)) = &ran.outcome.output else { panic!("{:?}", ran.outcome) };
    assert_eq!((artifact.name.as_str(), artifact.size), ("output.json", 7));
    let staged = bench.path("staging/made").join(artifact.digest.strip_prefix("sha256:").unwrap());
    assert_eq!(std::fs::read(staged).unwrap(), br#"{"n":1}"#);
    assert_eq!(ran.outcome.usage.written_bytes, 7);
    task.limits.disk = 6;
    check(&task, &bench, Cause::OutputLimit, 12, "6 bytes");
}

#[test]
fn a_core_program_runs_unchanged() {
    let bench = Bench::new();
    let ran = check(&bench.command("one\ntwo\n", "(call $write (i32.const 1))"), &bench, Cause::Succeeded, 0, "");
    assert_eq!(json(ran.outcome.output.as_ref()), serde_json::json!({"exitCode": 0, "stdout": "one\ntwo\n"}));
    let lines: Vec<_> = ran.lines.iter().map(|l| (l.source, l.message.as_str())).collect();
    assert_eq!(lines, [(LogSource::Stdout, "one"), (LogSource::Stdout, "two")]);

    let failing = bench.command("no such file\n", "(call $write (i32.const 2)) (call $proc_exit (i32.const 3))");
    let ran = check(&failing, &bench, Cause::ExitCode, 10, "code 3: no such file");
    assert_eq!(ran.outcome.exit_code, Some(3));
    let panicking = bench.command("panicked at main.rs\n", "(call $write (i32.const 2)) unreachable");
    check(&panicking, &bench, Cause::Trap, 11, "panicked at main.rs");
}

#[test]
fn a_huge_log_is_dropped_and_counted() {
    let bench = Bench::new();
    let body = "(local.set $n (i32.const 5000)) (loop $l (call $write (i32.const 1))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))";
    let mut chatty = bench.command("a line of the log\n", body);
    chatty.limits.log_lines = 100;
    let ran = check(&chatty, &bench, Cause::Succeeded, 0, "");
    assert_eq!((ran.outcome.usage.log_lines, ran.outcome.usage.log_dropped), (100, 4900));
    assert_eq!(ran.lines.len(), 100);
}

#[test]
fn what_is_no_component_says_why() {
    let bench = Bench::new();
    let whole = wat::parse_str(include_str!("guests/task.wat").replace("@BODY@", "")).unwrap();
    let of = |bytes: &[u8]| invocation(bench.component(bytes), Entry::Task);
    check(&of(b""), &bench, Cause::InvalidComponent, 16, "empty");
    check(&of(b"#!/bin/sh\n"), &bench, Cause::InvalidComponent, 16, "does not begin as WebAssembly");
    check(&of(&whole[..whole.len() / 2]), &bench, Cause::InvalidComponent, 16, "no usable component");
    check(&of(&wat::parse_str("(module)").unwrap()), &bench, Cause::InvalidComponent, 16, "core module");
    let other_world = bench.wat(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "serve") (canon lift (core func $i "f"))))"#,
    );
    check(&invocation(other_world, Entry::Task), &bench, Cause::InvalidComponent, 16, "it exports serve");
    let wants = |import: &str| {
        let wat = format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
        invocation(bench.wat(&wat), Entry::Task)
    };
    check(&wants("acme:gpu/cuda@1.0.0"), &bench, Cause::InvalidComponent, 16, "acme:gpu/cuda@1.0.0 (unknown");
    check(&wants("wasi:keyvalue/store@0.2.0"), &bench, Cause::NotGranted, 15, "a key-value store");
}

#[test]
fn the_digest_is_what_is_run() {
    let bench = Bench::new();
    let mut task = bench.task("");
    std::fs::write(&task.component.path, b"\0asm changed").unwrap();
    check(&task, &bench, Cause::DigestMismatch, 16, "not sha256:");
    std::fs::remove_file(&task.component.path).unwrap();
    check(&task, &bench, Cause::ComponentMissing, 16, "No such file");
    task.component.digest = "sha256:abc".into();
    check(&task, &bench, Cause::DigestMismatch, 16, "64 lower-case hex digits");
}

#[test]
fn a_forged_or_broken_entry_of_the_cache_is_compiled_anew() {
    let bench = Bench::new();
    let task = bench.task("");
    check(&task, &bench, Cause::Succeeded, 0, "");
    let entry = common::cached(&bench.cache());
    let whole = std::fs::read(&entry).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    // Signed with its own key: a whole cache of someone else.
    let other = Bench::new();
    other.run(&other.task(""));
    let foreign = std::fs::read(common::cached(&other.cache())).unwrap();
    for (what, bytes) in
        [("flipped", &flipped[..]), ("cut", &whole[..whole.len() / 2]), ("empty", b""), ("foreign", &foreign)]
    {
        std::fs::write(&entry, bytes).unwrap();
        let ran = check(&task, &bench, Cause::Succeeded, 0, "");
        assert!(ran.outcome.usage.compiled, "{what}");
        let mended = check(&task, &bench, Cause::Succeeded, 0, "");
        assert!(!mended.outcome.usage.compiled, "{what}");
    }
}

#[test]
fn compiling_has_limits_of_its_own() {
    let bench = Bench::new();
    let task = bench.task("");
    let out = bench.runtime("compile").arg("--memory").arg("30000000").arg(&task.component.path).output().unwrap();
    assert_eq!(out.status.code(), Some(16), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stderr).contains("memory"), "{}", String::from_utf8_lossy(&out.stderr));
    let out = bench.runtime("compile").arg(&task.component.path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains(r#""compiled":true"#));
}
