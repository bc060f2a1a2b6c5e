//! The images, packed of what the tests ran.

use crate::shell;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::{Path, PathBuf};

pub(crate) fn run(workspace: &Workspace, output: Option<PathBuf>) -> Result<()> {
    workspace.build_binaries()?;
    pack(workspace, &output.unwrap_or_else(|| workspace.images()))
}

/// Packs the binaries that lie there.
pub(crate) fn pack(workspace: &Workspace, output: &Path) -> Result<()> {
    let mut pack = workspace.program("wharf-image");
    shell::run(pack.arg("--binaries").arg(&workspace.bin).arg("--output").arg(output))
}
