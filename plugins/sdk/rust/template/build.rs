//! Puts the schemas of `src/types.rs` into the component.

#[path = "src/types.rs"]
#[allow(dead_code)]
mod types;

fn main() {
    // A task that speaks to a host or needs a secret says so here: .http("api.example.org").secret("token")
    wharf_task::build::manifest::<types::Input, types::Output>().write();
}
