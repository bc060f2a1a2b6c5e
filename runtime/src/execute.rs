use crate::attempt::Attempt;
use crate::bindings::wharf::task::types::{Artifact as WitArtifact, Payload as WitPayload};
use crate::classify::{End, Facts, classify};
use crate::grants::artifacts::words;
use crate::grants::environment::{self, Capture, Captured, Program};
use crate::loader::{Loaded, Loader};
use crate::sandbox::{self, Guest};
use crate::{Refusal, Stop};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Store;
use wharf_contract::{Artifact, Cause, Entry, Outcome, Payload, Usage};

/// Name and media type of an output that is too large to be inline.
const OUTPUT_NAME: &str = "output.json";
const OUTPUT_TYPE: &str = "application/json";

/// Runs one attempt to its end.
pub async fn execute(loader: &Loader, attempt: &Arc<Attempt>) -> Outcome {
    let _watch = loader.runtime().ticker().watch();
    let mut usage = Usage::default();
    let control = &attempt.control;
    let found = tokio::select! {
        biased;
        found = loader.get(&attempt.invocation.component) => found,
        stop = control.wait() => return finish(attempt, None, End::Stopped(stop), usage),
    };
    let end = match found {
        Ok((loaded, compiled)) => {
            usage.compiled = compiled;
            match prepare(attempt) {
                Ok((guest, input)) => {
                    let mut store = sandbox::store(loader.runtime(), guest);
                    let end = enter(&loaded, attempt, &mut store, input, &mut usage).await;
                    return finish(attempt, Some(store), end, usage);
                }
                Err(refusal) => End::Refused(refusal),
            }
        }
        Err(refusal) => End::Refused(refusal),
    };
    finish(attempt, None, end, usage)
}

/// What is given to the guest's way in.
enum Input {
    Task(WitPayload),
    Command,
}

fn prepare(attempt: &Arc<Attempt>) -> Result<(Guest, Input), Refusal> {
    let invocation = &attempt.invocation;
    let mut guest = Guest::new(attempt.clone());
    match &invocation.entry {
        Entry::Task => {
            if !invocation.grants.mounts.is_empty() {
                guest.set_wasi(environment::full(attempt, Program::default())?);
            }
            Ok((guest, Input::Task(lower(&invocation.input))))
        }
        Entry::Command { args, stdin } => {
            let capture = Capture::default();
            let mut program = Program { capture: Some(capture.clone()), ..Program::default() };
            program.args.push(invocation.id.task.clone());
            program.args.extend(args.iter().cloned());
            if *stdin {
                program.stdin = Some(match &invocation.input {
                    Payload::Json(text) => text.get().as_bytes().to_vec(),
                    Payload::Artifact(artifact) => {
                        serde_json::to_vec(artifact).map_err(|e| Refusal::internal("cannot write the input", e))?
                    }
                });
            }
            guest.set_wasi(environment::full(attempt, program)?);
            guest.stdout = Some(capture);
            Ok((guest, Input::Command))
        }
    }
}

async fn enter(
    loaded: &Loaded,
    attempt: &Arc<Attempt>,
    store: &mut Store<Guest>,
    input: Input,
    usage: &mut Usage,
) -> End {
    let control = &attempt.control;
    let timeout = attempt.invocation.timeout.map(Duration::from_millis);
    // A module's start function runs while it is instantiated: the timeout must hold for it too.
    control.arm(Instant::now(), timeout);
    let mut started = None;
    let end = {
        let first = |started: &mut Option<Instant>| {
            let now = Instant::now();
            control.arm(now, timeout);
            *started = Some(now);
        };
        let run = async {
            match input {
                Input::Task(input) => {
                    let pre = match &loaded.task {
                        Ok(pre) => pre,
                        Err(refusal) => return End::Refused(refusal.clone()),
                    };
                    let result = async {
                        let task = pre.instantiate_async(&mut *store).await?;
                        first(&mut started);
                        task.call_run(&mut *store, &input).await
                    };
                    match result.await {
                        Ok(Ok(output)) => keep(store.data_mut(), output),
                        Ok(Err(error)) => End::Task(Err(error)),
                        Err(error) => End::Failed(error),
                    }
                }
                Input::Command => {
                    let pre = match &loaded.command {
                        Ok(pre) => pre,
                        Err(refusal) => return End::Refused(refusal.clone()),
                    };
                    let result = async {
                        let command = pre.instantiate_async(&mut *store).await?;
                        first(&mut started);
                        command.wasi_cli_run().call_run(&mut *store).await
                    };
                    let code = match result.await {
                        Ok(Ok(())) => 0,
                        Ok(Err(())) => 1,
                        Err(error) => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
                            Some(exit) => exit.0,
                            None => return End::Failed(error),
                        },
                    };
                    if code != 0 {
                        return End::Command(code, Payload::null());
                    }
                    keep_stdout(store.data_mut())
                }
            }
        };
        // The guest first: most attempts end without ever waiting, and then no timer is set.
        tokio::select! {
            biased;
            end = run => end,
            stop = control.wait() => End::Stopped(stop),
        }
    };
    let now = Instant::now();
    let started = started.unwrap_or(now);
    usage.setup_us = micros(started.saturating_duration_since(control.taken()));
    usage.run_us = micros(now.saturating_duration_since(started));
    end
}

fn finish(attempt: &Arc<Attempt>, store: Option<Store<Guest>>, end: End, mut usage: Usage) -> Outcome {
    let limits = &attempt.invocation.limits;
    let mut facts = Facts {
        disk_refused: attempt.disk.refused(),
        memory: limits.memory,
        disk: limits.disk,
        timeout: attempt.invocation.timeout,
        cancelled: attempt.control.is_cancelled(),
        tail: attempt.tail(),
        ..Facts::default()
    };
    let mut artifacts = Vec::new();
    if let Some(mut store) = store {
        let guest = store.data_mut();
        facts.memory_refused = guest.limiter.refused();
        usage.memory_bytes = guest.limiter.peak();
        usage.http_requests = guest.http_requests();
        artifacts = std::mem::take(&mut guest.staged.finished);
    }
    usage.written_bytes = limits.disk - attempt.disk.left();
    let mut outcome = classify(end, &facts);
    outcome.artifacts = artifacts;
    (usage.log_lines, usage.log_dropped) = attempt.end_log();
    outcome.usage = usage;
    outcome
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

fn lower(input: &Payload) -> WitPayload {
    match input {
        Payload::Json(text) => WitPayload::Json(text.get().to_owned()),
        Payload::Artifact(a) => WitPayload::Artifact(WitArtifact {
            digest: a.digest.clone(),
            size: a.size,
            name: a.name.clone(),
            media_type: a.media_type.clone(),
        }),
    }
}

/// What a task returned, as it goes into the outcome: JSON that is JSON, inline if it is small enough.
fn keep(guest: &mut Guest, output: WitPayload) -> End {
    match output {
        WitPayload::Json(text) => match RawValue::from_string(text) {
            Ok(text) => keep_json(guest, text, |output| End::Task(Ok(output))),
            Err(e) => End::Refused(Refusal::new(Cause::Permanent, format!("the task's output is no JSON: {e}"))),
        },
        WitPayload::Artifact(a) => {
            let finished = guest.staged.finished.iter().any(|f| f.digest == a.digest);
            let readable = guest.attempt.invocation.grants.readable.iter().any(|r| r.digest == a.digest);
            if !finished && !readable {
                let message = format!("the task returned the artifact {}, which it did not write or get", a.digest);
                return End::Refused(Refusal::new(Cause::Permanent, message));
            }
            End::Task(Ok(Payload::Artifact(Artifact {
                digest: a.digest,
                size: a.size,
                name: a.name,
                media_type: a.media_type,
            })))
        }
    }
}

fn keep_json(guest: &mut Guest, text: Box<RawValue>, end: impl FnOnce(Payload) -> End) -> End {
    let max = guest.attempt.invocation.limits.inline_output;
    let size = text.get().len() as u64;
    if size <= max {
        return end(Payload::Json(text));
    }
    if guest.attempt.invocation.grants.staging.is_none() {
        let message = format!("the output has {size} bytes; without a folder for artifacts it may have {max}");
        return End::Refused(Refusal::new(Cause::OutputLimit, message));
    }
    match guest.stage(OUTPUT_NAME, OUTPUT_TYPE, text.get().as_bytes()) {
        Ok(artifact) => {
            guest.staged.finished.push(artifact.clone());
            end(Payload::Artifact(artifact))
        }
        Err(e) if guest.attempt.disk.refused() => {
            End::Refused(Refusal::new(Cause::OutputLimit, format!("cannot keep the output: {}", words(&e))))
        }
        Err(e) => End::Refused(Refusal::internal("cannot keep the output", words(&e))),
    }
}

/// What a command that succeeded wrote, as its output.
fn keep_stdout(guest: &mut Guest) -> End {
    let Captured { bytes, truncated } = guest.stdout.take().map(|c| c.take()).unwrap_or_default();
    let mut stdout = String::from_utf8_lossy(&bytes);
    let mut truncated = truncated;
    let limit = usize::try_from(guest.attempt.invocation.limits.inline_output).unwrap_or(usize::MAX);
    if guest.attempt.invocation.grants.staging.is_none() && stdout.len() > limit / 2 {
        // Nowhere to keep more; escapes at most double the usual text.
        let end = stdout.floor_char_boundary(limit / 2);
        stdout = stdout[..end].to_owned().into();
        truncated = true;
    }
    let mut output = serde_json::json!({"exitCode": 0, "stdout": stdout});
    if truncated {
        output["stdoutTruncated"] = true.into();
    }
    match RawValue::from_string(output.to_string()) {
        Ok(text) => keep_json(guest, text, |output| End::Command(0, output)),
        Err(e) => End::Refused(Refusal::internal("cannot write the output", e)),
    }
}

/// The end of an attempt that was asked to stop before it began.
#[must_use]
pub fn never_started(attempt: &Attempt, stop: Stop) -> Outcome {
    let facts = Facts { timeout: attempt.invocation.timeout, ..Facts::default() };
    classify(End::Stopped(stop), &facts)
}
