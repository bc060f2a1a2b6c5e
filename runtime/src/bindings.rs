//! What `wit/task.wit` says, as Rust.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "task",
    imports: {
        "wharf:task/state.load": async | trappable,
        "wharf:task/state.save": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "wharf:task/artifacts.reader": crate::grants::artifacts::Reader,
        "wharf:task/artifacts.writer": crate::grants::artifacts::Writer,
    },
});
