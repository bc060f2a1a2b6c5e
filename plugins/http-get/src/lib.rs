//! Fetches a URL by HTTP GET from a granted host.

#[cfg_attr(not(any(test, target_arch = "wasm32")), allow(dead_code, reason = "used by fetch"))]
mod answer;
#[cfg(target_arch = "wasm32")]
mod fetch;
pub mod types;
mod url;

use types::{Input, Output};
use wharf_task::TaskError;

/// Fetches the URL; follows no redirect.
///
/// # Errors
/// Invalid input for a URL that cannot be used. Retryable for an answer that may change (408, 425, 429, 5xx; its
/// `Retry-After` is kept) and a connection that broke. Permanent for every other answer, and for a host that is not
/// granted.
pub fn run(input: Input) -> Result<Output, TaskError> {
    let url = url::Url::parse(&input.url).map_err(|why| TaskError::invalid_input(format!("input.url: {why}")))?;
    fetch(&input, &url)
}

wharf_task::task!(run);

#[cfg(target_arch = "wasm32")]
use fetch::fetch;

/// Only the runtime gives a task HTTP: the test double of the SDK has none.
#[cfg(not(target_arch = "wasm32"))]
fn fetch(_: &Input, url: &url::Url<'_>) -> Result<Output, TaskError> {
    Err(TaskError::permanent(format!("{}: HTTP is there only in the runtime", url.authority)))
}
