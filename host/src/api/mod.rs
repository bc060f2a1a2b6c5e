//! The local API: HTTP over a unix socket. What changes something goes through the loop and is answered when it is
//! durable; what only looks is answered from the store.

mod artifacts;
mod backfills;
mod extract;
mod logs;
mod runs;
mod server;
mod socket;
mod stream;
mod system;
pub mod types;
pub mod views;

pub(crate) use server::{Server, Shared};
