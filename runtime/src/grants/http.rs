//! `wasi:http/outgoing-handler`.

use crate::attempt::Attempt;
use std::sync::Arc;
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks};

type Answer = Result<(hyper::Response<WasiBody>, Io), wasmtime_wasi_http::Error>;
type Io = Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>;

pub(crate) struct Http {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}
struct Hooks {
    #[allow(dead_code)]
    attempt: Arc<Attempt>,
    sent: u64,
}
impl Http {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Http {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(32 << 10);
        Http { ctx, hooks: Hooks { attempt, sent: 0 } }
    }
    pub(crate) fn sent(&self) -> u64 {
        self.hooks.sent
    }
    pub(crate) fn parts(&mut self) -> (&mut WasiHttpCtx, &mut dyn WasiHttpHooks) {
        (&mut self.ctx, &mut self.hooks)
    }
}
impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _: hyper::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}
