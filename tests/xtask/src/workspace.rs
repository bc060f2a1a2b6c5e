//! Where things are, and building them.

use crate::shell;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout and where its builds go.
pub(crate) struct Workspace {
    /// The checkout's folder.
    pub(crate) root: PathBuf,
    /// Folder of release binaries: `release` of [`Workspace::triple`].
    pub(crate) bin: PathBuf,
    /// The one target triple of tests, benches and images: this machine's.
    triple: String,
    /// Cargo's target folder.
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("no checkout here")?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let triple = host_triple()?;
        Ok(Workspace { bin: target.join(&triple).join("release"), root, triple, target })
    }

    /// Folder of the images' archives, unless another is named.
    pub(crate) fn images(&self) -> PathBuf {
        self.bin.join("images")
    }

    /// `cargo` in the checkout.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root);
        command
    }

    /// `cargo VERB` for the one triple and profile that tests and images share, so that nothing is built twice and what
    /// is shipped is what was tested: static, and without the paths of this machine in it.
    pub(crate) fn release(&self, verb: &str) -> Command {
        let mut command = self.cargo(&[verb, "--release", "--target", &self.triple]);
        let (link, paths) = (self.link(), self.paths());
        // A stable rustdoc takes no `--remap-path-prefix`; the tests in docs are shipped to nobody.
        command.env("CARGO_ENCODED_RUSTDOCFLAGS", link.join("\x1f"));
        command.env("CARGO_ENCODED_RUSTFLAGS", [paths, link].concat().join("\x1f"));
        command
    }

    /// No path of this machine in what is built. The checkout's own is not named, or a target folder that many checkouts
    /// share would be built anew for each; rustc is given relative paths of the checkout anyway. These flags and those of
    /// [`Workspace::link`] are for the target alone: build scripts and macros are built without, because the triple is
    /// named.
    fn paths(&self) -> Vec<String> {
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let mut flags = vec![remap(&self.target, "/target")];
        if let Some(home) = cargo_home() {
            flags.push(remap(&home, "/cargo"));
        }
        flags
    }

    /// How it is linked: an image FROM scratch has no C library.
    fn link(&self) -> Vec<String> {
        match self.triple.ends_with("-linux-gnu") {
            true => vec!["-Ctarget-feature=+crt-static".into()],
            false => Vec::new(),
        }
    }

    /// Every binary of the workspace: always the whole, because a part of it would have its dependencies built with
    /// other features, and so once more.
    pub(crate) fn build_binaries(&self) -> Result<()> {
        shell::run(self.release("build").args(["--quiet", "--workspace", "--bins"]))
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

fn host_triple() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|l| l.strip_prefix("host: ")).map(str::to_owned).context("`rustc -vV` names no host")
}

fn cargo_home() -> Option<PathBuf> {
    let home = || std::env::home_dir().map(|dir| dir.join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}
