//! What wharf makes in a cluster before attempts can run there: the operator's namespace, and one for each tenant.
//!
//! [`objects`] says purely what that is; [`render()`] writes it as YAML for those who apply by other means; [`apply`] brings a
//! cluster to it by server-side apply and says what changed; [`remove()`] takes a tenant away again.

mod apply;
pub(crate) mod component;
mod connect;
mod diff;
mod error;
mod keys;
mod object;
mod objects;
mod remove;
mod render;
mod yaml;

pub use apply::{Applied, Apply, Change, apply};
pub use connect::{access, connect};
pub use error::ClusterError;
pub use keys::{KeyPair, compiler_key_yaml};
pub use object::{Kind, Object};
pub use objects::{COMPILER, Objects, Subject, Unfit, objects, settings};
pub use remove::{Remove, remove};
pub use render::render;

pub(crate) use keys::PUBLIC;
