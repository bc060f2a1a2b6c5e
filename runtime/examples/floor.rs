//! What wasmtime alone costs on this machine: the floor under the runtime's own figures.
//!
//! `floor [SECONDS]` prints one JSON object: microseconds for compiling, loading and one fresh invocation (a new store,
//! an instance, a call, all dropped), with warm slots and without.

use std::time::{Duration, Instant};
use wasmtime::component::{Component, ComponentType, InstancePre, Lift, Linker, Lower};
use wasmtime::{Engine, Store};
use wharf_runtime::{Allocation, Runtime};

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Artifact {
    digest: String,
    size: u64,
    name: String,
    #[component(name = "media-type")]
    media_type: Option<String>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum Payload {
    #[component(name = "json")]
    Json(String),
    #[component(name = "artifact")]
    Artifact(Artifact),
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct RetryHint {
    message: String,
    after: Option<u64>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum TaskError {
    #[component(name = "invalid-input")]
    InvalidInput(String),
    #[component(name = "retryable")]
    Retryable(RetryHint),
    #[component(name = "permanent")]
    Permanent(String),
    #[component(name = "cancelled")]
    Cancelled(String),
}

fn main() -> wasmtime::Result<()> {
    let seconds = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1.0);
    let span = Duration::from_secs_f64(seconds);
    let wasm = wat::parse_str(include_str!("../tests/guests/task.wat").replace("@BODY@", ""))?;

    let pooled = Runtime::new(Allocation::Pooling { concurrency: 16 })?;
    let fresh = Runtime::new(Allocation::OnDemand)?;
    let code = pooled.engine().precompile_component(&wasm)?;
    let compile = each(span, || pooled.engine().precompile_component(&wasm).map(drop))?;
    // SAFETY: compiled by this very engine, above.
    let load = each(span, || unsafe { Component::deserialize(pooled.engine(), &code) }.map(drop))?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let invoke = |engine: &Engine| -> wasmtime::Result<f64> {
        // SAFETY: as above.
        let component = unsafe { Component::deserialize(engine, &code) }?;
        let pre = Linker::<()>::new(engine).instantiate_pre(&component)?;
        tokio.block_on(async {
            let (start, mut n) = (Instant::now(), 0u32);
            while start.elapsed() < span {
                once(engine, &pre).await?;
                n += 1;
            }
            wasmtime::Result::Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(n))
        })
    };
    let figures = serde_json::json!({
        "compileUs": round(compile),
        "loadUs": round(load),
        "invokePooledUs": round(invoke(pooled.engine())?),
        "invokeOnDemandUs": round(invoke(fresh.engine())?),
        "wasmBytes": wasm.len(),
        "codeBytes": code.len(),
    });
    println!("{figures}");
    Ok(())
}

async fn once(engine: &Engine, pre: &InstancePre<()>) -> wasmtime::Result<()> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = pre.instantiate_async(&mut store).await?;
    let run = instance.get_typed_func::<(Payload,), (Result<Payload, TaskError>,)>(&mut store, "run")?;
    let (answer,) = run.call_async(&mut store, (Payload::Json("{}".into()),)).await?;
    match answer {
        Ok(Payload::Json(text)) if text == "{}" => Ok(()),
        _ => Err(wasmtime::Error::msg("the guest did not return its input")),
    }
}

/// Microseconds that one call takes, over a span of time.
fn each(span: Duration, mut call: impl FnMut() -> wasmtime::Result<()>) -> wasmtime::Result<f64> {
    let (start, mut n) = (Instant::now(), 0u32);
    while n == 0 || start.elapsed() < span {
        call()?;
        n += 1;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(n))
}

fn round(us: f64) -> f64 {
    (us * 10.0).round() / 10.0
}
