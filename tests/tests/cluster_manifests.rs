//! What the executor would create, before a real API server: every golden manifest of a Job, and the pod that the Job
//! controller would make of it, pass a server-side dry run in namespaces that enforce Pod Security `restricted`.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::path::Path;
use wharf_tests::cluster::Cluster;

/// What names of the test's objects begin with.
const OURS: &str = "t-manifests";

/// What the manifests name and the cluster must have; goes when it is dropped.
struct Site<'a>(&'a Cluster);

impl Drop for Site<'_> {
    fn drop(&mut self) {
        for kind in ["namespace/t-manifests-weather", "namespace/t-manifests-wharf"] {
            drop(self.0.kubectl_output(&["delete", kind, "--ignore-not-found", "--wait=false"]));
        }
        for kind in ["priorityclass", "runtimeclass"] {
            drop(self.0.kubectl_output(&["delete", kind, OURS, "--ignore-not-found"]));
        }
    }
}

impl<'a> Site<'a> {
    fn new(cluster: &'a Cluster) -> Site<'a> {
        let site = Site(cluster);
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let mut objects = vec![
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": OURS}, "value": 5}),
            json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": OURS}, "handler": "x"}),
        ];
        for name in ["weather", "wharf"].map(namespace) {
            let metadata = json!({"name": name, "labels": labels});
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
            let metadata = json!({"name": "wharf-task", "namespace": name});
            objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        cluster.apply(&list.to_string()).unwrap();
        site
    }

    /// What the server says of an object that it does not keep.
    fn dry_run(&self, object: &Value) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), object.to_string()).unwrap();
        let path = file.path().to_str().unwrap();
        let created = self.0.kubectl_output(&["create", "--dry-run=server", "--filename", path]);
        created.map(drop).map_err(|e| format!("{e:#}"))
    }
}

fn namespace(name: &str) -> String {
    format!("{OURS}-{name}")
}

fn manifests() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/tests/kubernetes/manifests");
    let read = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: std::path::PathBuf| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(&path));
    files.map(named).collect()
}

/// The manifest in a namespace of the test, with classes that the cluster has.
fn placed(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(namespace(object["metadata"]["namespace"].as_str().unwrap()));
    let template = if object["kind"] == "Job" { &mut object["spec"]["template"] } else { &mut object };
    for class in ["priorityClassName", "runtimeClassName"] {
        if let Some(name) = template["spec"].get_mut(class) {
            *name = json!(OURS);
        }
    }
    object
}

/// The pod of a Job; of anything else, itself.
fn pod(object: &Value) -> Value {
    if object["kind"] != "Job" {
        return object.clone();
    }
    let mut pod = object["spec"]["template"].clone();
    pod["metadata"]["namespace"] = object["metadata"]["namespace"].clone();
    pod["metadata"]["name"] = object["metadata"]["name"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod
}

#[test]
fn every_manifest_is_admitted_to_a_restricted_namespace() {
    let Some(cluster) = Cluster::shared() else { return };
    let site = Site::new(cluster);
    let manifests = manifests();
    assert!(manifests.len() >= 7, "{}", manifests.len());
    for (name, manifest) in manifests {
        let object = placed(manifest);
        site.dry_run(&object).unwrap_or_else(|e| panic!("{name}: {e}"));
        site.dry_run(&pod(&object)).unwrap_or_else(|e| panic!("the pod of {name}: {e}"));
        // The namespace does refuse what it should: the same pod, loosened.
        let mut loose = pod(&object);
        loose["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refused = site.dry_run(&loose).unwrap_err();
        assert!(refused.contains("violates PodSecurity"), "{name}: {refused}");
    }
}
