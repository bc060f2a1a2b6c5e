//! A coordinator in this process, with the real runtime as its workers, spoken to over its socket.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test")]

mod api;
mod config;
mod runs;
mod support;
mod tcp;
mod workers;
