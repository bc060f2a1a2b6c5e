//! Where things are, and building them.

use crate::shell;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout and where its builds go.
pub(crate) struct Workspace {
    /// The checkout's folder.
    pub(crate) root: PathBuf,
    /// Folder of release binaries.
    pub(crate) bin: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("no checkout here")?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Workspace { bin: target.join("release"), root })
    }

    /// `cargo` in the checkout.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root);
        command
    }

    /// Every binary of the workspace: always the whole, because a part of it would have its dependencies built with
    /// other features, and so once more.
    pub(crate) fn build_binaries(&self) -> Result<()> {
        shell::run(&mut self.cargo(&["build", "--release", "--quiet", "--workspace", "--bins"]))
    }

    /// The components of `plugins/`, into `plugins/dist/`.
    pub(crate) fn build_guests(&self) -> Result<()> {
        shell::run(Command::new("bash").arg(self.root.join("plugins/build.sh")).current_dir(&self.root))
    }

    /// A binary that [`Workspace::build_binaries`] made.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("WHARF_RUNTIME", self.bin.join("wharf-runtime")).current_dir(&self.root);
        command
    }
}
