use super::ClusterError;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use std::time::Duration;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Until an answer begins, and from one piece of it to the next.
const ANSWER: Duration = Duration::from_secs(60);

/// A client as `kubectl` would be one: of the files that `KUBECONFIG` names, else of `~/.kube/config`; in a pod without
/// either, of its ServiceAccount. `context` is one of the kubeconfig's; none: its current one.
///
/// # Errors
/// There is no kubeconfig, it has no such context, or it cannot be used.
pub async fn connect(context: Option<&str>) -> Result<Client, ClusterError> {
    let failed = |why: String| {
        ClusterError::Credentials(format!(
            "there is no way to a cluster: {why}; name a kubeconfig in KUBECONFIG, and its context with --context"
        ))
    };
    let mut config = match context {
        None => Config::infer().await.map_err(|e| failed(e.to_string()))?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options).await.map_err(|e| failed(e.to_string()))?
        }
    };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(ANSWER);
    config.write_timeout = Some(ANSWER);
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(|e| failed(e.to_string()))
}
