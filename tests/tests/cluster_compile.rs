//! Components on a real cluster: each reaches its compiler in the way that the configuration names, is compiled once for
//! all tenants and coordinators, and says why where it is not.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wharf_tests::binaries::image;
use wharf_tests::cluster::{Cluster, Ours, S3Tenant};
use wharf_tests::serve::{DEADLINE, Home};

/// A place for coordinators whose namespaces no other test has: `<name>-system`, `<name>-a`, `<name>-b`.
struct Site<'a> {
    cluster: &'a Cluster,
    ours: &'a Ours,
    name: &'a str,
    files: tempfile::TempDir,
}

/// A coordinator's folder.
struct Coordinator {
    home: Home,
    /// Of its own user.
    kubeconfig: PathBuf,
}

impl Coordinator {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command("wharf", args);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

impl<'a> Site<'a> {
    fn new(cluster: &'a Cluster, name: &'a str) -> Option<Site<'a>> {
        let Some(ours) = cluster.ours() else {
            eprintln!("not run: it takes stores and a registry that only a cluster of the tests' own has");
            return None;
        };
        ours.import(&image("runtime")).unwrap();
        Some(Site { cluster, ours, name, files: tempfile::tempdir().unwrap() })
    }

    fn user(&self) -> String {
        format!("{}-coordinator", self.name)
    }

    fn operator(&self) -> String {
        format!("{}-system", self.name)
    }

    /// A component that does nothing, different for each seed.
    fn component(&self, name: &str, seed: u8) -> PathBuf {
        let path = self.files.path().join(format!("{name}.wasm"));
        std::fs::write(&path, program(seed)).unwrap();
        path
    }

    fn store(&self, account: &S3Tenant) -> String {
        let info = self.ours.info();
        let credentials = self.files.path().join(&account.access_key);
        std::fs::create_dir_all(&credentials).unwrap();
        std::fs::write(credentials.join("AWS_ACCESS_KEY_ID"), &account.access_key).unwrap();
        std::fs::write(credentials.join("AWS_SECRET_ACCESS_KEY"), &account.secret_key).unwrap();
        format!(
            "{{s3: {{bucket: {}, prefix: {}{}, region: {}, endpoint: '{}', allowHTTP: true, coordinatorEndpoint: '{}'}}, \
             credentialsSecret: store, coordinatorCredentials: '{}'}}",
            account.bucket,
            account.prefix,
            self.name,
            info.s3_region,
            info.s3_pods,
            info.s3,
            credentials.display()
        )
    }

    /// A coordinator's folder, and the cluster made ready for it. Pods have `start` to begin. A flow `run` of tenants `a`
    /// and `b` runs the component in two tasks at once.
    fn home(&self, start: &str, kubernetes: &str, component: &Path) -> Coordinator {
        let spaces = [self.operator(), format!("{}-a", self.name), format!("{}-b", self.name)];
        // The same accounts for all tests: the server's policy has room for a few only.
        let accounts = ["c-system", "c-a", "c-b"].map(|name| self.ours.s3_tenant(name).unwrap());
        let mut config = format!(
            "apiVersion: wharf.dev/v1\nkind: Coordinator\nspec:\n  executor: kubernetes\n  kubernetes:\n    \
             namespace: {}\n    image: wharf.dev/runtime:{}\n    imagePullPolicy: Never\n    startDeadline: {start}\n    \
             artifactStore: {}\n    {kubernetes}\n",
            spaces[0],
            env!("CARGO_PKG_VERSION"),
            self.store(&accounts[0]),
        );
        for (space, account) in spaces.iter().zip(&accounts).skip(1) {
            config += &format!(
                "---\napiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: {space}}}\nspec: {{artifactStore: {1}}}\n---\n\
                 apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: run, namespace: {space}}}\nspec:\n  tasks:\n    \
                 - {{name: one, component: {{path: '{0}'}}, retry: {{platformAttempts: 0}}}}\n    \
                 - {{name: two, component: {{path: '{0}'}}, retry: {{platformAttempts: 0}}}}\n",
                component.display(),
                self.store(account),
            );
        }
        let home = Home::new(&config).unwrap();
        let kubeconfig = home.path().join("kubeconfig");
        std::fs::write(&kubeconfig, self.ours.user_kubeconfig(&self.user(), &[]).unwrap()).unwrap();
        let home = Coordinator { home, kubeconfig };
        self.apply(&home);
        for (space, account) in spaces.iter().zip(&accounts) {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "store", "namespace": space },
                "stringData": { "AWS_ACCESS_KEY_ID": account.access_key, "AWS_SECRET_ACCESS_KEY": account.secret_key },
            });
            self.cluster.apply(&secret.to_string()).unwrap();
        }
        home
    }

    fn apply(&self, home: &Coordinator) {
        let mut apply = home.command(&["cluster", "apply", "--coordinator-user", &self.user()]);
        let applied = apply.env("KUBECONFIG", self.cluster.kubeconfig()).output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }

    fn start(&self, home: &Coordinator, tenant: &str) -> Child {
        let flow = format!("{}-{tenant}/run", self.name);
        let mut command = home.command(&["run", &flow, "-o", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a tenant's flow and gives how its attempt ended.
    fn run(&self, home: &Coordinator, tenant: &str) -> Value {
        outcome(self.start(home, tenant))
    }

    fn assert_runs(&self, home: &Coordinator, tenant: &str) {
        let outcome = self.run(home, tenant);
        assert_eq!(outcome["cause"], "succeeded", "{outcome}");
    }

    fn assert_fails(&self, home: &Coordinator, cause: &str, says: &str) {
        let outcome = self.run(home, "a");
        assert_eq!(outcome["cause"], cause, "{outcome}");
        assert!(outcome["message"].as_str().unwrap().contains(says), "{outcome}");
    }

    /// Jobs that this test's coordinators created to compile.
    fn compiled(&self) -> usize {
        let writes = self.ours.writes().unwrap();
        let is = |w: &&wharf_tests::cluster::Write| w.user == self.user() && w.resource == "jobs" && w.verb == "create";
        writes.iter().filter(is).filter(|w| w.namespace == self.operator() && w.code == 201).count()
    }

    fn assert_nothing_left(&self) {
        let gone = ["wait", "--for=delete", "jobs,pods", "--all", "--timeout=60s", "--namespace", &self.operator()];
        self.cluster.kubectl_output(&gone).unwrap();
    }
}

/// A program of WASI preview 1 that returns at once: a memory, an empty `_start`, and a section of no meaning.
fn program(seed: u8) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    wasm.extend(b"\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01");
    wasm.extend(b"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00");
    wasm.extend(b"\x0a\x04\x01\x02\x00\x0b");
    wasm.extend([0, 3, 1, b'x', seed]);
    wasm
}

fn outcome(run: Child) -> Value {
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let detail: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    let tasks = detail["tasks"].as_array().unwrap_or_else(|| panic!("{detail} {said}"));
    let ends: Vec<&Value> =
        tasks.iter().flat_map(|task| task["attempts"].as_array().unwrap()).map(|a| &a["outcome"]).collect();
    let [one, two] = ends[..] else { panic!("{detail} {said}") };
    assert_eq!(one["cause"], two["cause"], "{detail}");
    one.clone()
}

#[test]
fn a_component_is_compiled_once_for_all_tenants_and_coordinators() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-once") else { return };
    let component = site.component("once", 1);
    let home = site.home("60s", "components: {store: {}}", &component);
    site.assert_runs(&home, "a");
    assert_eq!(site.compiled(), 1, "once, though two tasks asked at the same time");
    site.assert_runs(&home, "b");
    // Each of these commands carried a coordinator of its own.
    assert_eq!(site.compiled(), 1, "once for both tenants and coordinators");
    site.assert_nothing_left();

    // Another key: what was sealed with the first one does not count any more.
    let delete = ["delete", "secret,configmap", "wharf-compiler", "--namespace", &site.operator()];
    cluster.kubectl_output(&delete).unwrap();
    site.assert_fails(&home, "pod-rejected", "run `wharf cluster apply`");
    site.apply(&home);
    site.assert_runs(&home, "a");
    assert_eq!(site.compiled(), 2);
    site.assert_nothing_left();
}

#[test]
fn a_job_that_a_killed_coordinator_began_is_taken_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-killed") else { return };
    let component = site.component("begun", 8);
    let home = site.home("60s", "components: {store: {}}", &component);
    let mut first = site.start(&home, "a");
    let deadline = Instant::now() + DEADLINE;
    while site.compiled() == 0 {
        assert!(Instant::now() < deadline, "no Job in time");
        std::thread::sleep(Duration::from_millis(20));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    site.assert_runs(&home, "a");
    assert_eq!(site.compiled(), 1);
    site.assert_nothing_left();
}

#[test]
fn a_component_comes_from_a_registry_as_an_artifact() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-registry") else { return };
    let component = site.component("pulled", 2);
    let info = site.ours.info();
    let components = format!("components: {{registry: {{repository: '{}/c', insecure: true}}}}", info.registry_pods);
    let home = site.home("60s", &components, &component);
    site.assert_fails(&home, "component-missing", "pulled@sha256:");
    let to = format!("{}/c", info.registry);
    let pushed = home.command(&["push", "--insecure", "--to", &to]).output().unwrap();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    // A coordinator anew: the one that failed would not ask again at once.
    site.assert_runs(&home, "a");
    site.assert_nothing_left();
}

#[test]
fn a_component_comes_as_an_image() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-image") else { return };
    let component = site.component("mounted", 3);
    let registry = &site.ours.info().registry;
    let components = format!("components: {{image: {{repository: '{registry}/i'}}}}");
    let home = site.home("60s", &components, &component);
    let pushed = home.command(&["push", "--insecure"]).output().unwrap();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    site.assert_runs(&home, "a");
    // One that was not pushed: the node goes on trying, as long as a pod may take to start.
    std::fs::write(&component, program(4)).unwrap();
    let home = site.home("10s", &components, &component);
    site.assert_fails(&home, "image-pull", "mounted@sha256:");
    site.assert_nothing_left();
}

#[test]
fn a_component_comes_in_a_volume_and_must_be_the_right_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-volume") else { return };
    let component = site.component("lies", 5);
    let home = site.home("60s", "components: {volume: {claimName: components, subPath: there}}", &component);
    let volume = tempfile::tempdir().unwrap();
    let folder = volume.path().join("there");
    std::fs::create_dir(&folder).unwrap();
    for path in [volume.path(), &folder] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let size = json!({ "storage": "1Mi" });
    let modes = json!(["ReadWriteOnce"]);
    for object in [
        json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "c-volume" },
            "spec": {
                "capacity": size, "accessModes": modes, "storageClassName": "", "hostPath": { "path": volume.path() },
                "claimRef": { "namespace": site.operator(), "name": "components" },
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": "components", "namespace": site.operator() },
            "spec": { "accessModes": modes, "resources": { "requests": size }, "storageClassName": "", "volumeName": "c-volume" },
        }),
    ] {
        cluster.apply(&object.to_string()).unwrap();
    }
    site.assert_fails(&home, "component-missing", "/component/lies.wasm");
    std::fs::write(folder.join("lies.wasm"), program(6)).unwrap();
    site.assert_fails(&home, "digest-mismatch", "sha256:");
    std::fs::write(folder.join("lies.wasm"), program(5)).unwrap();
    site.assert_runs(&home, "a");
    site.assert_nothing_left();
}

#[test]
fn what_cannot_be_compiled_says_so() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(site) = Site::new(cluster, "c-limit") else { return };
    let component = site.component("tight", 7);
    let resources = "{resources: {requests: {memory: 4Mi}, limits: {memory: 4Mi}}}";
    let home = site.home("60s", &format!("compile: {resources}"), &component);
    site.assert_fails(&home, "compile-limit", "memory");
    let home = site.home("5s", "podTemplate: {spec: {nodeSelector: {there-is: none}}}", &component);
    site.assert_fails(&home, "unschedulable", "node");
    site.assert_nothing_left();
}
