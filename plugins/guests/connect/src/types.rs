//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Where to connect to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// For example `127.0.0.1`.
    pub address: Ipv4Addr,
    /// TCP port.
    pub port: u16,
}

/// Success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Always true: a connection that is refused is an error.
    pub connected: bool,
}
