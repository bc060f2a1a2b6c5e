//! `wharf:task/secrets`: the secrets that `grants.secrets` names.

use crate::bindings::wharf::task::secrets::{Host, SecretError};
use crate::sandbox::Guest;

impl Host for Guest {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, SecretError>> {
        let secret = self.attempt.invocation.grants.secrets.get(&name);
        Ok(secret.map(|s| s.expose().to_owned()).ok_or(SecretError::NotGranted))
    }
}
