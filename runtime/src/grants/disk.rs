//! Counts what a guest writes to its mounts, against `limits.disk`: every way to write a file's bytes goes through here
//! before wasmtime-wasi performs it.

use crate::attempt::Attempt;
use crate::sandbox::Guest;
use hyper::body::Bytes;
use std::io;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, HostDescriptor as _};
use wasmtime_wasi::p2::{DynOutputStream, FsResult, OutputStream, Pollable, StreamError, StreamResult};

/// The interface as this version of wasmtime-wasi names it; components of any 0.2 match it.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// Puts the counting functions in the place of wasmtime-wasi's.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap_async(
        "[method]descriptor.write",
        |mut cx: StoreContextMut<'_, Guest>, (fd, bytes, offset): (Resource<Descriptor>, Vec<u8>, u64)| {
            Box::new(async move {
                let guest = cx.data_mut();
                if !guest.attempt.take_disk(bytes.len()) {
                    return Ok((Err(ErrorCode::InsufficientSpace),));
                }
                Ok((code(guest.filesystem().write(fd, bytes, offset).await)?,))
            })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.set-size",
        |mut cx: StoreContextMut<'_, Guest>, (fd, size): (Resource<Descriptor>, u64)| {
            Box::new(async move {
                let guest = cx.data_mut();
                // A file's length alone takes no room; one beyond the limit could never be filled.
                if size > guest.attempt.invocation.limits.disk {
                    return Ok((Err(ErrorCode::InsufficientSpace),));
                }
                Ok((code(guest.filesystem().set_size(fd, size).await)?,))
            })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut cx: StoreContextMut<'_, Guest>, (fd, offset): (Resource<Descriptor>, u64)| {
            let guest = cx.data_mut();
            let stream = guest.filesystem().write_via_stream(fd, offset);
            Ok((counted(guest, stream)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut cx: StoreContextMut<'_, Guest>, (fd,): (Resource<Descriptor>,)| {
            let guest = cx.data_mut();
            let stream = guest.filesystem().append_via_stream(fd);
            Ok((counted(guest, stream)?,))
        },
    )
}

fn code<T>(result: FsResult<T>) -> wasmtime::Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(e) => Ok(Err(e.downcast()?)),
    }
}

type Stream = Resource<DynOutputStream>;

fn counted(guest: &mut Guest, stream: FsResult<Stream>) -> wasmtime::Result<Result<Stream, ErrorCode>> {
    let stream = match code(stream)? {
        Ok(stream) => stream,
        Err(e) => return Ok(Err(e)),
    };
    let inner = guest.table.delete(stream)?;
    let counted: DynOutputStream = Box::new(Counted { inner, attempt: guest.attempt.clone() });
    Ok(Ok(guest.table.push(counted)?))
}

struct Counted {
    inner: DynOutputStream,
    attempt: Arc<Attempt>,
}

fn full() -> StreamError {
    // With the number of the platform, from which wasmtime-wasi makes the guest's.
    let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
    StreamError::LastOperationFailed(full.into())
}

#[wasmtime_wasi::async_trait]
impl Pollable for Counted {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Counted {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.attempt.take_disk(bytes.len()) { self.inner.write(bytes) } else { Err(full()) }
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
