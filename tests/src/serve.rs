//! A real coordinator in a folder of its own.

use crate::binaries::binary;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wharf::client::Client;

/// How long anything may take that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A folder with a config, and the state of whoever runs it.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
    env: Vec<(&'static str, OsString)>,
}

impl Home {
    /// A new folder with this config.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(config: &str) -> Result<Home> {
        let dir = tempfile::Builder::new().prefix("wharf-test-").tempdir()?;
        std::fs::write(dir.path().join("wharf.yaml"), config)?;
        Ok(Home { dir, env: Vec::new() })
    }

    /// With this variable in the environment of all that is started here.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Home {
        self.env.push((name, value.into()));
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// `wharf` (or another binary that takes its place) with this folder's config and state.
    #[must_use]
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(binary(program));
        command
            .arg("--config")
            .arg(self.dir.path().join("wharf.yaml"))
            .arg("--state-dir")
            .arg(self.state())
            .args(args)
            .env("WHARF_RUNTIME", binary("wharf-runtime"))
            .env_remove("WHARF_CONFIG")
            .env_remove("WHARF_STATE_DIR")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs `wharf` until it ends.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn wharf(&self, args: &[&str]) -> Result<Output> {
        Ok(self.command("wharf", args).output()?)
    }

    /// What `wharf` prints.
    ///
    /// # Errors
    /// Where it fails; with all that it said.
    pub fn said(&self, args: &[&str]) -> Result<String> {
        let output = self.wharf(args)?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "wharf {args:?}: {}\n{out}\n{err}", output.status);
        Ok(out.into_owned())
    }

    /// Starts `wharf serve` and waits until it is ready.
    ///
    /// # Errors
    /// Where it ends or is not ready in time; with what it said.
    pub async fn serve(&self) -> Result<Serve> {
        self.serve_with(&[]).await
    }

    /// As [`Home::serve`], with further arguments.
    ///
    /// # Errors
    /// As [`Home::serve`].
    pub async fn serve_with(&self, more: &[&str]) -> Result<Serve> {
        let log = self.dir.path().join("serve.log");
        let child = self.command("wharf", &[&["serve"], more].concat()).stderr(std::fs::File::create(&log)?).spawn()?;
        let mut serve = Serve { child, client: Client::new(self.state().join("wharf.sock")), log };
        serve.wait_ready().await?;
        Ok(serve)
    }
}

/// A running `wharf serve`; killed when dropped.
#[derive(Debug)]
pub struct Serve {
    child: Child,
    /// Speaks to it.
    pub client: Client,
    log: PathBuf,
}

impl Serve {
    async fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.client.get::<serde_json::Value>("/v1/health/ready").await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("wharf serve ended ({status}): {}", std::fs::read_to_string(&self.log).unwrap_or_default());
            }
            if Instant::now() > deadline {
                bail!("wharf serve is not ready in time: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it said on standard error so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory of its process in bytes.
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most resident memory that its process ever had, in bytes.
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn peak_resident(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|l| l.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn terminate(mut self) -> Result<std::process::ExitStatus> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid())?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        Ok(self.child.wait()?)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
