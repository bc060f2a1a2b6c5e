use super::following::{ContainerLogs, Reader, RunningPod};
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

/// The container in which the runtime is.
const CONTAINER: &str = "wharf";

impl ContainerLogs for kube::Client {
    fn open(&self, pod: &RunningPod) -> BoxFuture<'static, Result<Reader, String>> {
        let (client, pod) = (self.clone(), pod.clone());
        Box::pin(async move {
            let pods: Api<Pod> = Api::namespaced(client, &pod.namespace);
            let whole = LogParams { container: Some(CONTAINER.to_owned()), follow: true, ..LogParams::default() };
            let log = pods.log_stream(&pod.name, &whole).await.map_err(|e| e.to_string())?;
            Ok(Box::pin(log.compat()) as Reader)
        })
    }
}
