//! Write a wharf task in Rust: a typed function, compiled to a WebAssembly component.
//!
//! A task is a small crate of three files. `src/types.rs` says what goes in and comes out:
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// Whom to greet.
//! #[derive(Debug, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Input {
//!     /// A person's name.
//!     pub name: String,
//! }
//!
//! /// The greeting.
//! #[derive(Debug, PartialEq, Serialize, JsonSchema)]
//! pub struct Output {
//!     /// One line.
//!     pub text: String,
//! }
//! ```
//!
//! `src/lib.rs` does the work:
//!
//! ```
//! # mod types {
//! #     #[derive(serde::Deserialize)] pub struct Input { pub name: String }
//! #     #[derive(serde::Serialize, Debug, PartialEq)] pub struct Output { pub text: String }
//! # }
//! use types::{Input, Output};
//! use wharf_task::TaskError;
//!
//! pub fn run(input: Input) -> Result<Output, TaskError> {
//!     if input.name.is_empty() {
//!         return Err(TaskError::invalid_input("name is empty"));
//!     }
//!     wharf_task::log::info("greeting", &[("name", &input.name)]);
//!     Ok(Output { text: format!("Hello, {}!", input.name) })
//! }
//!
//! wharf_task::task!(run);
//!
//! // In the tests of the crate: natively the host's side is played by `wharf_task::testing`.
//! let host = wharf_task::testing::Host::new();
//! let output = host.enter(|| run(Input { name: "Ada".into() })).unwrap();
//! assert_eq!(output, Output { text: "Hello, Ada!".into() });
//! assert_eq!(host.logs()[0].message, "greeting");
//! ```
//!
//! `build.rs` reads the same types on the build machine and writes the manifest (name, version, JSON Schemas) that
//! [`task!`] puts into the component, so that the schemas in a binary are always those of its types:
//!
//! ```no_run
//! # mod types {
//! #     #[derive(schemars::JsonSchema)] pub struct Input;
//! #     #[derive(schemars::JsonSchema)] pub struct Output;
//! # }
//! /* #[path = "src/types.rs"]
//! mod types; */
//!
//! fn main() {
//!     wharf_task::build::manifest::<types::Input, types::Output>().write();
//! }
//! ```
//!
//! `types.rs` is compiled twice, once into `build.rs`: it names no other module of the crate. A crate that has this
//! one, serde and schemars as dependencies needs them as build-dependencies too.
//!
//! `cargo build --release --target wasm32-wasip2` then gives the finished component; `cargo test` tests it natively.

pub mod artifacts;
pub mod context;
mod entry;
mod error;
pub mod log;
pub mod progress;
pub mod secrets;
pub mod state;

#[cfg(not(target_arch = "wasm32"))]
pub mod build;
#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

/// Who answers a task's calls: the runtime, or natively the test double. Both give the same functions.
#[cfg(target_arch = "wasm32")]
use guest as host;
#[cfg(not(target_arch = "wasm32"))]
use testing as host;

pub use artifacts::Artifact;
pub use error::TaskError;

/// The world that a task is built against.
pub const WORLD: &str = "wharf:task/task@0.1.0";

/// Not for direct use: what [`task!`] expands to.
#[doc(hidden)]
pub mod __macro {
    pub use crate::entry::check;
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::{bindings, run};
}

/// Makes a function the task that the crate exports.
///
/// The function is `fn(I) -> Result<O, TaskError>` with `I: Deserialize` and `O: Serialize`. Input that is not an `I`
/// ends the attempt as invalid input, with the path to the place. The crate needs `crate-type = ["cdylib"]`
/// and a `build.rs` that calls [`build::manifest`].
#[macro_export]
macro_rules! task {
    ($run:path) => {
        const _: () = {
            #[allow(dead_code)]
            fn check() {
                $crate::__macro::check($run);
            }

            #[cfg(target_arch = "wasm32")]
            mod export {
                const MANIFEST: &[u8] = include_bytes!(concat!(
                    env!("OUT_DIR", "a task needs a build.rs that calls wharf_task::build::manifest"),
                    "/wharf-manifest.json"
                ));

                #[used]
                #[unsafe(link_section = "wharf:manifest")]
                static SECTION: [u8; MANIFEST.len()] = {
                    let mut section = [0; MANIFEST.len()];
                    section.copy_from_slice(MANIFEST);
                    section
                };
            }

            #[cfg(target_arch = "wasm32")]
            struct Task;

            #[cfg(target_arch = "wasm32")]
            impl $crate::__macro::bindings::Guest for Task {
                fn run(
                    input: $crate::__macro::bindings::Payload,
                ) -> ::core::result::Result<$crate::__macro::bindings::Payload, $crate::__macro::bindings::TaskError>
                {
                    $crate::__macro::run(input, $run)
                }
            }

            #[cfg(target_arch = "wasm32")]
    $crate::__macro::bindings::export!(Task with_types_in $crate::__macro::bindings);
        };
    };
}
