//! What a guest can reach, one door a file. Each is closed unless the invocation's grants open it.

pub(crate) mod artifacts;
mod context;
pub(crate) mod disk;
pub(crate) mod environment;
pub(crate) mod http;
mod log;
mod mounts;
mod output;
mod progress;
mod random;
mod secrets;
pub(crate) mod state;
