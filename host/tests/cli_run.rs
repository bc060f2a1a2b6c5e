//! Commands that run something, with the real binaries: `wharf`, the `wharf-runtime` that WHARF_RUNTIME names (or that
//! lies beside it), and small programs made here.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use wharf::store::StoreLock;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(120);

/// Ends at once.
const QUICK: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// Computes for ever.
const ENDLESS: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;
/// Computes for some tenths of a second.
const SLOW: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (local i64) (local.set 0 (i64.const 200000000))
    (loop (br_if 0 (i64.ne (local.tee 0 (i64.sub (local.get 0) (i64.const 1))) (i64.const 0))))))"#;
/// Traps.
const BROKEN: &str = r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;

/// A folder with a config and programs.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::Builder::new().prefix("wharf-run-").tempdir().unwrap());
        for (name, text) in [("quick", QUICK), ("endless", ENDLESS), ("slow", SLOW), ("broken", BROKEN)] {
            std::fs::write(home.path(&format!("{name}.wasm")), wat::parse_str(text).unwrap()).unwrap();
        }
        let mut config = String::from("apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: acme}\n");
        for name in ["quick", "endless", "slow", "broken"] {
            config.push_str(&format!(
                "---\napiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: {name}, namespace: acme}}\nspec:\n  \
                 partitions: {{daily: {{start: 2012-01-01, end: 2012-12-31}}}}\n  backfill: {{maxActive: 1}}\n  \
                 tasks: [{{name: work, component: {{path: {name}.wasm}}}}]\n"
            ));
        }
        std::fs::write(home.path("wharf.yaml"), config).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let beside = || Path::new(env!("CARGO_BIN_EXE_wharf")).with_file_name("wharf-runtime");
        let runtime = std::env::var_os("WHARF_RUNTIME").map_or_else(beside, PathBuf::from);
        assert!(runtime.is_file(), "{} is not there: build it, or name it in WHARF_RUNTIME", runtime.display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("WHARF_RUNTIME", runtime);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end: exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        (status.code().unwrap_or(-1), out, err)
    }

    /// The answer of a command that must succeed, as JSON.
    fn json(&self, args: &[&str]) -> serde_json::Value {
        let (code, out, err) = self.run(&[args, &["-o", "json"]].concat());
        assert_eq!(code, 0, "{args:?}: {err}");
        serde_json::from_str(&out).unwrap()
    }

    fn spawn(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { child, lines, seen: Vec::new() }
    }
}

/// A command that runs; killed when dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Waits for a line on standard error.
    fn wait_for(&mut self, part: &str) {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(e) => panic!("`{part}` did not come ({e}); there was {:#?}", self.seen),
            }
            if self.seen.last().is_some_and(|l| l.contains(part)) {
                return;
            }
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn exit(mut self) -> (i32, String) {
        let mut out = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut out).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, out)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_component_runs_alone_and_leaves_nothing() {
    let home = Home::new();
    let (code, out, err) = home.run(&["run", "quick.wasm"]);
    assert_eq!((code, out.as_str()), (0, "{\"exitCode\":0,\"stdout\":\"\"}\n"), "{err}");
    assert!(err.contains("quick: succeeded"), "{err}");
    let (code, out, err) = home.run(&["run", "broken.wasm"]);
    assert_eq!((code, out.as_str()), (10, ""), "{err}");
    assert!(err.contains("broken: attempt 1 ended as trap"), "{err}");
    let (code, _, err) = home.run(&["run", "endless.wasm", "--timeout", "200ms"]);
    assert_eq!(code, 10, "{err}");
    assert!(err.contains("ended as timeout"), "{err}");
    assert!(!home.path(".wharf").exists());
    assert!(home.path(".cache/wharf/compiled").is_dir(), "what was compiled is kept for the next time");
}

#[test]
fn without_a_coordinator_a_command_carries_its_own() {
    let home = Home::new();
    let (code, _, err) = home.run(&["run", "quick", "--partition", "2012-01-05"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = home.run(&["trigger", "broken", "--partition", "2012-01-05"]);
    assert_eq!(code, 10, "{err}");
    assert!(out.starts_with("run 2 of acme/broken failed in "), "{out}");

    // What was recorded is read without any coordinator.
    let runs = home.json(&["runs"]);
    let states: Vec<_> = runs.as_array().unwrap().iter().map(|r| (r["run"].as_u64(), r["state"].as_str())).collect();
    assert_eq!(states, [(Some(2), Some("failed")), (Some(1), Some("succeeded"))]);
    assert_eq!(home.json(&["show", "2"])["tasks"][0]["attempts"][0]["outcome"]["cause"], "trap");
    assert_eq!(home.json(&["flows"]).as_array().unwrap().len(), 4);

    assert_eq!(home.run(&["retry", "2"]).0, 10);
    assert_eq!(home.json(&["show", "2"])["tasks"][0]["attemptsTotal"], 2);
    assert_eq!(home.run(&["cancel", "1"]).0, 5, "it is over");
    assert_eq!(home.run(&["retry", "1"]).0, 5, "nothing failed");
    assert_eq!(home.run(&["retry", "9"]).0, 4);
    assert_eq!(home.run(&["show", "9"]).0, 4);
    assert_eq!(home.run(&["logs", "1", "nap"]).0, 4);
    assert_eq!(home.run(&["trigger", "nope"]).0, 4);
}

#[test]
fn the_first_interrupt_cancels_a_run() {
    let home = Home::new();
    let mut run = home.spawn(&["run", "endless", "--partition", "2012-01-05"]);
    run.wait_for("work: started");
    run.signal(rustix::process::Signal::INT);
    run.wait_for("run 1 of acme/endless cancelled");
    assert_eq!(run.exit().0, 14);
    assert_eq!(home.json(&["show", "1"])["summary"]["state"], "cancelled");
}

#[test]
fn a_backfill_whose_process_was_killed_goes_on() {
    let home = Home::new();
    let args = ["backfill", "slow", "--from", "2012-01-01", "--to", "2012-01-10"];
    let mut first = home.spawn(&args);
    first.wait_for("backfill 1: 2 of 10 runs");
    first.signal(rustix::process::Signal::KILL);
    assert_eq!(first.exit().0, -1);
    assert_eq!(home.json(&["backfills"])[0]["state"], "running", "it was killed too late");

    let (code, out, err) = home.run(&args);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("backfill 1 of acme/slow is not over: going on with it"), "{err}");
    assert_eq!(out, "backfill 1 succeeded: 10 succeeded\n");
    let runs = home.json(&["runs", "--backfill", "1"]);
    let mut keys: Vec<_> =
        runs.as_array().unwrap().iter().map(|r| r["partition"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    assert_eq!(keys, (1..=10).map(|d| format!("2012-01-{d:02}")).collect::<Vec<_>>(), "each partition once");

    let (code, out, _) = home.run(&args);
    assert_eq!(code, 0);
    assert!(out.starts_with("nothing to do"), "{out}");
}

#[test]
fn commands_go_through_a_coordinator_that_runs() {
    let home = Home::new();
    let mut serve = home.spawn(&["serve"]);
    serve.wait_for("listening on");
    let (code, _, err) = home.run(&["serve"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("is in use by process"), "{err}");

    assert_eq!(home.json(&["trigger", "endless", "--partition", "2012-01-05"])["state"], "running");
    let mut log = home.spawn(&["logs", "1", "-f"]);
    let (code, out, err) = home.run(&["run", "quick", "--partition", "2012-01-05"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "work: {\"exitCode\":0,\"stdout\":\"\"}\n");
    assert_eq!(home.json(&["runs", "--state", "running"])[0]["run"], 1);
    assert_eq!(home.run(&["cancel", "1"]).0, 0);
    // The log of a run that is over comes to its end.
    assert_eq!(log.child.wait().unwrap().code(), Some(0));
    let (code, out, err) = home.run(&["backfill", "quick", "--from", "2012-01-04", "--to", "2012-01-06"]);
    assert_eq!((code, out.as_str()), (0, "backfill 1 succeeded: 2 succeeded, 1 left out\n"), "{err}");

    serve.signal(rustix::process::Signal::TERM);
    assert_eq!(serve.exit().0, 0);
    assert_eq!(home.json(&["runs"]).as_array().unwrap().len(), 4, "the store is read without it");
}

#[test]
fn a_store_held_by_one_that_does_not_answer_is_refused() {
    let home = Home::new();
    std::fs::create_dir(home.path(".wharf")).unwrap();
    let _lock = StoreLock::take(&home.path(".wharf")).unwrap();
    let (code, _, err) = home.run(&["trigger", "quick", "--partition", "2012-01-05"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains(&format!("is in use by process {}", std::process::id())), "{err}");
    assert!(err.contains("it does not answer on"), "{err}");
}
