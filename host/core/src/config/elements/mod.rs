//! One element of a config a file: its shape, its validated type, its tests.

pub(super) mod backoff;
pub(super) mod component;
pub(super) mod coordinator;
pub(super) mod duration;
pub(super) mod env;
pub(super) mod flow;
pub(super) mod for_each;
pub(super) mod grants;
pub(super) mod metadata;
pub(super) mod mount;
pub(super) mod name;
pub(super) mod params;
pub(super) mod partitions;
pub(super) mod quantity;
pub(super) mod resources;
pub(super) mod retry;
pub(super) mod schedule;
pub(super) mod secret;
pub(super) mod task;
pub(super) mod tenant;
pub(super) mod volume;
