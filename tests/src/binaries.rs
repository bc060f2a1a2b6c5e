//! Where `cargo xtask` put what it built.

use std::path::{Path, PathBuf};

/// A binary of the workspace by name.
///
/// # Panics
/// Where it was not built: a test must not pass because there is nothing to test.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let dir = std::env::var_os("WHARF_BIN_DIR").map_or_else(beside_this_one, PathBuf::from);
    let path = dir.join(name);
    assert!(path.is_file(), "{} is not there: run `cargo xtask test` or `cargo xtask build`", path.display());
    path
}

/// The archive of one of the project's images by name: `runtime`, `coordinator`.
///
/// # Panics
/// Where it was not packed.
#[must_use]
pub fn image(name: &str) -> PathBuf {
    binary(&format!("images/{name}.oci.tar"))
}

/// A component of `plugins/` by name, without `.wasm`.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    let path = root().join("plugins/dist").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there: run `cargo xtask test` or `cargo xtask build`", path.display());
    path
}

/// The checkout.
///
/// # Panics
/// Where the checkout that this was built from is gone.
#[must_use]
pub fn root() -> PathBuf {
    #[allow(clippy::expect_used, reason = "nothing can be tested without the checkout")]
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout is there")
}

fn beside_this_one() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let dir = me.parent().unwrap_or(Path::new(".")).to_path_buf();
    if dir.ends_with("deps") { dir.parent().map(Path::to_path_buf).unwrap_or(dir) } else { dir }
}
