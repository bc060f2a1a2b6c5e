use super::own::Own;
use super::{job, order};
use crate::executor::Failure;
use crate::executor::kubernetes::labels::{self, Maker, Purpose};
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;
use wharf_contract::pod::{CompileOrder, ORDER_ANNOTATION, PodOrder, paths};
use wharf_core::plan::{Components, Kubernetes};
use wharf_core::pod::compile_resources;

/// Secret of the operator's namespace that holds the keys of the compiler.
pub(in crate::executor::kubernetes) const KEYS: &str = "wharf-compiler";
/// Microseconds that compiling may take.
const TIMEOUT_US: u64 = 600_000_000;

/// The Job that compiles a component, in the operator's namespace: the operator's template, store and keys, and nothing of
/// any tenant. `image` is the reference with its digest, where components are delivered by images.
///
/// # Errors
/// Why it cannot be made.
pub(in crate::executor::kubernetes) fn compile(
    maker: Maker<'_>,
    settings: &Kubernetes,
    name: String,
    order: &CompileOrder,
    image: Option<&str>,
) -> Result<Job, Failure> {
    let mut own = Own::new(settings, compile_resources(&settings.compile));
    own.labels = labels::of(maker, Purpose::Compile);
    let annotation = order::annotation(&PodOrder::Compile(Box::new(order.clone())))?;
    own.annotations.insert(ORDER_ANNOTATION.to_owned(), annotation);
    own.order();
    own.store(&settings.artifact_store, false);
    own.secret("compiler", KEYS, &["compiler.key", "compiler.pub"], paths::COMPILER_KEYS);
    match &settings.components {
        Components::Store => {}
        Components::Registry { credentials, .. } => {
            if let Some(secret) = credentials {
                // With the `CA_BUNDLE` that it may hold too.
                own.secret("registry", secret, &[], paths::REGISTRY_CREDENTIALS);
            }
        }
        Components::Image { pull_policy, .. } => {
            let source = json!({"image": {"reference": image.unwrap_or_default(), "pullPolicy": pull_policy.as_str()}});
            own.volume("component", source, paths::COMPONENT_VOLUME, true);
        }
        Components::Volume { claim_name, sub_path } => {
            let source = json!({"persistentVolumeClaim": {"claimName": claim_name, "readOnly": true}});
            own.volume("component", source, paths::COMPONENT_VOLUME, true);
            if !sub_path.is_empty() {
                own.sub_path(sub_path);
            }
        }
    }
    let pod = own.pod(settings.pod_template.iter())?;
    job::job(&settings.namespace, name, own.labels, pod, job::deadline(settings, Some(TIMEOUT_US)))
}
