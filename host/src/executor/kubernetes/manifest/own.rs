use super::base::{hardened, order_folder};
use super::order::{self, SecretKey};
use crate::executor::Failure;
use crate::executor::kubernetes::labels::Labels;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wharf_contract::Cause;
use wharf_contract::pod::{ORDER_ANNOTATION, paths};
use wharf_core::plan::{ArtifactStore, Kubernetes, Task};
use wharf_core::pod::{PodResources, merge, own};

/// Readable by the pod's group, which is the runtime's.
const SECRET_MODE: i32 = 0o440;

/// What of a pod is wharf's own.
#[derive(Debug)]
pub(super) struct Own<'a> {
    settings: &'a Kubernetes,
    resources: PodResources,
    pub(super) labels: Labels,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizer: Option<&'static str>,
    /// Arguments of the runtime.
    pub(super) args: Vec<String>,
    volumes: Vec<Value>,
    mounts: Vec<Value>,
}

impl<'a> Own<'a> {
    /// A pod of this operator with a scratch folder and nothing else.
    pub(super) fn new(settings: &'a Kubernetes, resources: PodResources) -> Own<'a> {
        let mut own = Own {
            settings,
            resources,
            labels: Labels::new(),
            annotations: BTreeMap::new(),
            finalizer: None,
            args: vec!["pod".to_owned()],
            volumes: Vec::new(),
            mounts: Vec::new(),
        };
        let scratch = json!({"emptyDir": {"sizeLimit": own.resources.scratch.to_string()}});
        own.volume("scratch", scratch, paths::SCRATCH, false);
        own
    }

    /// The order and the pod's UID, projected into files.
    pub(super) fn order(&mut self) {
        let name = |path: &'static str| path.rsplit_once('/').map_or(path, |(_, name)| name);
        let items = json!([
            {"path": name(paths::ORDER), "fieldRef": {"fieldPath": format!("metadata.annotations['{ORDER_ANNOTATION}']")}},
            {"path": name(paths::POD_UID), "fieldRef": {"fieldPath": "metadata.uid"}},
        ]);
        self.volume("order", json!({"downwardAPI": {"items": items}}), order_folder(), true);
    }

    /// Keys of Secrets as files.
    pub(super) fn secrets(&mut self, files: &BTreeMap<String, SecretKey>) {
        if files.is_empty() {
            return;
        }
        let mut sources: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (file, SecretKey { name, key }) in files {
            sources.entry(name).or_default().push(json!({"key": key, "path": file}));
        }
        let sources: Vec<_> =
            sources.into_iter().map(|(name, items)| json!({"secret": {"name": name, "items": items}})).collect();
        let source = json!({"projected": {"defaultMode": SECRET_MODE, "sources": sources}});
        self.volume("secrets", source, paths::SECRETS, true);
    }

    /// A whole Secret as a folder; or of it only these keys, the file's name being the key's.
    pub(super) fn secret(&mut self, name: &str, secret: &str, keys: &[&str], folder: &str) {
        let mut source = json!({"secretName": secret, "defaultMode": SECRET_MODE});
        if !keys.is_empty() {
            source["items"] = keys.iter().map(|key| json!({"key": key, "path": key})).collect();
        }
        self.volume(name, json!({"secret": source}), folder, true);
    }

    /// What the store needs: its credentials, or its volume.
    pub(super) fn store(&mut self, store: &ArtifactStore, read_only: bool) {
        match store {
            ArtifactStore::Object { credentials: Some(secret), .. } => {
                self.secret("store-credentials", secret, &[], paths::STORE_CREDENTIALS);
            }
            ArtifactStore::Object { credentials: None, .. } => {}
            ArtifactStore::Claim { claim_name } => {
                let source = json!({"persistentVolumeClaim": {"claimName": claim_name, "readOnly": read_only}});
                self.volume("store", source, paths::STORE_VOLUME, read_only);
            }
        }
    }

    /// The volumes of a flow that a task mounts. Where they come from, a template says.
    pub(super) fn flow_volumes(&mut self, task: &Task) {
        let mut volumes: BTreeMap<&str, bool> = BTreeMap::new();
        for mount in &task.mounts {
            let read_only = volumes.entry(&mount.volume).or_insert(true);
            *read_only &= mount.read_only;
        }
        for (name, read_only) in volumes {
            self.mount(name, &order::volume(name).to_string_lossy(), read_only);
        }
    }

    /// A volume of ours and where it is mounted.
    pub(super) fn volume(&mut self, name: &str, mut source: Value, path: &str, read_only: bool) {
        let name = format!("{}{name}", own::VOLUME_PREFIX);
        self.mount(&name, path, read_only);
        source["name"] = json!(name);
        self.volumes.push(source);
    }

    /// Where a part of the volume that was named last is mounted.
    pub(super) fn sub_path(&mut self, sub_path: &str) {
        if let Some(mount) = self.mounts.last_mut() {
            mount["subPath"] = json!(sub_path);
        }
    }

    fn mount(&mut self, name: &str, path: &str, read_only: bool) {
        let mut mount = json!({"name": name, "mountPath": path});
        if read_only {
            mount["readOnly"] = json!(true);
        }
        self.mounts.push(mount);
    }

    /// The whole pod template: hardening, these templates, then what is ours.
    ///
    /// # Errors
    /// A template cannot be merged, which the config should have refused.
    pub(super) fn pod<'t>(&self, templates: impl Iterator<Item = &'t Value>) -> Result<Value, Failure> {
        let fault = |e: &dyn std::fmt::Display| {
            Failure::new(Cause::PodRejected, format!("a `podTemplate` cannot be merged: {e}"))
        };
        let mut pod = hardened();
        for template in templates {
            pod = merge(pod, template).map_err(|e| fault(&e))?;
        }
        let mut pod = merge(pod, &self.patch()).map_err(|e| fault(&e))?;
        tolerate(&mut pod, self.settings.unreachable_us);
        Ok(pod)
    }

    fn patch(&self) -> Value {
        let Own { settings, resources, labels, annotations, args, volumes, mounts, .. } = self;
        let mut metadata = Map::new();
        metadata.insert("labels".into(), json!(labels));
        if !annotations.is_empty() {
            metadata.insert("annotations".into(), json!(annotations));
        }
        if let Some(finalizer) = self.finalizer {
            metadata.insert("finalizers".into(), json!([finalizer]));
        }
        json!({
            "metadata": metadata,
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": super::GRACE.as_secs(),
                "nodeSelector": {"kubernetes.io/arch": settings.architecture},
                "volumes": volumes,
                "containers": [{
                    "name": own::CONTAINER,
                    "image": settings.image,
                    "imagePullPolicy": settings.image_pull_policy.as_str(),
                    "args": args,
                    "resources": resources.to_json(),
                    "terminationMessagePath": paths::REPORT,
                    "terminationMessagePolicy": "File",
                    "volumeMounts": mounts,
                }],
            },
        })
    }
}

/// Taints that a node gets that does not answer. Without a word of ours the API server lets pods tolerate them for five
/// minutes; a template that names them knows better.
fn tolerate(pod: &mut Value, unreachable_us: u64) {
    let spec = &mut pod["spec"];
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !tolerations.iter().any(|t| t["key"] == key) {
            tolerations.push(json!({
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": unreachable_us.div_ceil(1_000_000),
            }));
        }
    }
    spec["tolerations"] = Value::Array(tolerations);
}
