//! `wasi:random/random`: always granted, up to `limits.randomBytes`.

use crate::Refusal;
use crate::sandbox::Guest;
use wasmtime_wasi::p2::bindings::random::random::Host;
use wharf_contract::Cause;

impl Guest {
    fn take_random(&mut self, bytes: u64) -> wasmtime::Result<()> {
        match self.random_left.checked_sub(bytes) {
            Some(left) => {
                self.random_left = left;
                Ok(())
            }
            None => Err(Refusal::new(
                Cause::ResourceLimit,
                format!(
                    "the guest read more random bytes than its limit of {}",
                    self.attempt.invocation.limits.random_bytes
                ),
            )
            .into()),
        }
    }
}

impl Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.take_random(len)?;
        let len = usize::try_from(len)?;
        let mut bytes = vec![0; len];
        fill(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.take_random(8)?;
        let mut bytes = [0; 8];
        fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
}

fn fill(bytes: &mut [u8]) {
    wasmtime_wasi::thread_rng().fill_bytes(bytes);
}
