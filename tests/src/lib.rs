//! What crosses crates: real processes, misbehaving guests, benches. The binaries are built by `cargo xtask`.

pub mod bench;
pub mod binaries;
pub mod cluster;
pub mod cluster_world;
pub mod config;
pub mod prometheus;
pub mod serve;
pub mod weather;
