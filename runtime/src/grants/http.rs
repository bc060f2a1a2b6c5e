//! `wasi:http/outgoing-handler`: requests to what `grants.http` lists. The name is looked up once, what it gives is
//! checked, and that very address is dialled; a redirect is the guest's to follow, by another request that is checked.

mod policy;
mod send;

use crate::attempt::Attempt;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks};
use wharf_contract::LogLevel;

/// Largest header section in bytes, as it lies in memory.
const MAX_FIELDS: usize = 64 << 10;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(hyper::Response<WasiBody>, Io), Error>;

/// The state of a guest's HTTP.
pub(crate) struct Http {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

impl Http {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Http {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_FIELDS);
        Http { ctx, hooks: Hooks { attempt, sent: 0 } }
    }

    /// Requests that were allowed.
    pub(crate) fn sent(&self) -> u64 {
        self.hooks.sent
    }

    pub(crate) fn parts(&mut self) -> (&mut WasiHttpCtx, &mut dyn WasiHttpHooks) {
        (&mut self.ctx, &mut self.hooks)
    }
}

struct Hooks {
    attempt: Arc<Attempt>,
    sent: u64,
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: hyper::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let attempt = self.attempt.clone();
        let destination = policy::destination(request.method().as_str(), request.uri())
            .and_then(|d| policy::allow(&attempt.invocation.grants.http, &d).map(|private| (d, private)));
        match destination {
            Ok((destination, private)) => {
                self.sent += 1;
                Box::new(async move {
                    let sent = send::send(request, &destination, private, options.unwrap_or_default()).await;
                    if let Err(Error::DestinationIpProhibited) = sent {
                        let message = format!(
                            "HTTP to {destination} was refused: it resolves to a private address; \
                             set `private: true` in its entry of `grants.http` if that is meant"
                        );
                        attempt.note(LogLevel::Warn, message);
                    }
                    sent
                })
            }
            Err(why) => {
                attempt.note(LogLevel::Warn, why);
                Box::new(async { Err(Error::HttpRequestDenied) })
            }
        }
    }
}
