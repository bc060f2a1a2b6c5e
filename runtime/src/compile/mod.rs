//! From an author's `.wasm` to a signed entry of the cache, in a process of its own with its own limits: a compiler is a
//! large program, and what it reads here was written by a stranger.

mod confined;
mod wrap;

pub(crate) use wrap::encoding;

pub use confined::{confined, parse_digest, read_component};

use crate::cache::Cache;
use crate::{Digest, Refusal};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use wharf_contract::Cause;

/// Largest `.wasm` file in bytes.
pub const MAX_WASM: u64 = 128 << 20;

/// What one compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space in bytes.
    pub memory: u64,
    /// Seconds of CPU time.
    pub cpu: u64,
    /// Seconds from start to end.
    pub wall: u64,
}

impl Default for CompileLimits {
    fn default() -> CompileLimits {
        CompileLimits { memory: 4 << 30, cpu: 120, wall: 120 }
    }
}

/// For whom a component is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// For this machine: by the keys of its cache, which are made when first needed.
    Own,
    /// For every node of a cluster: by the keys in this folder.
    Cluster {
        /// Holds `compiler.key`.
        keys: PathBuf,
    },
}

/// Sees to it that the cache has this component: where it has not, a child process compiles it. True if it did.
///
/// # Errors
/// Why the component cannot be compiled; [`Cause::CompileLimit`] where that took more than the limits.
pub async fn ensure(
    cache: &Cache,
    component: &Path,
    digest: &Digest,
    limits: CompileLimits,
    purpose: &Purpose,
) -> Result<bool, Refusal> {
    if cache.has(digest) {
        return Ok(false);
    }
    let mut command = tokio::process::Command::new("/proc/self/exe");
    if let Purpose::Cluster { keys } = purpose {
        command.arg("compile").arg("--cluster-keys").arg(keys);
    } else {
        command.arg("compile");
    }
    let mut child = command
        .arg("--confined")
        .arg("--cache")
        .arg(cache.dir())
        .arg("--digest")
        .arg(digest.to_string())
        .arg("--memory")
        .arg(limits.memory.to_string())
        .arg("--cpu")
        .arg(limits.cpu.to_string())
        .arg("--")
        .arg(component)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads(limits.memory, std::thread::available_parallelism().ok()).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Refusal::internal("cannot start the compiler", e))?;
    let mut said = Vec::new();
    let done = tokio::time::timeout(Duration::from_secs(limits.wall), async {
        if let Some(out) = child.stdout.take() {
            out.take(64 << 10).read_to_end(&mut said).await?;
        }
        child.wait().await
    });
    match done.await {
        Err(_) => Err(over(&format!("did not end within {} s", limits.wall))),
        Ok(Err(e)) => Err(Refusal::internal("cannot wait for the compiler", e)),
        Ok(Ok(status)) => verdict(status, &said, limits).map(|()| true),
    }
}

/// Threads that the compiler may have. Each reserves address space for its stack and for the pieces that it allocates,
/// which counts against the limit: on a machine of many cores that alone would be more than the limit.
fn threads(memory: u64, cpus: Option<NonZero<usize>>) -> u64 {
    const EACH: u64 = 128 << 20;
    (memory / EACH).clamp(1, cpus.map_or(1, |n| n.get() as u64))
}

fn over(how: &str) -> Refusal {
    Refusal::new(Cause::CompileLimit, format!("compiling the component {how}; a smaller component may compile"))
}

/// What the end of the compiler's process means.
fn verdict(status: std::process::ExitStatus, said: &[u8], limits: CompileLimits) -> Result<(), Refusal> {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGABRT: i32 = 6;
    const SIGKILL: i32 = 9;
    const SIGSEGV: i32 = 11;
    const SIGXCPU: i32 = 24;
    if status.success() {
        return Ok(());
    }
    match status.signal() {
        Some(SIGXCPU) => Err(over(&format!("took more than {} s of CPU time", limits.cpu))),
        // Where memory runs out, the allocator aborts the process, or a thread's stack cannot be mapped.
        Some(SIGABRT | SIGKILL) => Err(over(&format!("took more than {} MiB of memory", limits.memory >> 20))),
        // The stack is part of the limited memory: where that is full, it cannot grow.
        Some(SIGSEGV) => {
            let mib = limits.memory >> 20;
            Err(over(&format!("overflowed the compiler's stack or took more than {mib} MiB of memory")))
        }
        Some(n) => Err(Refusal::new(Cause::Internal, format!("the compiler was ended by signal {n}"))),
        None => Err(match serde_json::from_slice::<confined::Verdict>(said) {
            Ok(v) => Refusal::new(v.cause, v.message),
            // A panic: of the compiler over this component, or of its library where no thread can be started. Either
            // way it is bound to this component and these limits, and must not be tried without end.
            Err(_) => over("crashed the compiler, most likely for want of memory"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    #[test]
    fn a_small_limit_of_memory_means_few_threads() {
        let check = |mib: u64, cpus: usize, expect: u64| {
            assert_eq!(threads(mib << 20, NonZero::new(cpus)), expect, "{mib} MiB, {cpus} CPUs");
        };
        check(64, 64, 1);
        check(256, 64, 2);
        check(4096, 64, 32);
        check(4096, 2, 2);
        assert_eq!(threads(4 << 30, None), 1);
    }

    #[test]
    fn each_end_of_the_compiler_has_its_cause() {
        let said = br#"{"cause":"invalid-component","message":"truncated"}"#;
        let check = |raw: i32, said: &[u8], expect: Option<Cause>| {
            let got = verdict(ExitStatus::from_raw(raw), said, CompileLimits::default());
            assert_eq!(got.err().map(|r| r.cause), expect, "status {raw}");
        };
        check(0, b"", None);
        check(24, b"", Some(Cause::CompileLimit));
        check(6, b"", Some(Cause::CompileLimit));
        check(9, b"", Some(Cause::CompileLimit));
        check(4, b"", Some(Cause::Internal));
        check(16 << 8, said, Some(Cause::InvalidComponent));
        check(101 << 8, b"", Some(Cause::CompileLimit));
    }
}
