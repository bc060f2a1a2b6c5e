//! `wharf:task/progress`: always granted, thinned out to the latest.

use crate::bindings::wharf::task::progress::Host;
use crate::sandbox::Guest;

/// Longest message in bytes.
const MAX_MESSAGE: usize = 1 << 10;

impl Host for Guest {
    fn report(&mut self, done: u64, total: Option<u64>, message: Option<String>) -> wasmtime::Result<()> {
        let message = message.map(|mut m| {
            m.truncate(m.floor_char_boundary(MAX_MESSAGE));
            m
        });
        self.attempt.progress(done, total, message);
        Ok(())
    }
}
