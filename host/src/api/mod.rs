//! The API: HTTP over a unix socket, and over TCP to those who may. What changes something goes through the loop and is
//! answered when it is durable; what only looks is answered from the store.

mod artifacts;
mod auth;
mod backfills;
mod extract;
mod health;
mod listen;
mod logs;
mod runs;
mod server;
mod socket;
mod stream;
mod system;
mod tcp;
mod tls;
pub mod types;
pub mod views;

pub(crate) use auth::Reviewer;
pub use health::Health;
pub use listen::{Authentication, Listen, TlsFiles};
pub(crate) use server::{Door, Server, Shared};
