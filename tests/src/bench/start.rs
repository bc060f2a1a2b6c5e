use super::{median, verdict};
use crate::binaries::{binary, component};
use anyhow::{Context, Result};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;
use wharf_contract::{AttemptContext, AttemptId, Component, Entry, Grants, Invocation, Limits, Outcome, Payload};

/// (f) `wharf-runtime run` with a cached component: from starting the process to its exit, which includes the first
/// guest instruction and all that comes after it.
pub(super) fn process() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = component("noop");
    let invocation = serde_json::to_vec(&Invocation {
        id: AttemptId { run: 1, task: "start".into(), item: None, attempt: 1 },
        context: AttemptContext::default(),
        component: Component { digest: digest(&path)?, path },
        entry: Entry::Task,
        input: Payload::null(),
        timeout: None,
        limits: Limits::default(),
        grants: Grants::default(),
    })?;
    let mut whole = Vec::new();
    for i in 0..101 {
        let start = Instant::now();
        let mut child = Command::new(binary("wharf-runtime"))
            .arg("run")
            .arg("--cache")
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no stdin")?.write_all(&invocation)?;
        let output = child.wait_with_output()?;
        let elapsed = start.elapsed().as_secs_f64() * 1e3;
        let outcome: Outcome = serde_json::from_slice(&output.stdout)?;
        anyhow::ensure!(outcome.cause == wharf_contract::Cause::Succeeded, "{outcome:?}");
        // The first one compiles.
        if i > 0 {
            anyhow::ensure!(!outcome.usage.compiled, "a cached component was compiled again");
            whole.push(elapsed);
        }
    }
    let bare = bare_process()?;
    let median = median(whole);
    println!(
        "f  run, cached            {median:>9.2} ms from start to exit, target 5 to the first instruction: {}",
        verdict(median <= 5.0)
    );
    println!("                          {:>9.2} x a bare process ({bare:.2} ms)", median / bare);
    Ok(())
}

fn digest(path: &std::path::Path) -> Result<String> {
    let output = Command::new(binary("wharf-runtime")).args(["inspect", "--output", "json"]).arg(path).output()?;
    let value: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(value[0]["ok"]["digest"].as_str().context("inspect gives no digest")?.to_owned())
}

fn bare_process() -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        Command::new("/bin/true").status()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}
