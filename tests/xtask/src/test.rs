//! All tests: the workspace's and the guests', against the real binaries.

use crate::shell;
use crate::workspace::Workspace;
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    workspace.build_binaries()?;
    let failpoints = ["build", "--release", "--quiet", "--workspace", "--features", "wharf/failpoints", "--bin"];
    shell::run(workspace.cargo(&failpoints).arg("wharf-failpoints"))?;
    workspace.build_guests()?;
    let mut test = workspace.cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    shell::run(
        test.args(args).env("WHARF_BIN_DIR", &workspace.bin).env("WHARF_RUNTIME", workspace.bin.join("wharf-runtime")),
    )?;
    if args.is_empty() {
        shell::run(workspace.cargo(&["test", "--release", "--workspace"]).current_dir(workspace.root.join("plugins")))?;
    }
    Ok(())
}
