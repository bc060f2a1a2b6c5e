//! Does on demand what a task must not do, for tests of the runtime.

mod files;
mod memory;
pub mod types;

use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::Duration;
use types::{Input, Kind, Output};
use wharf_task::state::StateError;
use wharf_task::{TaskError, artifacts, context, log, progress, secrets, state};

/// Does what the mode says.
///
/// # Errors
/// As the mode says.
pub fn run(input: Input) -> Result<Output, TaskError> {
    match input {
        Input::Echo { value } => return Ok(value),
        Input::Loop => memory::spin(),
        Input::Memory { bytes } => return Ok(json!(memory::hold(bytes))),
        Input::Panic { message } => panic!("{message}"),
        Input::Stack => return Ok(json!(memory::recurse(0))),
        Input::Exit { code } => std::process::exit(code),
        Input::Fail { error, message, after } => return Err(fail(error, message, after)),
        Input::LogFlood { lines, bytes, pause } => {
            let text = "x".repeat(bytes);
            for line in 0..lines {
                log::info(&text, &[("line", &line)]);
                if pause > 0 {
                    std::thread::sleep(Duration::from_millis(pause));
                }
            }
        }
        Input::Print { lines, bytes, stderr } => print(lines, bytes, stderr)?,
        Input::Progress { total } => (1..=total).for_each(|done| progress::report(done, Some(total), None)),
        Input::Sleep { milliseconds } => std::thread::sleep(Duration::from_millis(milliseconds)),
        Input::SleepUntilCancelled => loop {
            context::check_cancelled()?;
            std::thread::sleep(Duration::from_millis(1));
        },
        Input::RetryUntil { attempts } => return retry_until(attempts),
        Input::StateConflict => return state_conflict(),
        Input::StateSize { bytes } => {
            // A JSON text has its two quotes besides.
            state::save(0, &"x".repeat(bytes.saturating_sub(2)))?;
        }
        Input::Artifact { name, bytes, unfinished } => return write_artifact(&name, bytes, unfinished),
        Input::ReadArtifact { artifact } => return read_artifact(&artifact),
        Input::Handles { count } => {
            let open: Result<Vec<_>, _> = (0..count).map(|n| artifacts::create(&format!("{n}"), None)).collect();
            black_box(open?);
        }
        Input::BigOutput { bytes } => return Ok(json!("x".repeat(bytes))),
        Input::Secret { name } => return Ok(json!(secrets::get(&name)?.len())),
        Input::LeakSecret { name } => {
            let value = secrets::get(&name)?;
            log::info(&value, &[]);
            return Ok(json!(value));
        }
        Input::Env => {
            let env: serde_json::Map<String, Value> = std::env::vars().map(|(k, v)| (k, json!(v))).collect();
            return Ok(json!({"args": std::env::args().collect::<Vec<_>>(), "env": env}));
        }
        Input::Context => return Ok(describe()),
        Input::Random { bytes } => return Ok(json!(files::random(bytes)?)),
        Input::ReadFile { path } => return Ok(json!(std::fs::read_to_string(path)?)),
        Input::WriteFile { path, text, append } => files::write(&path, text.as_bytes(), append)?,
        Input::ListFolder { path } => return Ok(json!(files::list(&path)?)),
        Input::FillDisk { path, bytes } => return Ok(json!(files::fill(&path, bytes)?)),
    }
    Ok(Value::Null)
}

wharf_task::task!(run);

fn fail(kind: Kind, message: String, after: Option<u64>) -> TaskError {
    match kind {
        Kind::InvalidInput => TaskError::InvalidInput(message),
        Kind::Retryable => TaskError::Retryable { message, after: after.map(Duration::from_millis) },
        Kind::Permanent => TaskError::Permanent(message),
        Kind::Cancelled => TaskError::Cancelled(message),
    }
}

fn print(lines: u64, bytes: usize, stderr: bool) -> std::io::Result<()> {
    let text = "x".repeat(bytes) + "\n";
    for _ in 0..lines {
        if stderr {
            std::io::stderr().write_all(text.as_bytes())?;
        } else {
            std::io::stdout().write_all(text.as_bytes())?;
        }
    }
    std::io::stdout().flush()
}

fn retry_until(attempts: u32) -> Result<Value, TaskError> {
    let (version, before) = state::load::<u32>()?.map_or((0, 0), |c| (c.version, c.value));
    let now = before + 1;
    state::save(version, &now)?;
    if now < attempts {
        return Err(TaskError::retryable(format!("attempt {now} of {attempts}")));
    }
    Ok(json!(now))
}

fn state_conflict() -> Result<Value, TaskError> {
    let version = state::load::<Value>()?.map_or(0, |c| c.version);
    match state::save(version + 7, &Value::Null) {
        Err(StateError::Conflict { current }) => Ok(json!(current)),
        Err(other) => Err(other.into()),
        Ok(saved) => Err(TaskError::permanent(format!("saved as {saved} against a version that is not there"))),
    }
}

fn write_artifact(name: &str, bytes: u64, unfinished: bool) -> Result<Value, TaskError> {
    let mut writer = artifacts::create(name, None)?;
    let written = std::io::copy(&mut std::io::repeat(b'x').take(bytes), &mut writer)?;
    debug_assert_eq!(written, bytes);
    if unfinished {
        return Ok(Value::Null);
    }
    Ok(json!(writer.finish()?))
}

fn read_artifact(artifact: &artifacts::Artifact) -> Result<Value, TaskError> {
    let mut bytes = Vec::new();
    artifacts::open(artifact)?.read_to_end(&mut bytes)?;
    Ok(json!({"bytes": bytes.len(), "sum": bytes.iter().map(|b| u64::from(*b)).sum::<u64>()}))
}

fn describe() -> Value {
    let a = context::attempt();
    json!({
        "tenant": a.tenant, "flow": a.flow, "task": a.task, "run": a.run, "item": a.item, "number": a.number,
        "idempotencyKey": a.idempotency_key, "scheduledTime": a.scheduled_time, "partial": a.partial,
        "partition": a.partition.map(|p| json!({"key": p.key, "start": p.start, "end": p.end})),
        "remaining": context::remaining().map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        "cancelled": context::cancelled(),
    })
}

#[cfg(test)]
mod tests;
