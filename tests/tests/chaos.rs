//! SIGKILL, 50 times, while 1,461 days are backfilled: to the coordinator at named points of its loop, to workers while
//! they hold attempts. Nothing is lost, nothing is recorded twice, the results are those of an undisturbed run.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use wharf_contract::Cause;
use wharf_tests::serve::{DEADLINE, Home};
use wharf_tests::weather;

const BACKFILL: [&str; 6] = ["backfill", "weather", "--from", "2012-01-01", "--to=2015-12-31", "--wait"];
const KILLS: usize = 50;
/// Kills that find nothing in flight do not count, and are no more than this.
const IDLE_KILLS: usize = 40;
/// Every fifth kill is a worker's.
const WORKER_EVERY: usize = 5;
const POINTS: [&str; 6] =
    ["before-append", "after-append", "after-act", "outcome-received", "after-promote", "after-record"];

/// A fixed sequence of numbers that look random (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn home() -> Home {
    let home = Home::new("").expect("a folder");
    let config = weather::config(home.path()).expect("the demo's config");
    std::fs::write(home.path().join("wharf.yaml"), config).expect("the config is written");
    home
}

fn backfill(home: &Home, failpoints: Option<String>) -> Child {
    let program = if failpoints.is_some() { "wharf-failpoints" } else { "wharf" };
    let log = std::fs::File::create(home.path().join("backfill.log")).expect("a log");
    let mut command: Command = home.command(program, &BACKFILL);
    command.stdout(Stdio::null()).stderr(log);
    if let Some(points) = failpoints {
        command.env("WHARF_FAILPOINTS", points);
    }
    command.spawn().expect("wharf starts")
}

fn log(home: &Home) -> String {
    std::fs::read_to_string(home.path().join("backfill.log")).unwrap_or_default()
}

fn finish(home: &Home, mut child: Child) {
    let status = child.wait().expect("wharf ends");
    assert!(status.success(), "{status}: {}", log(home));
}

/// Kills a worker of the coordinator once `executions` more executions were counted: what the coordinator found lost when
/// it started is recorded by then. Says how many attempts were lost before.
fn kill_worker(home: &Home, child: &mut Child, executions: usize) -> usize {
    let wanted = weather::executions(home.path()) + executions;
    let deadline = Instant::now() + DEADLINE;
    while weather::executions(home.path()) < wanted {
        assert!(child.try_wait().expect("wharf can be asked").is_none(), "the backfill ended early: {}", log(home));
        assert!(Instant::now() < deadline, "nothing is executed: {}", log(home));
        std::thread::yield_now();
    }
    let worker = children(child.id()).into_iter().next().expect("a coordinator at work has a worker");
    let lost = lost(home);
    rustix::process::kill_process(worker, rustix::process::Signal::KILL).expect("the worker is killed");
    lost
}

/// Waits until it shows how many attempts were lost since there were `before`. None where the work just goes on.
fn losses(home: &Home, child: &mut Child, before: usize) -> Option<usize> {
    let executions = weather::executions(home.path());
    let deadline = Instant::now() + DEADLINE;
    loop {
        let gone = lost(home) - before;
        if gone > 0 {
            return Some(gone);
        }
        if weather::executions(home.path()) > executions + 64 {
            return None;
        }
        assert!(child.try_wait().expect("wharf can be asked").is_none(), "the backfill ended early: {}", log(home));
        assert!(Instant::now() < deadline, "neither a loss nor anything else happens: {}", log(home));
    }
}

/// Attempts that are recorded as lost with their worker or their coordinator.
fn lost(home: &Home) -> usize {
    weather::ended_as(&home.state(), Cause::WorkerLost).expect("the store can be read")
}

fn children(pid: u32) -> Vec<rustix::process::Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    let pids: Vec<i32> =
        lists.flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>()).collect();
    pids.into_iter().filter_map(rustix::process::Pid::from_raw).collect()
}

#[test]
fn fifty_kills_change_nothing() {
    let calm = home();
    finish(&calm, backfill(&calm, None));
    let expected = weather::recorded(&calm.state()).expect("the undisturbed run can be read");
    assert_eq!(expected.outputs.len(), 1_461 * 2 + 48 + 1, "tasks of an undisturbed run");
    assert_eq!(weather::executions(calm.path()), 1_461, "executions of an undisturbed run");

    let home = home();
    let mut seeded = Seeded(20_120_101);
    let mut killed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut in_flight = 0;
    let mut kill = 0;
    let mut idle = 0;
    while kill < KILLS {
        if kill % WORKER_EVERY == WORKER_EVERY - 1 {
            // It goes on after the worker's death until it is killed itself, so that the loss is seen to be recorded.
            let mut child = backfill(&home, None);
            let gone = loop {
                let before = kill_worker(&home, &mut child, 1 + seeded.below(8) as usize);
                if let Some(gone) = losses(&home, &mut child, before) {
                    break gone;
                }
                // It held nothing when it died.
                idle += 1;
                assert!(idle < IDLE_KILLS, "{idle} kills found no attempt in flight");
            };
            child.kill().expect("wharf is killed");
            child.wait().expect("wharf ends");
            in_flight += gone;
            *killed.entry("worker").or_default() += 1;
            kill += 1;
            continue;
        }
        let point = POINTS[seeded.below(POINTS.len() as u64) as usize];
        let mut child = backfill(&home, Some(format!("{point}={}", 5 + seeded.below(30))));
        let status = child.wait().expect("wharf ends");
        assert_eq!(status.signal(), Some(9), "kill {kill} at {point}: {status}: {}", log(&home));
        let open = weather::open_attempts(&home.state()).expect("the store can be read");
        if open.is_empty() {
            idle += 1;
            assert!(idle < IDLE_KILLS, "{idle} kills found no attempt in flight");
            continue;
        }
        in_flight += open.len();
        *killed.entry(point).or_default() += 1;
        kill += 1;
    }
    let by_then = weather::executions(home.path());
    finish(&home, backfill(&home, None));

    let found = weather::recorded(&home.state()).expect("what is recorded can be read");
    assert_eq!(found.outputs, expected.outputs);
    assert_eq!(found.artifacts, expected.artifacts);
    assert!(weather::open_attempts(&home.state()).expect("the store can be read").is_empty());
    let executions = weather::executions(home.path());
    assert!(executions >= 1_461, "{executions} executions");
    println!("killed {killed:?} by {by_then} executions; {in_flight} attempts were in flight");
    println!("{executions} executions of `extract`, 1,461 recorded");
}
