//! Seattle's weather: one day, then all 1,461.

use crate::shell;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

pub(crate) fn run(workspace: &Workspace, state_dir: Option<PathBuf>) -> Result<()> {
    workspace.build_binaries()?;
    workspace.build_guests()?;
    let state = state_dir.unwrap_or_else(|| workspace.root.join(".wharf/demo"));
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
    }
    let wharf = |args: &[&str]| -> Command {
        let mut command = workspace.program("wharf");
        command.arg("--config").arg("deploy/examples/weather/weather.yaml").arg("--state-dir").arg(&state).args(args);
        command
    };
    shell::run(&mut wharf(&["check"]))?;
    shell::run(&mut wharf(&["run", "weather", "--partition", "2012-01-05"]))?;
    shell::run(&mut wharf(&["backfill", "weather", "--from", "2012-01-01", "--to", "2015-12-31"]))
}
