//! The pure half of wharf: config text to [`plan::Plan`], recorded [`event::Entry`]s to runs, runs to actions.
//!
//! Nothing here reads a clock, a file or a socket: time is an argument, what was recorded is an argument, and what is to
//! be done comes back as a value. The crate `wharf` performs it.

pub mod action;
pub mod config;
mod decide;
pub mod event;
pub mod partition;
pub mod plan;
pub mod pod;
pub mod quantity;
pub mod run;
pub mod schedule;
pub mod scheduler;
pub mod template;
pub mod time;
