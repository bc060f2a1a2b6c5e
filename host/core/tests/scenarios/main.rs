//! The scheduler, step by step: what is recorded and done after each.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod backfills;
mod build;
mod fan_out;
mod plain;
mod retries;
mod schedules;
mod script;
mod waits;
mod world;
