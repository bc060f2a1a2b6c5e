//! wharf: decides what is due, has it run, records how it ended, and answers for it.
//!
//! The decisions are made in `wharf_core`; this crate performs them: one loop, a store, executors, an API, a command line.

pub mod api;
pub mod artifacts;
pub mod cli;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod coordinator;
pub mod depots;
pub mod executor;
pub mod leader;
pub mod load;
pub mod logs;
#[cfg(test)]
mod samples;
pub mod secrets;
pub mod store;
pub mod telemetry;
