//! What a test cluster is made of.

use crate::shell;
use crate::workspace::Workspace;
use std::process::Command;

/// Builds it where a cluster can run; cold it takes a quarter of an hour, and a test that did it would look dead. Where none
/// can run, the tests that want one say so, or fail.
pub(crate) fn build(workspace: &Workspace) {
    let mut build = Command::new("go");
    build.args(["run", ".", "build"]).env("CGO_ENABLED", "0").current_dir(workspace.root.join("tests/cluster"));
    if let Err(error) = shell::run(&mut build) {
        eprintln!("tests on a cluster will not run: {error:#}");
    }
}
