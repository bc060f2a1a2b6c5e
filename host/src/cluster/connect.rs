use super::ClusterError;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use std::time::Duration;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Until an answer begins, and from one piece of it to the next.
const ANSWER: Duration = Duration::from_secs(60);

/// Where the cluster is and who asks, as `kubectl` would find it: in the file `kubeconfig`, else in those that `KUBECONFIG`
/// names, else in `~/.kube/config`; in a pod without any, its ServiceAccount. `context` is one of the kubeconfig's; none: its
/// current one.
///
/// # Errors
/// There is no kubeconfig, it has no such context, or it cannot be used.
pub async fn access(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Config, ClusterError> {
    let failed = |why: String| {
        ClusterError::Credentials(format!(
            "there is no way to a cluster: {why}; name a kubeconfig with --kubeconfig or in KUBECONFIG, and its context with --context"
        ))
    };
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = match (kubeconfig, context) {
        (Some(path), _) => {
            let file = Kubeconfig::read_from(path).map_err(|e| failed(format!("{}: {e}", path.display())))?;
            Config::from_custom_kubeconfig(file, &options).await.map_err(|e| failed(e.to_string()))?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|e| failed(e.to_string()))?,
        (None, None) => Config::infer().await.map_err(|e| failed(e.to_string()))?,
    };
    config.connect_timeout = Some(CONNECT);
    Ok(config)
}

/// A client for calls that are answered at once.
///
/// # Errors
/// As [`access`].
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client, ClusterError> {
    let mut config = access(kubeconfig, context).await?;
    config.read_timeout = Some(ANSWER);
    config.write_timeout = Some(ANSWER);
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(|e| ClusterError::Credentials(format!("there is no way to a cluster: {e}")))
}
