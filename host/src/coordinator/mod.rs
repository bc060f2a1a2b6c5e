//! The one loop: what came in goes to the scheduler, what it decided is made durable, and then performed.

mod core_loop;
mod ending;
mod failpoint;
mod feed;
mod handle;
mod inflight;
mod notice;
mod options;
mod phase;
mod reload;
mod request;
mod requests;
mod signals;
mod start;
mod status;
mod upkeep;
mod vitals;
mod watch;
mod work;

pub use handle::{Handle, StartError};
pub use options::{Config, Options};
pub use phase::Phase;
pub use start::start;
pub use vitals::Vitals;

pub(crate) use failpoint::{Point, pass};
pub(crate) use feed::{Change, Readers};
pub(crate) use request::{Final, Input, Request, Underway, refused, unavailable};
pub(crate) use status::Status;

/// The Tokio runtime that a coordinator is made for: one thread for the loop, workers and requests, a few for what blocks.
///
/// # Errors
/// What the operating system says.
pub fn build_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()
}
