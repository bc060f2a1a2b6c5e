//! Puts the schemas of `types.rs` into the component.

#[path = "src/types.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the schemas are used here")]
mod types;

fn main() {
    wharf_task::build::manifest::<types::Input, types::Output>().write();
}
