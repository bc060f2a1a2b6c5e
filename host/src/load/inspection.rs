//! Asks the runtime, as a process of its own, what components are like.

use serde::Deserialize;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wharf_contract::Inspection;

/// Largest answer in bytes.
const MAX_ANSWER: u64 = 64 << 20;
/// Bytes of complaints that are kept.
const MAX_WORDS: u64 = 4 << 10;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One entry of the runtime's answer: it has one of the two.
#[derive(Deserialize)]
struct Entry {
    ok: Option<Inspection>,
    error: Option<String>,
}

/// One answer for each file, in order: what it is like, or why it is no good.
///
/// # Errors
/// The runtime cannot be asked.
pub(super) fn ask(runtime: &Path, files: &[&Path]) -> Result<Vec<Result<Inspection, String>>, String> {
    let failed = |why: String| format!("{} cannot look at components: {why}", runtime.display());
    let Answer { status, out, err } = run(runtime, files).map_err(|e| failed(e.to_string()))?;
    let entries: Vec<Entry> = serde_json::from_slice(&out).map_err(|e| {
        let words = String::from_utf8_lossy(&err);
        match words.trim() {
            "" => failed(format!("it ended with {status}, and its answer cannot be read ({e})")),
            words => failed(words.to_owned()),
        }
    })?;
    if entries.len() != files.len() {
        return Err(failed(format!("it answered for {} of {} files", entries.len(), files.len())));
    }
    Ok(entries
        .into_iter()
        .map(|entry| entry.ok.ok_or_else(|| entry.error.unwrap_or_else(|| "nobody says why".to_owned())))
        .collect())
}

struct Answer {
    status: ExitStatus,
    out: Vec<u8>,
    err: Vec<u8>,
}

fn run(runtime: &Path, files: &[&Path]) -> io::Result<Answer> {
    let mut child = Command::new(runtime)
        .args(["inspect", "--output", "json", "--"])
        .args(files)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let out = gather(child.stdout.take(), MAX_ANSWER);
    let err = gather(child.stderr.take(), MAX_WORDS);
    let status = wait(&mut child)?;
    Ok(Answer { status, out: out.join().unwrap_or_default(), err: err.join().unwrap_or_default() })
}

/// Reads to the end on a thread of its own; keeps no more than `most`.
fn gather(pipe: Option<impl Read + Send + 'static>, most: u64) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = (&mut pipe).take(most).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        bytes
    })
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", PATIENCE.as_secs())));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
