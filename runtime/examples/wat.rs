//! Writes the `.wasm` of a `.wat` file: `wat IN OUT`.
#![allow(clippy::unwrap_used)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    std::fs::write(&args[2], wat::parse_file(&args[1]).unwrap()).unwrap();
}
