use super::{CompileLimits, MAX_WASM, Purpose, wrap};
use crate::cache::{Cache, Signer, read_bounded};
use crate::engine::{self, Cpus, fingerprint};
use crate::{Digest, Refusal};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;
use std::path::Path;
use wharf_contract::Cause;

/// What a compiler that failed tells its parent, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Verdict {
    pub cause: Cause,
    pub message: String,
}

/// The compiler's own process: limits itself, compiles one component, keeps it in the cache. On failure a verdict is
/// printed for the parent.
///
/// # Errors
/// Why the component cannot be compiled.
pub fn confined(
    cache: &Path,
    component: &Path,
    digest: &str,
    limits: CompileLimits,
    purpose: &Purpose,
) -> Result<(), Refusal> {
    let result = confine(limits).and_then(|()| compile(cache, component, digest, purpose));
    if let Err(refusal) = &result {
        let verdict = Verdict { cause: refusal.cause, message: refusal.message.clone() };
        if let Ok(text) = serde_json::to_string(&verdict) {
            println!("{text}");
        }
    }
    result
}

fn confine(limits: CompileLimits) -> Result<(), Refusal> {
    // The harder limit lies a little higher, so that the end by the softer one can be told from others.
    let limit = |resource, n| setrlimit(resource, Rlimit { current: Some(n), maximum: Some(n + 2) });
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .and_then(|()| limit(Resource::As, limits.memory))
        .and_then(|()| limit(Resource::Cpu, limits.cpu))
        .and_then(|()| limit(Resource::Core, 0))
        .map_err(|e| Refusal::internal("cannot set the compiler's limits", e))
}

fn compile(dir: &Path, component: &Path, digest: &str, purpose: &Purpose) -> Result<(), Refusal> {
    let cpus = if *purpose == Purpose::Own { Cpus::Own } else { Cpus::Baseline };
    let engine = engine::compiler(cpus).map_err(|e| Refusal::internal("cannot make the engine", e))?;
    let unusable = |keys: &Path, e| Refusal::internal(format_args!("cannot use the keys in {}", keys.display()), e);
    let signer = || match purpose {
        Purpose::Own => Signer::open(dir).map_err(|e| unusable(dir, e)),
        Purpose::Cluster { keys } => Signer::read(keys).map_err(|e| unusable(keys, e)),
    };
    let cache = match purpose {
        Purpose::Own => Cache::new(dir.to_owned(), &engine),
        Purpose::Cluster { .. } => Cache::sealed(dir.to_owned(), fingerprint(&engine), signer()?.public()),
    };
    let digest = parse_digest(digest)?;
    let keep = |e: io::Error| Refusal::internal(format_args!("cannot write to the cache {}", dir.display()), e);
    // Held until this process ends.
    let lock = cache.lock_file(&digest).map_err(keep)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| keep(e.into()))?;
    if cache.load(&digest).is_some() {
        return Ok(());
    }
    let bytes = read(component, &digest)?;
    let bytes = wrap::as_component(&bytes).map_err(|why| invalid(component, &why))?;
    let code = engine.precompile_component(&bytes).map_err(|e| invalid(component, &format!("{e:#}")))?;
    cache.store(&digest, &code, &signer()?).map_err(keep)
}

fn invalid(component: &Path, why: &str) -> Refusal {
    Refusal::new(Cause::InvalidComponent, format!("{} is no usable component: {why}", component.display()))
}

/// Reads a digest as the contract writes it.
///
/// # Errors
/// What else the text is.
pub fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).ok_or_else(|| {
        let text: Cow<'_, str> = text.chars().take(80).collect();
        Refusal::new(
            Cause::DigestMismatch,
            format!("`{text}` is no digest: it is written `sha256:` and 64 lower-case hex digits"),
        )
    })
}

/// Reads a component's file, which may have `max` bytes.
///
/// # Errors
/// Why it cannot be read.
pub fn read_component(component: &Path, max: u64) -> Result<Vec<u8>, Refusal> {
    read_bounded(component, max).map_err(|e| {
        let cause = match e.kind() {
            io::ErrorKind::FileTooLarge => Cause::InvalidComponent,
            _ => Cause::ComponentMissing,
        };
        Refusal::new(cause, format!("cannot read the component {}: {e}", component.display()))
    })
}

/// Reads a component's file, bounded, and checks that it is the one that was asked for.
fn read(component: &Path, digest: &Digest) -> Result<Vec<u8>, Refusal> {
    let shown = component.display();
    let bytes = read_component(component, MAX_WASM)?;
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(Refusal::new(
            Cause::DigestMismatch,
            format!("{shown} is {found}, not {digest} as pinned: the file was changed, or the pin is of another build"),
        ));
    }
    Ok(bytes)
}
