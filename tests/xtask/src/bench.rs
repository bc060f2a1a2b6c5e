//! Performance, as ratios to floors of the same run.

use crate::workspace::Workspace;
use crate::{cluster, shell};
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, on_cluster: bool, only: &[char]) -> Result<()> {
    crate::build(workspace)?;
    if on_cluster {
        cluster::build(workspace);
    }
    shell::run(workspace.release("build").args(["--quiet", "--workspace", "--example", "floor"]))?;
    let mut bench = workspace.program("wharf-bench");
    bench
        .args(on_cluster.then_some("--cluster"))
        .args(only.iter().map(ToString::to_string))
        .env("WHARF_BIN_DIR", &workspace.bin);
    shell::run(&mut bench)
}
