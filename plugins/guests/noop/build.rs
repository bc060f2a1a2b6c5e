//! A small stack: the default of 1 MiB would be most of what an instance holds.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-cdylib-link-arg=-zstack-size=16384");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
