//! A cluster of our own, made by `tests/cluster`.

use super::tool::{Tool, output};
use super::{Left, Write, audit, left};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a cluster is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nodes that only pretend to run pods, beside the real one. A pod that is to go there tolerates the taint
    /// `kwok.x-k8s.io/node=fake:NoSchedule` and selects the label `type: kwok`.
    pub kwok: u32,
    /// How those nodes pretend: a file of kwok's stages instead of `tests/cluster/stages/default.yaml`.
    pub stages: Option<PathBuf>,
    /// The process with whose end the cluster goes; this one where it is `None`.
    pub owner: Option<u32>,
}

/// A part of a cluster that can be stopped and started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store of the API server.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers, among them those of Jobs and nodes.
    Controllers,
    /// The scheduler.
    Scheduler,
    /// The agent of the real node.
    Kubelet,
    /// The container engine of the real node.
    Containerd,
    /// The agent of the nodes that pretend.
    Kwok,
    /// The object store.
    S3,
    /// The registry.
    Registry,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Etcd => "etcd",
            Part::ApiServer => "kube-apiserver",
            Part::Controllers => "kube-controller-manager",
            Part::Scheduler => "kube-scheduler",
            Part::Kubelet => "kubelet",
            Part::Containerd => "containerd",
            Part::Kwok => "kwok",
            Part::S3 => "s3",
            Part::Registry => "registry",
        }
    }
}

/// Where things are. Each service has two addresses: as this machine and the node's container engine see it, and as pods
/// see it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The cluster's folder.
    pub dir: PathBuf,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// URL of the S3 server.
    pub s3: String,
    /// The same from inside pods.
    pub s3_pods: String,
    /// Its region.
    pub s3_region: String,
    /// Its root's key.
    pub s3_access_key: String,
    /// Its root's secret.
    pub s3_secret_key: String,
    /// `host:port` of the registry, which speaks plain HTTP.
    pub registry: String,
    /// The same from inside pods.
    pub registry_pods: String,
    /// An image that is there from the start: `/tiny pause`, `/tiny say TEXT`.
    pub tiny_image: String,
    audit_log: PathBuf,
    kubectl: Vec<String>,
}

/// An account of the S3 server that reads, writes and lists below one prefix of one bucket, and nothing else.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Tenant {
    /// The bucket, which all tenants share.
    pub bucket: String,
    /// The tenant's prefix, with its slash.
    pub prefix: String,
    /// Its key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

/// A cluster of ours.
#[derive(Debug)]
pub struct Ours {
    tool: Tool,
    info: Info,
    /// True where this process brought it up.
    goes: bool,
    /// What of the usual places of a node was there before.
    before: Vec<&'static str>,
}

impl Ours {
    pub(super) fn start(tool: Tool, options: &Options) -> Result<Result<Ours, String>> {
        let before = left::there();
        let dir = tempfile::Builder::new().prefix("wharf-cluster-").tempdir()?.keep();
        let owner = options.owner.unwrap_or_else(std::process::id);
        let mut args = vec![format!("--owner={owner}"), format!("--kwok={}", options.kwok)];
        args.extend(options.stages.as_ref().map(|path| format!("--stages={}", path.display())));
        let up = tool.up(&dir, &args).and_then(|up| match up {
            Ok(text) => Ok(Ok(serde_json::from_str(&text)?)),
            Err(reason) => Ok(Err(reason)),
        });
        if !matches!(up, Ok(Ok(_))) {
            // It was made empty, and a cluster that does not come up removes all that it made.
            let _ = std::fs::remove_dir(&dir);
        }
        Ok(up?.map(|info| Ours { tool, info, goes: true, before }))
    }

    pub(super) fn borrowed(tool: Tool, dir: &Path) -> Result<Ours> {
        let text = output(tool.verb("info", dir).args(["--output", "json"]))?;
        Ok(Ours { tool, info: serde_json::from_str(&text)?, goes: false, before: left::there() })
    }

    /// Where things are.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    pub(super) fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.info.kubectl[0]);
        command.args(&self.info.kubectl[1..]);
        command
    }

    fn verb(&self, verb: &str, args: &[&str]) -> Result<String> {
        output(self.tool.verb(verb, &self.info.dir).args(args))
    }

    /// Ends a part, within two seconds.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn stop(&self, part: Part) -> Result<()> {
        self.verb("stop", &[part.name()]).map(drop)
    }

    /// Starts a part that was stopped; the API server and etcd serve when this returns.
    ///
    /// # Errors
    /// Where it runs, or does not come up.
    pub fn start_again(&self, part: Part) -> Result<()> {
        self.verb("start", &[part.name()]).map(drop)
    }

    /// Freezes a part with SIGSTOP.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn pause(&self, part: Part) -> Result<()> {
        self.verb("pause", &[part.name()]).map(drop)
    }

    /// Lets a frozen part go on.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn resume(&self, part: Part) -> Result<()> {
        self.verb("resume", &[part.name()]).map(drop)
    }

    /// Makes etcd forget all revisions but the latest. A watch from an older one is answered with 410 once the API server,
    /// restarted, does not hold it any more.
    ///
    /// # Errors
    /// Where etcd does not serve.
    pub fn compact(&self) -> Result<()> {
        self.verb("compact", &[]).map(drop)
    }

    /// Gives an OCI archive to the container engine, under the name in the archive's index.
    ///
    /// # Errors
    /// Where it is none.
    pub fn import(&self, archive: &Path) -> Result<()> {
        self.verb("import", &[archive.to_str().context("a path of UTF-8")?]).map(drop)
    }

    /// The account of a tenant on the S3 server: new, or as it was made before.
    ///
    /// # Errors
    /// Where the name is no DNS label.
    pub fn s3_tenant(&self, name: &str) -> Result<S3Tenant> {
        Ok(serde_json::from_str(&self.verb("s3-tenant", &[name])?)?)
    }

    /// A kubeconfig for a user of this name and these groups, who has no rights but those that the cluster gives to them.
    ///
    /// # Errors
    /// Where the cluster is gone.
    pub fn user_kubeconfig(&self, user: &str, groups: &[&str]) -> Result<String> {
        let groups: Vec<_> = groups.iter().map(|group| format!("--group={group}")).collect();
        let mut args = vec!["--user", user];
        args.extend(groups.iter().map(String::as_str));
        self.verb("kubeconfig", &args)
    }

    /// A kubeconfig for a service account, good for a day.
    ///
    /// # Errors
    /// Where there is no such service account.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<String> {
        self.verb("kubeconfig", &["--service-account", &format!("{namespace}/{name}")])
    }

    /// Every write that the API server took so far, but for those of the cluster's own parts. To count the writes of a
    /// client, let it be a user of its own ([`Ours::user_kubeconfig`]) or filter by user agent.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn writes(&self) -> Result<Vec<Write>> {
        audit::read(&self.info.audit_log)
    }

    /// What there is of the cluster on this machine, to see later whether anything of it is left.
    ///
    /// # Errors
    /// Where it is gone already.
    pub fn traces(&self) -> Result<Left> {
        Left::of(&self.tool.list()?, &self.info.dir, self.before.clone())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        if self.goes
            && let Err(error) = self.verb("down", &[])
        {
            eprintln!("the cluster in {} did not go down: {error:#}", self.info.dir.display());
        }
    }
}
