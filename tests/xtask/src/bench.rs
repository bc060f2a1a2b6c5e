//! Performance, as ratios to floors of the same run.

use crate::shell;
use crate::workspace::Workspace;
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, only: &[char]) -> Result<()> {
    workspace.build_binaries()?;
    workspace.build_guests()?;
    shell::run(workspace.release("build").args(["--quiet", "--workspace", "--example", "floor"]))?;
    let mut bench = workspace.program("wharf-bench");
    bench.args(only.iter().map(ToString::to_string)).env("WHARF_BIN_DIR", &workspace.bin);
    shell::run(&mut bench)
}
