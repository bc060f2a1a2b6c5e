//! What goes between whoever starts an attempt and the runtime that runs it: [`Invocation`] in, [`Outcome`] out.
//!
//! Local and cluster differ only in who starts the process, so both speak these types and nothing else.
//! The crate is serde only: no I/O, no wasmtime, no Kubernetes.

mod attempt;
mod cause;
pub mod claim;
mod exit;
mod frame;
mod inspect;
mod invocation;
mod outcome;
mod payload;
pub mod pod;
mod secret;
mod store;

pub use attempt::{AttemptContext, AttemptId, PartitionContext};
pub use cause::{Cause, Fault};
pub use exit::ExitCode;
pub use frame::{FrameError, FromRuntime, LogLevel, LogLine, LogSource, MAX_FRAME, ToRuntime, decode, encode};
pub use inspect::{Import, Inspection, Manifest, World};
pub use invocation::{Component, Entry, Grants, HttpGrant, Invocation, Limits, Mount};
pub use outcome::{Outcome, Usage};
pub use payload::{Artifact, Payload};
pub use secret::Secret;
pub use store::StoreLocation;

/// The contract's version. A runtime refuses an invocation of another major version.
pub const CONTRACT_VERSION: u32 = 1;
