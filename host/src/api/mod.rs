//! The local API: HTTP over a unix socket.

pub mod types;
