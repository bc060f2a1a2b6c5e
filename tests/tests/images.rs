//! The project's own images, as `cargo xtask build` packed them.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::Command;
use wharf_tests::binaries::{binary, image};

#[test]
fn packed_again_they_are_the_same_bytes() {
    let program = binary("wharf-image");
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(&program)
        .arg("--binaries")
        .arg(program.parent().unwrap())
        .arg("--output")
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["runtime", "coordinator"] {
        let again = std::fs::read(dir.path().join(format!("{name}.oci.tar"))).unwrap();
        assert!(again == std::fs::read(image(name)).unwrap(), "the {name} image is another one");
    }
}
