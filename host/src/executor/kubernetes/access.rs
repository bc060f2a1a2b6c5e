//! The way to the cluster, found once at the start.

use super::answer::Trouble;
use super::client::Cluster;
use crate::cluster::{ClusterError, access};
use crate::telemetry::{ClusterMetrics, CountCalls};
use kube::Client;
use kube::client::ClientBuilder;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// How long a cluster may be silent at the start.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// Which cluster, and who asks.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A kubeconfig; none: as `kubectl` finds it.
    pub kubeconfig: Option<PathBuf>,
    /// One of the kubeconfig's contexts; none: its current one.
    pub context: Option<String>,
}

impl Access {
    /// A client that leaves it to its callers to try again: they know what each call is worth, and what the API server's
    /// back-pressure means for the others. Its calls are counted.
    ///
    /// # Errors
    /// In words: there is no kubeconfig, or it cannot be used.
    pub(crate) async fn client(&self, metrics: &ClusterMetrics) -> Result<(Client, String), ClusterError> {
        let mut config = access(self.kubeconfig.as_deref(), self.context.as_deref()).await?;
        config.default_retry = false;
        let url = config.cluster_url.to_string();
        let client = ClientBuilder::try_from(config).map_err(|e| ClusterError::Credentials(e.to_string()))?;
        Ok((client.with_layer(&CountCalls(metrics.clone())).build(), url))
    }
}

/// Makes sure that the cluster answers, and that the namespaces of tenants are there.
///
/// # Errors
/// In words: the cluster does not answer, or does not know who asks.
pub(super) async fn look(cluster: &Cluster, url: &str, namespaces: &[String]) -> Result<(), ClusterError> {
    let mut missing = Vec::new();
    for namespace in namespaces {
        let until = Instant::now() + PATIENCE;
        loop {
            match cluster.has_namespace(namespace).await {
                Ok(true) => break,
                Ok(false) => {
                    missing.push(namespace.as_str());
                    break;
                }
                // That it may not be looked at says nothing of whether it is there, but that the cluster answers.
                Err(Trouble::Refused(_)) => break,
                Err(trouble) if Instant::now() >= until => {
                    return Err(match trouble {
                        Trouble::Absent(why) if why.starts_with("it answers 401") => {
                            ClusterError::Credentials(format!(
                                "the cluster at {url} does not know who asks: renew the kubeconfig's credentials, or name \
                             another one with --kubeconfig and --context"
                            ))
                        }
                        trouble => ClusterError::Unreachable(format!(
                            "the cluster at {url} does not answer: {trouble}; see whether `kubectl version` reaches it, or \
                             name another one with --kubeconfig and --context"
                        )),
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
    if !missing.is_empty() {
        tracing::warn!("there is no namespace {}: `wharf cluster apply` makes what is missing", missing.join(", "));
    }
    Ok(())
}
