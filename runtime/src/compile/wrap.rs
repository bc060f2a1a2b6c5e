use std::borrow::Cow;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

/// A component as it is; a core module of WASI preview 1 wrapped with the adapter.
pub(super) fn as_component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    match encoding(bytes)? {
        Encoding::Component => Ok(Cow::Borrowed(bytes)),
        Encoding::Module => wrap(bytes).map(Cow::Owned),
    }
}

/// What the first bytes say that a file is.
pub(crate) fn encoding(bytes: &[u8]) -> Result<Encoding, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return Err("it does not begin as WebAssembly does (`\\0asm`)".into());
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(e)) => Err(e.to_string()),
        _ => Err("it has no WebAssembly header".into()),
    }
}

fn wrap(module: &[u8]) -> Result<Vec<u8>, String> {
    let encode = || {
        ComponentEncoder::default()
            .module(module)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)?
            .validate(true)
            .encode()
    };
    encode().map_err(|e| format!("it is a core module that cannot be wrapped as a command of WASI preview 1: {e:#}"))
}
