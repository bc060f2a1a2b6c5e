//! Who asks over TCP, and what they may: a token that the cluster knows, and rights that the cluster gives. Everything is
//! refused that is not allowed in words, by [`Route`]'s table.

mod cache;
mod gate;
mod local;
mod review;
mod rights;
mod scope;
mod token;

pub(crate) use gate::Gate;
pub(super) use gate::{Guard, guard};
pub(crate) use review::Reviewer;
pub(crate) use rights::Route;
pub(crate) use scope::Scope;
