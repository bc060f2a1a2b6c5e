//! How a component reaches the pod that compiles it.

use super::Workshop;
use super::depot_failure;
use crate::cluster::component::{self, ComponentError};
use crate::executor::Failure;
use crate::executor::kubernetes::manifest;
use std::path::Path;
use wharf_contract::Cause;
use wharf_contract::pod::{CompileOrder, ComponentSource, paths};
use wharf_core::plan::{Component, Components, Kubernetes};
use wharf_core::pod::compile_resources;
use wharf_depot::{Depot, Digest, keys, oci};

/// An order, and what has to be true of its pod or of the store before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) order: CompileOrder,
    /// Reference of the image that the pod mounts, with its digest.
    pub(super) image: Option<String>,
    /// The component, which the operator's store has to have.
    pub(super) upload: Option<(String, Vec<u8>)>,
}

/// Whether the component's own bytes are needed: a reference in a registry follows from them.
fn needs_bytes(components: &Components) -> bool {
    match components {
        Components::Store | Components::Registry { .. } | Components::Image { .. } => true,
        Components::Volume { .. } => false,
    }
}

/// How a component is delivered; `bytes` is empty where they are not needed.
fn delivery(settings: &Kubernetes, component: &Component, bytes: Vec<u8>) -> Result<Delivery, Failure> {
    let name = component::name(component);
    let mounted = |file: &str| ComponentSource::File { path: Path::new(paths::COMPONENT_VOLUME).join(file) };
    let (mut image, mut upload) = (None, None);
    let source = match &settings.components {
        Components::Store => {
            let digest = Digest::parse(&component.digest).ok_or_else(|| {
                Failure::new(Cause::Internal, format!("`{}` is no digest of a component", component.digest))
            })?;
            let key = keys::component(&digest);
            upload = Some((key.clone(), bytes));
            ComponentSource::Store { key }
        }
        Components::Registry { repository, insecure, .. } => {
            let reference = format!("{repository}/{name}@{}", oci::artifact(bytes).digest());
            ComponentSource::Registry { reference, insecure: *insecure }
        }
        Components::Image { repository, .. } => {
            image = Some(format!("{repository}/{name}@{}", oci::image(&bytes, &settings.architecture).digest()));
            mounted(oci::FILE)
        }
        Components::Volume { .. } => mounted(&format!("{name}.wasm")),
    };
    let order = CompileOrder {
        digest: component.digest.clone(),
        source,
        store: manifest::location(&settings.artifact_store),
        memory: compile_resources(&settings.compile).guest_memory.0,
    };
    Ok(Delivery { order, image, upload })
}

impl Workshop {
    /// Sees to it that the component can be had, and says how.
    pub(super) async fn deliver(&self, component: &Component, depot: &Depot) -> Result<Delivery, Failure> {
        let bytes = match needs_bytes(&self.settings.components) {
            false => Vec::new(),
            true => {
                let component = component.clone();
                let read = tokio::task::spawn_blocking(move || component::read(&component)).await;
                read.map_err(|e| Failure::new(Cause::Internal, format!("wharf failed: {e}")))??
            }
        };
        let mut delivery = delivery(&self.settings, component, bytes)?;
        if let Some((key, bytes)) = delivery.upload.take() {
            let put = async {
                if depot.head(&key).await?.is_some_and(|there| there.size == bytes.len() as u64) {
                    return Ok(());
                }
                depot.put(&key, bytes).await
            };
            put.await.map_err(|e| depot_failure(&e))?;
        }
        Ok(delivery)
    }
}

impl From<ComponentError> for Failure {
    fn from(error: ComponentError) -> Failure {
        match error {
            ComponentError::Missing(why) => Failure::new(Cause::ComponentMissing, why),
            ComponentError::Different(why) => Failure::new(Cause::DigestMismatch, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::kubernetes::manifest::tests::settings;
    use wharf_core::plan::PullPolicy;

    #[test]
    fn each_delivery_says_where_the_component_is() {
        let wasm = b"\0asm\x0d\0\x01\0".to_vec();
        let digest = Digest::of(&wasm);
        let component = Component { path: "/a/clean.wasm".into(), digest: digest.to_string(), size: 8 };
        let artifact = oci::artifact(wasm.clone()).digest();
        let image = oci::image(&wasm, "amd64").digest();
        let file = |path: &str| ComponentSource::File { path: path.into() };
        let key = format!("components/{}.wasm", digest.hex());
        for (components, source, mounts, uploads) in [
            (Components::Store, ComponentSource::Store { key: key.clone() }, None, true),
            (
                Components::Registry { repository: "r.example/t".into(), insecure: true, credentials: None },
                ComponentSource::Registry { reference: format!("r.example/t/clean@{artifact}"), insecure: true },
                None,
                false,
            ),
            (
                Components::Image { repository: "r.example/t".into(), pull_policy: PullPolicy::IfNotPresent },
                file("/component/task.wasm"),
                Some(format!("r.example/t/clean@{image}")),
                false,
            ),
            (
                Components::Volume { claim_name: "c".into(), sub_path: "x".into() },
                file("/component/clean.wasm"),
                None,
                false,
            ),
        ] {
            let settings = Kubernetes { components, ..settings() };
            let bytes = if needs_bytes(&settings.components) { wasm.clone() } else { Vec::new() };
            let delivery = delivery(&settings, &component, bytes).unwrap();
            assert_eq!(delivery.order.source, source);
            assert_eq!(delivery.order.digest, component.digest);
            assert_eq!(delivery.image, mounts);
            assert_eq!(delivery.upload, uploads.then(|| (key.clone(), wasm.clone())));
        }
    }
}
