//! What the tests of the real binary share: guests written as text, invocations, and a worker to talk to.
#![allow(dead_code, unreachable_pub, reason = "a module of each test file, which uses its own part")]

pub mod pod;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;
use wharf_contract::{Component, Entry, FromRuntime, Invocation, LogLine, Outcome, ToRuntime};
use wharf_runtime::Digest;

/// How long anything is waited for.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A folder for one test, with its own cache of compiled components.
pub struct Bench {
    pub dir: TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// The guest of this text as a file.
    pub fn wat(&self, text: &str) -> Component {
        self.component(&wat::parse_str(text).unwrap())
    }

    /// These bytes as a file.
    pub fn component(&self, bytes: &[u8]) -> Component {
        let digest = Digest::of(bytes);
        let path = self.path(&format!("{}.wasm", &digest.hex()[..12]));
        std::fs::write(&path, bytes).unwrap();
        Component { path, digest: digest.to_string() }
    }

    /// A task with this body.
    pub fn task(&self, body: &str) -> Invocation {
        invocation(self.wat(&include_str!("../guests/task.wat").replace("@BODY@", body)), Entry::Task)
    }

    /// A program of WASI preview 1 with this body and text.
    pub fn command(&self, text: &str, body: &str) -> Invocation {
        let wat = include_str!("../guests/command.wat")
            .replace("@TEXT@", &text.escape_default().to_string().replace("\\n", "\\0a"))
            .replace("@LENGTH@", &text.len().to_string())
            .replace("@BODY@", body);
        invocation(self.wat(&wat), Entry::Command { args: vec![], stdin: false })
    }

    pub fn runtime(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-runtime"));
        command.arg(verb).arg("--cache").arg(self.cache());
        command
    }

    /// `wharf-runtime run` of this invocation.
    pub fn run(&self, invocation: &Invocation) -> Ran {
        let mut child =
            self.runtime("run").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        serde_json::to_writer(child.stdin.take().unwrap(), invocation).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    pub fn serve(&self) -> Worker {
        Worker::start(self.runtime("serve"))
    }
}

pub fn invocation(component: Component, entry: Entry) -> Invocation {
    let mut invocation: Invocation = serde_json::from_value(serde_json::json!({
        "id": {"run": 7, "task": "guest", "attempt": 1},
        "context": {"tenant": "acme", "flow": "demo"},
        "component": component,
        "input": {"json": {"n": 1}},
        "timeout": 60_000,
    }))
    .unwrap();
    invocation.entry = entry;
    invocation
}

/// What `run` left.
pub struct Ran {
    pub code: i32,
    pub outcome: Outcome,
    pub lines: Vec<LogLine>,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let outcome = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
        let lines = stderr.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
        Ran { code: output.status.code().unwrap(), outcome, lines }
    }
}

/// A worker, and the frames that it sends.
pub struct Worker {
    pub child: Child,
    pub to: Option<ChildStdin>,
    pub frames: Receiver<FromRuntime>,
}

impl Worker {
    fn start(mut command: Command) -> Worker {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut from = child.stdout.take().unwrap();
        let (send, frames) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut chunk = vec![0; 64 << 10];
            loop {
                while let Some((frame, used)) = wharf_contract::decode::<FromRuntime>(&bytes).unwrap() {
                    bytes.drain(..used);
                    if send.send(frame).is_err() {
                        return;
                    }
                }
                match from.read(&mut chunk) {
                    Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
                    _ => return,
                }
            }
        });
        let worker = Worker { to: child.stdin.take(), child, frames };
        assert!(matches!(worker.next(), FromRuntime::Ready { contract: wharf_contract::CONTRACT_VERSION, .. }));
        worker
    }

    pub fn next(&self) -> FromRuntime {
        self.frames.recv_timeout(DEADLINE).unwrap()
    }

    pub fn send(&mut self, messages: &[ToRuntime]) {
        let mut bytes = Vec::new();
        for m in messages {
            wharf_contract::encode(m, &mut bytes).unwrap();
        }
        self.to.as_mut().unwrap().write_all(&bytes).unwrap();
    }

    pub fn start_slot(&mut self, slot: u32, invocation: &Invocation) {
        self.send(&[ToRuntime::Start { slot, invocation: Box::new(invocation.clone()) }]);
    }

    /// The next attempt that ends; log lines before it are dropped.
    pub fn finished(&self) -> (u32, Outcome) {
        loop {
            if let FromRuntime::Finished { slot, outcome } = self.next() {
                return (slot, *outcome);
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The only file of the cache that is a compiled component.
pub fn cached(cache: &Path) -> PathBuf {
    let mut found = Vec::new();
    for dir in std::fs::read_dir(cache).unwrap().map(|d| d.unwrap().path()).filter(|d| d.is_dir()) {
        found.extend(std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).filter(|f| f.extension().is_some()));
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
