//! The program of `tests/cluster`, built from the checkout.

use crate::binaries::root;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program's exit code where no cluster can run on this machine as this user.
const UNFIT: i32 = 3;

/// The built program.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    path: PathBuf,
}

impl Tool {
    /// Builds it, which is quick when nothing changed; or says why it cannot be built here.
    pub(super) fn build() -> Result<Result<Tool, String>> {
        let module = root().join("tests/cluster");
        let fits = Command::new("go").args(["list", "-m"]).current_dir(&module).stdin(Stdio::null()).output();
        match fits {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Err("Go is missing".into())),
            Err(error) => return Err(error).context("cannot start go"),
            Ok(output) if !output.status.success() => {
                return Ok(Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")));
            }
            Ok(_) => {}
        }
        let me = std::env::current_exe()?;
        let dir = me.parent().context("a program lies in a folder")?;
        let part = tempfile::Builder::new().prefix("wharf-cluster-").tempdir_in(dir)?;
        let built = part.path().join("wharf-cluster");
        output(
            Command::new("go")
                .args(["build", "-trimpath", "-o"])
                .arg(&built)
                .arg(".")
                .env("CGO_ENABLED", "0")
                .current_dir(&module),
        )?;
        // Another test may run the one that is there: it is replaced, never written to.
        let path = dir.join("wharf-cluster");
        std::fs::rename(&built, &path)?;
        Ok(Ok(Tool { path }))
    }

    /// A verb for the cluster in this folder.
    pub(super) fn verb(&self, verb: &str, dir: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.arg(verb).arg("--dir").arg(dir).stdin(Stdio::null());
        command
    }

    /// The clusters that run.
    pub(super) fn list(&self) -> Result<String> {
        output(Command::new(&self.path).arg("list"))
    }

    /// Brings a cluster up; what it prints, or why none can run here.
    pub(super) fn up(&self, dir: &Path, args: &[String]) -> Result<Result<String, String>> {
        let done = self.verb("up", dir).args(["--output", "json"]).args(args).output()?;
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        match done.status.code() {
            Some(0) => Ok(Ok(String::from_utf8(done.stdout)?)),
            Some(UNFIT) => Ok(Err(said)),
            _ => bail!("{said}"),
        }
    }
}

/// What a command prints; its failure with what it said.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    if !done.status.success() {
        let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        bail!("{name} {}: {}: {}", args.join(" "), done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8(done.stdout)?)
}
