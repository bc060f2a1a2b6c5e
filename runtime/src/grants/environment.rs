//! What a program finds around it: environment variables from `grants.env` and `grants.secretEnv`, arguments, standard
//! streams, mounts. Clocks are always granted, sockets never.

use crate::Refusal;
use crate::attempt::Attempt;
use crate::grants::mounts;
use crate::grants::output::Output;
use crate::sandbox::Guest;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxBuilder};
use wharf_contract::LogSource;

/// What a wrapped core program imports in place of preview 1's `proc_exit`, whose adapter knows only 0 and 1.
pub(crate) const EXIT_INTERFACE: &str = "wharf:adapter/exit@0.1.0";
/// Its function: ends with this code.
pub(crate) const EXIT_FUNCTION: &str = "exit";

/// Adds [`EXIT_INTERFACE`].
pub(crate) fn add_exit_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let exit = |_: StoreContextMut<'_, Guest>, (code,): (u8,)| -> wasmtime::Result<()> {
        Err(I32Exit(i32::from(code)).into())
    };
    linker.instance(EXIT_INTERFACE)?.func_wrap(EXIT_FUNCTION, exit)
}

/// Most bytes of standard output that go into a command's outcome.
const MAX_CAPTURE: usize = 1 << 20;

/// The start of a command's standard output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Captured>>);

/// See [`Capture::take`].
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub bytes: Vec<u8>,
    pub truncated: bool,
}

impl Capture {
    pub(crate) fn add(&self, bytes: &[u8]) {
        let mut captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = bytes.len().min(MAX_CAPTURE - captured.bytes.len());
        captured.bytes.extend_from_slice(&bytes[..room]);
        captured.truncated |= room < bytes.len();
    }

    /// What was written so far.
    pub(crate) fn take(&self) -> Captured {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a command finds besides what every guest finds.
#[derive(Default)]
pub(crate) struct Program {
    pub args: Vec<String>,
    pub stdin: Option<Vec<u8>>,
    pub capture: Option<Capture>,
}

/// The surroundings of a guest that has no mounts and is no command: nothing of it can fail.
pub(crate) fn plain(attempt: &Arc<Attempt>) -> WasiCtx {
    builder(attempt, None).build()
}

/// The surroundings of a guest.
pub(crate) fn full(attempt: &Arc<Attempt>, program: Program) -> Result<WasiCtx, Refusal> {
    let mut builder = builder(attempt, program.capture);
    builder.args(&program.args);
    if let Some(input) = program.stdin {
        builder.stdin(MemoryInputPipe::new(input));
    }
    mounts::add(&mut builder, &attempt.invocation.grants.mounts)?;
    Ok(builder.build())
}

fn builder(attempt: &Arc<Attempt>, capture: Option<Capture>) -> WasiCtxBuilder {
    let mut builder = WasiCtxBuilder::new();
    let grants = &attempt.invocation.grants;
    for (name, value) in &grants.env {
        builder.env(name, value);
    }
    for (name, secret) in &grants.secret_env {
        builder.env(name, secret.expose());
    }
    builder.stdout(Output { attempt: attempt.clone(), source: LogSource::Stdout, capture });
    builder.stderr(Output { attempt: attempt.clone(), source: LogSource::Stderr, capture: None });
    builder.max_random_size(attempt.invocation.limits.random_bytes.min(1 << 20));
    builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    builder
}
