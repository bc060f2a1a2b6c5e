//! The store, as whoever implements [`wharf::store::Store`] must behave, and as SQLite is trusted to.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the failure message")]

mod conformance;
mod crash;
mod full_disk;
mod pruning;
mod refusals;
mod support;
mod walk;

use wharf::store::SqliteStore;

#[test]
fn sqlite_conforms() {
    conformance::conformance(|dir| SqliteStore::open(dir).unwrap());
}
