//! The one loop: what came in goes to the scheduler, what it decided is made durable, and then performed.

mod handle;
mod options;

pub use handle::{Handle, StartError};
pub use options::{Config, Options};

/// Starts a coordinator: takes the lock, reads the config, brings back what the store holds, and opens the socket. When
/// this returns, requests are answered. To be called within a Tokio runtime made by [`build_runtime`].
///
/// # Errors
/// [`StartError`] says what is in the way; nothing is left running.
pub async fn start(_options: Options) -> Result<Handle, StartError> {
    Err(StartError::Internal("not there yet".into()))
}

/// The Tokio runtime that a coordinator is made for: few threads, little memory.
///
/// # Errors
/// What the operating system says.
pub fn build_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()
}
