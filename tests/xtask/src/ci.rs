//! What continuous integration checks besides the tests.

use crate::shell;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    shell::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    let lints = ["--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    shell::run(workspace.release("clippy").args(lints))?;
    let plugins = workspace.root.join("plugins");
    shell::run(workspace.cargo(&["fmt", "--all", "--check"]).current_dir(&plugins))?;
    shell::run(workspace.release("clippy").args(lints).current_dir(&plugins))?;
    deny(workspace)
}

/// Advisories need their database, which not every network reaches; licences, bans and sources are always checked.
fn deny(workspace: &Workspace) -> Result<()> {
    if Command::new("cargo-deny").arg("--version").output().is_err() {
        shell::run(&mut workspace.cargo(&["install", "--locked", "--quiet", "cargo-deny"]))?;
    }
    shell::run(&mut workspace.cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    if shell::run(&mut workspace.cargo(&["deny", "fetch", "db"])).is_err() {
        eprintln!("ci: the advisory database cannot be had from here: advisories were not checked");
        return Ok(());
    }
    shell::run(&mut workspace.cargo(&["deny", "--all-features", "check", "advisories"]))
}
