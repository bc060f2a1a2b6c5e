use crate::control::Control;
use crate::grants::state::Checkpoint;
use crate::logs::Logs;
use crate::outbox::Outbox;
use crate::store::Store;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wharf_contract::{FromRuntime, Invocation, LogLevel, LogLine, LogSource};

/// Bytes of lines after which they are handed on without waiting.
const HAND_ON: usize = 32 << 10;

/// One attempt: what was asked for, and what others may see and do while it runs.
pub struct Attempt {
    /// What was asked for.
    pub invocation: Box<Invocation>,
    /// The strings by which it is held.
    pub control: Control,
    /// Bytes written to artifacts and mounts.
    pub(crate) disk: Disk,
    /// Where its checkpoint is kept.
    pub(crate) checkpoint: Checkpoint,
    report: Report,
    said: Mutex<Said>,
}

/// Where an attempt's lines and progress go.
pub enum Report {
    /// To whoever started it, as frames of this slot.
    Frames {
        /// The starter's number for it.
        slot: u32,
        /// Where frames are gathered.
        outbox: Arc<Outbox>,
    },
    /// To standard error, one JSON object a line.
    Lines {
        /// Where the log's lines go too.
        copy: Option<File>,
    },
}

struct Said {
    logs: Logs,
    progress: Option<FromRuntime>,
    /// Whether the outbox knows that there is something to fetch.
    announced: bool,
}

impl Attempt {
    /// An attempt that was taken at `now`.
    #[must_use]
    pub fn new(invocation: Box<Invocation>, report: Report, now: Instant) -> Attempt {
        let said = Said { logs: Logs::new(&invocation.limits), progress: None, announced: false };
        let disk = Disk { left: AtomicU64::new(invocation.limits.disk), refused: AtomicBool::new(false) };
        let checkpoint = invocation.grants.state.clone().map_or(Checkpoint::None, Checkpoint::File);
        Attempt { invocation, control: Control::new(now), disk, checkpoint, report, said: Mutex::new(said) }
    }

    /// The same attempt with its checkpoint in a store.
    #[must_use]
    pub fn with_checkpoint(mut self, store: Arc<Store>, key: String) -> Attempt {
        self.checkpoint = Checkpoint::Store { store, key };
        self
    }

    /// Adds a line of the guest or of the runtime.
    pub(crate) fn log(self: &Arc<Self>, line: LogLine) {
        self.say(|said| said.logs.line(line));
    }

    /// Adds a line of the runtime, about the attempt.
    pub fn note(self: &Arc<Self>, level: LogLevel, message: String) {
        let fields = serde_json::Map::new();
        self.log(LogLine { at: wall_clock(), level, source: LogSource::Runtime, message, fields });
    }

    /// Adds output of the guest.
    pub(crate) fn output(self: &Arc<Self>, source: LogSource, bytes: &[u8]) {
        self.say(|said| said.logs.output(wall_clock(), source, bytes));
    }

    /// Takes bytes from what may still be written. The first refusal is noted in the log, since a guest often knows it
    /// as an I/O error only.
    pub(crate) fn take_disk(self: &Arc<Self>, bytes: usize) -> bool {
        let refused_before = self.disk.refused();
        let taken = self.disk.take(bytes as u64);
        if !taken && !refused_before {
            let limit = self.invocation.limits.disk;
            self.note(LogLevel::Warn, format!("a write was refused: the attempt may write {limit} bytes to disk"));
        }
        taken
    }

    /// How far the guest is; only the latest is handed on.
    pub(crate) fn progress(self: &Arc<Self>, done: u64, total: Option<u64>, message: Option<String>) {
        let slot = match &self.report {
            Report::Frames { slot, .. } => *slot,
            Report::Lines { .. } => 0,
        };
        self.say(|said| said.progress = Some(FromRuntime::Progress { slot, done, total, message }));
    }

    /// The end of the guest's standard error.
    pub(crate) fn tail(&self) -> String {
        self.said().logs.tail()
    }

    /// Ends the log: hands on the rest, and gives the number of lines kept and dropped.
    pub fn end_log(&self) -> (u64, u64) {
        let mut said = self.said();
        said.logs.end(wall_clock());
        match &self.report {
            Report::Frames { outbox, .. } => drop(outbox.append(|out| self.drain(&mut said, out))),
            Report::Lines { copy } => print(&mut said, copy.as_ref()),
        }
        said.logs.counts()
    }

    /// Appends the frames of what was said since the last time.
    pub(crate) fn fetch(&self, out: &mut Vec<u8>) {
        let mut said = self.said();
        said.announced = false;
        self.drain(&mut said, out);
    }

    fn drain(&self, said: &mut Said, out: &mut Vec<u8>) {
        let Report::Frames { slot, .. } = self.report else { return };
        let lines = said.logs.take();
        if !lines.is_empty() {
            push(&FromRuntime::Log { slot, lines }, out);
        }
        if let Some(progress) = said.progress.take() {
            push(&progress, out);
        }
    }

    fn say(self: &Arc<Self>, what: impl FnOnce(&mut Said)) {
        let mut said = self.said();
        what(&mut said);
        match &self.report {
            Report::Lines { copy } => print(&mut said, copy.as_ref()),
            Report::Frames { outbox, .. } => {
                if said.logs.pending_bytes() >= HAND_ON {
                    outbox.append(|out| self.drain(&mut said, out));
                } else if !said.announced {
                    said.announced = true;
                    outbox.announce(self.clone());
                }
            }
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a frame; one that is over the limit of frames is left out, which bounded lines never are.
fn push(frame: &FromRuntime, out: &mut Vec<u8>) {
    drop(wharf_contract::encode(frame, out));
}

fn print(said: &mut Said, copy: Option<&File>) {
    let mut text = Vec::new();
    for line in said.logs.take() {
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
        }
    }
    if let Some(mut copy) = copy {
        // Standard error has them still.
        drop(copy.write_all(&text));
    }
    if let Some(FromRuntime::Progress { done, total, message, .. }) = said.progress.take() {
        let progress = serde_json::json!({"progress": {"done": done, "total": total, "message": message}});
        text.extend_from_slice(progress.to_string().as_bytes());
        text.push(b'\n');
    }
    // Where nobody reads standard error, nobody misses the lines.
    drop(std::io::stderr().lock().write_all(&text));
}

/// Counts the bytes that an attempt writes.
#[derive(Debug)]
pub(crate) struct Disk {
    left: AtomicU64,
    refused: AtomicBool,
}

impl Disk {
    /// Takes `bytes` from what may still be written, or nothing and remembers that it was refused.
    fn take(&self, bytes: u64) -> bool {
        let taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if !taken {
            self.refused.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Bytes that may still be written.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether a write was ever refused.
    pub(crate) fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
