//! The sandbox that runs one attempt of a WebAssembly task: [`wharf_contract::Invocation`] in,
//! [`wharf_contract::Outcome`] out. It knows no cluster, no config file and no token.

mod attempt;
mod bindings;
mod cache;
mod classify;
mod compile;
mod control;
mod engine;
mod execute;
mod grants;
mod imports;
mod inspect;
mod limits;
mod loader;
mod logs;
mod outbox;
mod refusal;
mod sandbox;
mod store;
mod ticker;

pub use attempt::{Attempt, Report};
pub use cache::{Cache, MAX_ENTRY, PublicKey};
pub use compile::{CompileLimits, MAX_WASM, Purpose, confined, ensure, parse_digest, read_component};
pub use control::{Control, Stop};
pub use engine::{Allocation, Cpus, Runtime, compiler, fingerprint};
pub use execute::{execute, never_started};
pub use imports::meaning;
pub use inspect::inspect;
pub use loader::{Absent, Loaded, Loader};
pub use outbox::Outbox;
pub use refusal::Refusal;
pub use store::Store;
pub use wharf_depot::Digest;
