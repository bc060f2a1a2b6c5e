//! What goes in and comes out. `build.rs` reads this file too: it names no other module of the crate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom to greet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A person's name.
    pub name: String,
}

/// The greeting.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Output {
    /// One line.
    pub text: String,
}
