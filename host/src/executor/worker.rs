use super::Told;
use super::frames::Frames;
use super::pipe::Pipe;
use super::slots::Slots;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wharf_contract::{CONTRACT_VERSION, FromRuntime, ToRuntime, encode};

/// How long a process may take to end once it was told to, or has closed its output.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(5);
/// Lines of standard error that are kept for the words about a death.
const LAST_WORDS: usize = 5;
/// Bytes of one such line.
const MAX_LINE: usize = 200;

/// Number of a worker, never used again within a coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub(super) u64);

/// What comes from a worker process.
#[derive(Debug)]
pub enum FromWorker {
    /// Frames, in order.
    Frames(WorkerId, Vec<FromRuntime>),
    /// The process is gone; nothing more comes. In words: how.
    Gone(WorkerId, String),
}

/// A worker process as the loop sees it. Dropping it closes its standard input, which ends it and all that it runs.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) tenant: String,
    pub(super) slots: Slots,
    /// Whether it ended an attempt.
    pub(super) of_use: bool,
    /// Since when it has nothing to do.
    pub(super) idle_since: Option<Instant>,
    /// Told to end: takes no more, and is killed at that time.
    pub(super) closing: Option<Instant>,
    /// Frames that go with the next [`Worker::flush`].
    pub(super) out: Vec<u8>,
    /// Its end is under way.
    pub(super) killed: bool,
    to: Option<Pipe>,
    kill: Option<oneshot::Sender<&'static str>>,
}

impl Worker {
    /// Starts a process. It is written to at once; what it says comes through `reports`.
    pub(super) fn spawn(
        id: WorkerId,
        tenant: &str,
        runtime: &Path,
        cache: &Path,
        reports: mpsc::Sender<Told>,
        now: Instant,
    ) -> std::io::Result<Worker> {
        let mut child = Command::new(runtime)
            .arg("serve")
            .arg("--cache")
            .arg(cache)
            // Nothing of the coordinator's environment: its secrets lie there.
            .env_clear()
            // A signal from the terminal is the coordinator's to handle.
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("a pipe of the worker is missing"));
        };
        let to = Pipe::new(stdin)?;
        let (kill, killed) = oneshot::channel();
        tokio::spawn(watch(id, child, stdout, stderr, killed, reports));
        Ok(Worker {
            tenant: tenant.to_owned(),
            slots: Slots::default(),
            of_use: false,
            idle_since: Some(now),
            closing: None,
            out: Vec::new(),
            killed: false,
            to: Some(to),
            kill: Some(kill),
        })
    }

    /// Adds a message to those of this turn.
    pub(super) fn send(&mut self, message: &ToRuntime) {
        // Only an invocation can be too large for a frame, and those are encoded elsewhere.
        let _ = encode(message, &mut self.out);
    }

    /// Writes all frames of this turn, as one write.
    pub(super) fn flush(&mut self) {
        if self.out.is_empty() {
            return;
        }
        match &self.to {
            Some(pipe) => pipe.write(&mut self.out),
            None => self.out.clear(),
        }
    }

    /// Lets it end by itself: with the end of its standard input it ends whatever it runs.
    pub(super) fn close(&mut self, now: Instant) {
        self.flush();
        self.closing = Some(now + CLOSE_TIME);
        self.to = None;
    }

    /// Ends the process at once: it takes no more, and its end is reported.
    pub(super) fn kill(&mut self, why: &'static str) {
        self.killed = true;
        if let Some(kill) = self.kill.take() {
            let _ = kill.send(why);
        }
    }
}

/// Reads until the process is gone, and says how it went.
async fn watch(
    id: WorkerId,
    mut child: Child,
    mut stdout: ChildStdout,
    stderr: ChildStderr,
    killed: oneshot::Receiver<&'static str>,
    reports: mpsc::Sender<Told>,
) {
    let words = tokio::spawn(last_words(id, stderr));
    let fault = tokio::select! {
        fault = read(id, &mut stdout, &reports) => fault,
        Ok(why) = killed => Some(why.to_owned()),
    };
    if fault.is_some() {
        let _ = child.start_kill();
    }
    let status = match tokio::time::timeout(CLOSE_TIME, child.wait()).await {
        Ok(status) => status,
        // It closed its output and stays.
        Err(_) => {
            let _ = child.start_kill();
            child.wait().await
        }
    };
    // A grandchild may hold the pipe open; the last words are not worth waiting for it.
    let words = tokio::time::timeout(Duration::from_millis(200), words).await;
    let words = words.ok().and_then(Result::ok).unwrap_or_default();
    let _ = reports.send(Told::Worker(FromWorker::Gone(id, obituary(fault, status, &words)))).await;
}

/// Forwards frames until the end of file (none) or until something is wrong (in words).
async fn read(id: WorkerId, stdout: &mut ChildStdout, reports: &mpsc::Sender<Told>) -> Option<String> {
    let (mut frames, mut greeted) = (Frames::default(), false);
    loop {
        match stdout.read_buf(frames.space()).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(e) => return Some(format!("its output cannot be read: {e}")),
        }
        let mut batch = match frames.take() {
            Ok(batch) => batch,
            Err(e) => return Some(e.to_string()),
        };
        if !greeted && let Some(first) = batch.first() {
            match first {
                FromRuntime::Ready { contract, .. } if *contract == CONTRACT_VERSION => greeted = true,
                FromRuntime::Ready { contract, version } => {
                    return Some(format!(
                        "wharf-runtime {version} speaks version {contract} of the contract, this wharf version {CONTRACT_VERSION}"
                    ));
                }
                _ => return Some("it did not greet first".to_owned()),
            }
            batch.remove(0);
        }
        if !batch.is_empty() && reports.send(Told::Worker(FromWorker::Frames(id, batch))).await.is_err() {
            return None;
        }
    }
}

async fn last_words(id: WorkerId, stderr: ChildStderr) -> VecDeque<String> {
    let (mut last, mut reader, mut line) = (VecDeque::new(), BufReader::new(stderr), Vec::new());
    loop {
        line.clear();
        // A line without end is cut, so that a worker cannot fill the coordinator's memory.
        match (&mut reader).take(4 * MAX_LINE as u64).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return last,
            Ok(_) => {}
        }
        let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(MAX_LINE).collect();
        if !text.is_empty() {
            tracing::debug!(worker = id.0, "{text}");
            if last.len() == LAST_WORDS {
                last.pop_front();
            }
            last.push_back(text);
        }
    }
}

fn obituary(fault: Option<String>, status: std::io::Result<ExitStatus>, words: &VecDeque<String>) -> String {
    let mut text = match (fault, status) {
        (Some(fault), _) => format!("was ended: {fault}"),
        (None, Ok(status)) => format!("ended: {status}"),
        (None, Err(e)) => format!("ended, nobody knows how: {e}"),
    };
    for line in words {
        text.push_str("; ");
        text.push_str(line);
    }
    text
}

/// Where the compiled components lie.
pub(super) fn cache(state_dir: &Path) -> PathBuf {
    state_dir.join("cache")
}
