use crate::attempt::Attempt;
use crate::bindings;
use crate::engine::Runtime;
use crate::grants::artifacts::Staged;
use crate::grants::http::Http;
use crate::grants::{disk, environment};
use crate::limits::Limiter;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// Bytes that one host call may copy out of a guest.
const HOSTCALL_BYTES: usize = 64 << 20;

/// What the host keeps of one running guest.
pub(crate) struct Guest {
    pub(crate) attempt: Arc<Attempt>,
    pub(crate) limiter: Limiter,
    pub(crate) table: ResourceTable,
    pub(crate) staged: Staged,
    pub(crate) stdout: Option<environment::Capture>,
    /// Bytes of random numbers that may still be read.
    pub(crate) random_left: u64,
    /// Made when first used: many tasks touch nothing of it, and it costs as much as the rest of an instance.
    wasi: Option<Box<WasiCtx>>,
    http: Option<Box<Http>>,
}

impl Guest {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Guest {
        let limits = &attempt.invocation.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        Guest {
            limiter: Limiter::new(limits.memory),
            random_left: limits.random_bytes,
            staged: Staged::default(),
            stdout: None,
            table,
            wasi: None,
            http: None,
            attempt,
        }
    }

    /// Gives the guest a context that was made before, because making it can fail.
    pub(crate) fn set_wasi(&mut self, wasi: WasiCtx) {
        self.wasi = Some(Box::new(wasi));
    }

    /// HTTP requests that were sent.
    pub(crate) fn http_requests(&self) -> u64 {
        self.http.as_ref().map_or(0, |http| http.sent())
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| Box::new(environment::plain(&self.attempt)));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let http = self.http.get_or_insert_with(|| Box::new(Http::new(self.attempt.clone())));
        let (ctx, hooks) = http.parts();
        WasiHttpCtxView { hooks, table: &mut self.table, ctx }
    }
}

/// Everything that a component may import. What an attempt was not granted is refused by the call, not here.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    environment::add_exit_to_linker(&mut linker)?;
    bindings::Task::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    // Our own in place of wasmtime-wasi's: they count.
    linker.allow_shadowing(true);
    wasmtime_wasi::p2::bindings::random::random::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    disk::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// A fresh store for one guest, with its limits.
pub(crate) fn store(runtime: &Runtime, guest: Guest) -> Store<Guest> {
    let mut store = Store::new(runtime.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|cx| match cx.data().attempt.control.ended(Instant::now()) {
        Some(stop) => Err(Stopped(stop).into()),
        None => Ok(UpdateDeadline::Yield(1)),
    });
    store
}

/// The error by which a guest is ended in the midst of its own code.
#[derive(Debug)]
pub(crate) struct Stopped(pub crate::control::Stop);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ended by the runtime")
    }
}

impl std::error::Error for Stopped {}
