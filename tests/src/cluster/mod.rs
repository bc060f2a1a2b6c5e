//! A real Kubernetes for tests: the one that the user names, else one of our own that goes when the test ends.
//!
//! `WHARF_TEST_KUBECONFIG` names the kubeconfig of a cluster to use. Where it is not set, `tests/cluster` brings one up,
//! which takes root and Go. Where neither can be, a test says in one line that it did not run; with `WHARF_CI=1`, it fails.

mod audit;
mod left;
mod ours;
mod tool;

pub use audit::Write;
pub use left::Left;
pub use ours::{Info, Options, Ours, Part, S3Tenant};

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tool::Tool;

/// Names the kubeconfig of the cluster that tests use.
pub const KUBECONFIG_VARIABLE: &str = "WHARF_TEST_KUBECONFIG";

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    ours: Option<Ours>,
}

impl Cluster {
    /// The cluster of this process: all its tests share it, and it goes with the process. It has one node of kwok beside
    /// the real one. `None` where there can be none, which has then been said.
    ///
    /// # Panics
    /// Where one should come up and does not; with `WHARF_CI=1`, also where there can be none.
    pub fn shared() -> Option<&'static Cluster> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::or_say(Self::find(&Options { kwok: 1, ..Options::default() }))).as_ref()
    }

    /// A cluster of ours for one test alone, which goes when it is dropped, or with the process. `None` as with
    /// [`Cluster::shared`].
    ///
    /// # Panics
    /// As [`Cluster::shared`].
    #[must_use]
    pub fn alone(options: &Options) -> Option<Cluster> {
        Self::or_say(Self::start(options))
    }

    fn find(options: &Options) -> Result<Result<Cluster, String>> {
        match std::env::var_os(KUBECONFIG_VARIABLE) {
            Some(kubeconfig) => Ok(Ok(Self::named(Path::new(&kubeconfig))?)),
            None => Self::start(options),
        }
    }

    /// The cluster that a kubeconfig names. One of ours is known by what lies beside it.
    fn named(kubeconfig: &Path) -> Result<Cluster> {
        let kubeconfig =
            kubeconfig.canonicalize().with_context(|| format!("{}: {KUBECONFIG_VARIABLE}", kubeconfig.display()))?;
        let dir = kubeconfig.parent().context("a file has a folder")?;
        if !dir.join("cluster.json").is_file() {
            return Ok(Cluster { kubeconfig, ours: None });
        }
        match Tool::build()? {
            Ok(tool) => Ok(Cluster { ours: Some(Ours::borrowed(tool, dir)?), kubeconfig }),
            Err(reason) => bail!("{reason}"),
        }
    }

    fn start(options: &Options) -> Result<Result<Cluster, String>> {
        let tool = match Tool::build()? {
            Ok(tool) => tool,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(Ours::start(tool, options)?
            .map(|ours| Cluster { kubeconfig: ours.info().kubeconfig.clone(), ours: Some(ours) }))
    }

    #[allow(clippy::panic, reason = "a test must not pass because there is nothing to test it on")]
    fn or_say(found: Result<Result<Cluster, String>>) -> Option<Cluster> {
        let reason = match found {
            Ok(Ok(cluster)) => return Some(cluster),
            Ok(Err(reason)) => reason,
            Err(error) => panic!("no cluster: {error:#}"),
        };
        assert!(std::env::var_os("WHARF_CI").is_none_or(|v| v != "1"), "not run: tests on a cluster: {reason}");
        eprintln!("not run: tests on a cluster: {reason}; or set {KUBECONFIG_VARIABLE}");
        None
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What only a cluster of ours has: object store, registry, parts that can be stopped.
    #[must_use]
    pub fn ours(&self) -> Option<&Ours> {
        self.ours.as_ref()
    }

    /// `kubectl` as the administrator, or as another whose kubeconfig is given among the arguments.
    #[must_use]
    pub fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = match &self.ours {
            Some(ours) => ours.kubectl(),
            None => Command::new("kubectl"),
        };
        command.env("KUBECONFIG", &self.kubeconfig).args(args).stdin(Stdio::null());
        command
    }

    /// What `kubectl` prints.
    ///
    /// # Errors
    /// Where it fails; with what it said.
    pub fn kubectl_output(&self, args: &[&str]) -> Result<String> {
        tool::output(&mut self.kubectl(args))
    }

    /// Applies a manifest.
    ///
    /// # Errors
    /// Where the API server refuses it.
    pub fn apply(&self, manifest: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), manifest)?;
        let path = file.path().to_str().context("a temporary file has an ordinary name")?;
        self.kubectl_output(&["apply", "--filename", path]).map(drop)
    }
}
