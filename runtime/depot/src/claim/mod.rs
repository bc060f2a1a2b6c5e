//! A store in a volume that only pods mount: one pod serves it by frames ([`wharf_contract::claim`]), and elsewhere it is a
//! [`crate::Depot`] like any other.

mod connection;
mod folder;
mod list;
mod objects;
mod remote;
mod serve;
mod wire;

pub use remote::{Activity, Dial, NoWay, Remote, Way};
pub use serve::Server;

pub(crate) use folder::put_if;
