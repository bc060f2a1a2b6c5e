//! The scheduler, step by step: what is recorded and done after each.

mod backfills;
mod build;
mod fan_out;
mod plain;
mod retries;
mod schedules;
mod script;
mod world;
