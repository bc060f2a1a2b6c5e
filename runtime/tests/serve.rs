//! `wharf-runtime serve`, as a process: many attempts at a time, and none that disturbs another.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use common::{Bench, DEADLINE, Worker};
use std::collections::BTreeMap;
use std::time::Instant;
use wharf_contract::{Cause, FromRuntime, Invocation, ToRuntime};

fn exits(mut worker: Worker) -> i32 {
    let until = Instant::now() + DEADLINE;
    // The end of its frames says that it goes; only then is there something to wait for.
    while worker.frames.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    worker.child.wait().unwrap().code().unwrap()
}

#[test]
fn many_at_a_time_each_with_its_own_answer() {
    let bench = Bench::new();
    let task = bench.task("");
    let mut worker = bench.serve();
    let starts: Vec<_> = (0..500)
        .map(|slot| {
            let mut invocation = task.clone();
            invocation.input = serde_json::from_value(serde_json::json!({"json": {"slot": slot}})).unwrap();
            ToRuntime::Start { slot, invocation: Box::new(invocation) }
        })
        .collect();
    worker.send(&starts);
    let mut answers = BTreeMap::new();
    for _ in 0..500 {
        let (slot, outcome) = worker.finished();
        assert_eq!(outcome.cause, Cause::Succeeded, "{outcome:?}");
        let expect = serde_json::json!({"json": {"slot": slot}});
        assert_eq!(serde_json::to_value(outcome.output).unwrap(), expect);
        answers.insert(slot, ());
    }
    assert_eq!(answers.len(), 500);
}

#[test]
fn a_cancel_ends_its_own_attempt_alone() {
    let bench = Bench::new();
    let endless = bench.task("(loop $l (br $l))");
    let mut worker = bench.serve();
    // More than there are threads, all of them computing.
    for slot in 0..8 {
        worker.start_slot(slot, &endless);
    }
    worker.send(&[ToRuntime::Cancel { slot: 3, grace: 0 }]);
    let (slot, outcome) = worker.finished();
    assert_eq!((slot, outcome.cause), (3, Cause::Cancelled));
    // The neighbours run on, and there is room for one who behaves.
    worker.start_slot(100, &bench.task(""));
    let (slot, outcome) = worker.finished();
    assert_eq!((slot, outcome.cause), (100, Cause::Succeeded));
    for slot in (0..8).filter(|s| *s != 3) {
        worker.send(&[ToRuntime::Cancel { slot, grace: 10 }]);
        let (ended, outcome) = worker.finished();
        assert_eq!((ended, outcome.cause), (slot, Cause::Cancelled));
    }
}

#[test]
fn a_trap_a_timeout_and_a_hog_leave_the_neighbours_alone() {
    let bench = Bench::new();
    let mut hog = bench.task("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable");
    hog.limits.memory = 4 << 20;
    let each = [
        (bench.task("unreachable"), Cause::Trap),
        (bench.task("(call $deeper)"), Cause::Trap),
        (hog, Cause::MemoryLimit),
        (Invocation { timeout: Some(20), ..bench.task("(loop $l (br $l))") }, Cause::Timeout),
        (bench.task(""), Cause::Succeeded),
    ];
    let mut worker = bench.serve();
    for slot in 0..100 {
        worker.start_slot(slot, &each[slot as usize % each.len()].0);
    }
    for _ in 0..100 {
        let (slot, outcome) = worker.finished();
        assert_eq!(outcome.cause, each[slot as usize % each.len()].1, "{outcome:?}");
    }
}

#[test]
fn lines_come_before_the_end() {
    let bench = Bench::new();
    let mut worker = bench.serve();
    worker.start_slot(5, &bench.command("hello\n", "(call $write (i32.const 1))"));
    let mut lines = Vec::new();
    loop {
        match worker.next() {
            FromRuntime::Log { slot: 5, lines: more } => lines.extend(more.into_iter().map(|l| l.message)),
            FromRuntime::Finished { slot: 5, outcome } => {
                assert_eq!(outcome.cause, Cause::Succeeded, "{outcome:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lines, ["hello"]);
}

#[test]
fn the_end_of_input_ends_the_process_in_the_midst_of_work() {
    let bench = Bench::new();
    let endless = bench.task("(loop $l (br $l))");
    let mut worker = bench.serve();
    for slot in 0..4 {
        worker.start_slot(slot, &endless);
    }
    worker.start_slot(4, &bench.task(""));
    let (slot, outcome) = worker.finished();
    assert_eq!((slot, outcome.cause), (4, Cause::Succeeded), "{outcome:?}");
    drop(worker.to.take());
    assert_eq!(exits(worker), 0);
}

#[test]
fn drained_it_ends_what_runs_and_goes() {
    let bench = Bench::new();
    let mut worker = bench.serve();
    let slow = Invocation { timeout: Some(100), ..bench.task("(loop $l (br $l))") };
    worker.start_slot(1, &slow);
    worker.send(&[ToRuntime::Drain]);
    worker.start_slot(2, &slow);
    let mut causes = BTreeMap::new();
    for _ in 0..2 {
        let (slot, outcome) = worker.finished();
        causes.insert(slot, outcome.cause);
    }
    assert_eq!(causes, BTreeMap::from([(1, Cause::Timeout), (2, Cause::WorkerLost)]));
    assert_eq!(exits(worker), 0);
}

#[test]
fn what_is_no_frame_ends_the_worker_with_a_word() {
    let bench = Bench::new();
    for bad in [&b"\xff\xff\xff\xff"[..], b"\x02\0\0\0{}"] {
        use std::io::Write as _;
        let mut worker = bench.serve();
        worker.to.as_mut().unwrap().write_all(bad).unwrap();
        assert_eq!(exits(worker), 2);
    }
}
