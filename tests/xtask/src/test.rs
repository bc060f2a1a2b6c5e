//! All tests: the workspace's and the guests', against the real binaries.

use crate::workspace::Workspace;
use crate::{cluster, shell};
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    crate::build(workspace)?;
    cluster::build(workspace);
    let failpoints = ["--quiet", "--workspace", "--features", "wharf/failpoints", "--bin", "wharf-failpoints"];
    shell::run(workspace.release("build").args(failpoints))?;
    let mut test = workspace.release("test");
    test.args(["--workspace", "--no-fail-fast"]).args(args);
    shell::run(test.env("WHARF_BIN_DIR", &workspace.bin).env("WHARF_RUNTIME", workspace.bin.join("wharf-runtime")))?;
    if args.is_empty() {
        shell::run(workspace.release("test").arg("--workspace").current_dir(workspace.root.join("plugins")))?;
    }
    Ok(())
}
