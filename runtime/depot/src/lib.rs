//! Where attempts keep what outlives their pods: artifacts, logs, checkpoints, compiled components.
//!
//! A [`Depot`] is one tenant's (or the operator's) part of an object store or of a folder; [`keys`] says what lies where
//! in it. [`claim`] brings a folder that only pods mount to those who are no pod. [`oci`] is the other place that components are had from: a registry.

mod checkpoint;
pub mod claim;
mod depot;
mod digest;
mod error;
pub mod keys;
pub mod oci;
mod settings;
mod store;
mod tls;
mod transfer;

pub use checkpoint::Tag;
pub use depot::{Copied, Depot, Object};
pub use digest::{Digest, Hasher};
pub use error::{Error, chain};
