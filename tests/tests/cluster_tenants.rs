//! Tenants on a real cluster: what `wharf cluster` makes of a configuration, and that it holds.
//!
//! The cluster's network enforces no NetworkPolicy: of those it shows that they are admitted and there.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use wharf_tests::binaries::binary;
use wharf_tests::cluster::{Cluster, Ours};

/// Who the coordinator is.
const COORDINATOR: &str = "wharf-of-tests";

/// The parts that only a cluster of our own has.
fn ours(cluster: &Cluster) -> Option<&Ours> {
    if cluster.ours().is_none() {
        eprintln!("not run: it takes accounts and images that only a cluster of the tests' own has");
    }
    cluster.ours()
}

/// A configuration in a folder of its own, for namespaces that no other test has.
struct Site<'a> {
    cluster: &'a Cluster,
    dir: tempfile::TempDir,
    /// What its namespaces begin with.
    name: &'a str,
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        for space in [self.operator(), self.tenant("a"), self.tenant("b")] {
            drop(self.cluster.kubectl_output(&["delete", "namespace", &space, "--ignore-not-found", "--wait=false"]));
        }
        for kind in ["clusterrole", "clusterrolebinding"] {
            let name = format!("wharf-coordinator-{}", self.operator());
            drop(self.cluster.kubectl_output(&["delete", kind, &name, "--ignore-not-found"]));
        }
    }
}

impl<'a> Site<'a> {
    fn new(cluster: &'a Cluster, name: &'a str) -> Site<'a> {
        let site = Site { cluster, dir: tempfile::tempdir().unwrap(), name };
        site.configure("{pods: 4, limits.memory: 2Gi, limits.cpu: 4}");
        site
    }

    fn operator(&self) -> String {
        format!("{}-system", self.name)
    }

    fn tenant(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Tenant A has this quota, tenant B none.
    fn configure(&self, quota: &str) {
        let (operator, a, b) = (self.operator(), self.tenant("a"), self.tenant("b"));
        let quota = if quota.is_empty() { String::new() } else { format!("resourceQuota: {{hard: {quota}}}, ") };
        let text = format!(
            "apiVersion: wharf.dev/v1\nkind: Coordinator\nspec:\n  executor: kubernetes\n  kubernetes:\n    \
             namespace: {operator}\n    image: registry.example.org/wharf-runtime:1\n    \
             artifactStore: {{s3: {{bucket: wharf, endpoint: 'http://10.88.0.1:7070', allowHTTP: true}}}}\n---\n\
             apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: {a}}}\nspec: {{{quota}egress: [{{cidr: 192.0.2.0/24, \
             ports: [443]}}], artifactStore: {{s3: {{bucket: wharf, prefix: a, endpoint: 'http://10.88.0.1:7070', \
             allowHTTP: true}}}}}}\n---\n\
             apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: {b}}}\nspec: {{artifactStore: \
             {{persistentVolumeClaim: {{claimName: files}}}}}}\n"
        );
        std::fs::write(self.dir.path().join("wharf.yaml"), text).unwrap();
    }

    fn wharf(&self, args: &[&str]) -> Output {
        Command::new(binary("wharf"))
            .arg("cluster")
            .args(args)
            .current_dir(self.dir.path())
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .env("WHARF_RUNTIME", binary("wharf-runtime"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Standard output of a command that ends with this exit code.
    fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.wharf(args);
        let said = String::from_utf8_lossy(&output.stderr);
        let out = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(code), "wharf cluster {args:?}: {said}{out}");
        if code == 0 || code == 6 { out } else { said.into_owned() }
    }

    fn apply(&self) -> String {
        self.expect(0, &["apply", "--coordinator-user", COORDINATOR])
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.cluster.kubectl_output(&[args, &["--output=json"]].concat()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// A pod of a namespace that Pod Security `restricted` admits, and that stays.
    fn pod(&self, namespace: &str, name: &str, image: &str, labels: &Value) -> String {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "c", "image": image, "imagePullPolicy": "IfNotPresent",
                    "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                }],
            },
        });
        pod.to_string()
    }
}

/// Whether a kubeconfig may do something in a namespace.
fn may(cluster: &Cluster, kubeconfig: &Path, namespace: &str, verb: &str, resource: &str) -> bool {
    let file = format!("--kubeconfig={}", kubeconfig.display());
    let asked = cluster.kubectl(&[&file, "--namespace", namespace, "auth", "can-i", verb, resource]).output().unwrap();
    // After `no` may come why: a role that another test's removal took just now, say.
    match String::from_utf8_lossy(&asked.stdout).split_whitespace().next() {
        Some("yes") => true,
        Some("no") => false,
        other => panic!("{other:?} {}", String::from_utf8_lossy(&asked.stderr)),
    }
}

#[test]
fn what_is_rendered_is_what_is_applied_and_a_second_time_nothing_changes() {
    let Some(cluster) = Cluster::shared() else { return };
    let site = Site::new(cluster, "t-render");

    // A dry run on an empty cluster, and again when all is there: then the server looks at every object.
    let dry = site.expect(0, &["apply", "--dry-run", "--coordinator-user", COORDINATOR]);
    assert!(dry.contains("nothing was changed"), "{dry}");
    assert!(cluster.kubectl_output(&["get", "namespace", &site.operator()]).is_err());
    site.expect(6, &["diff", "--coordinator-user", COORDINATOR]);
    let first = site.apply();
    for object in ["Namespace t-render-a", "ResourceQuota t-render-a/wharf", "Secret t-render-system/wharf-compiler"] {
        assert!(first.contains(&format!("create {object}\n")), "{first}");
    }
    assert!(site.apply().starts_with("nothing to do; "));
    assert_eq!(site.expect(0, &["diff", "--coordinator-user", COORDINATOR]), "");

    // The YAML is what was applied: nothing else, and nothing that the server would refuse or drop.
    let rendered = site.expect(0, &["render", "--coordinator-user", COORDINATOR]);
    assert_eq!(rendered, site.expect(0, &["render", "--coordinator-user", COORDINATOR]));
    let file = site.dir.path().join("rendered.yaml");
    std::fs::write(&file, &rendered).unwrap();
    let file = file.to_str().unwrap();
    let server =
        ["--server-side", "--field-manager=wharf", "--validate=strict", "--dry-run=server", "--filename", file];
    let dry = cluster.kubectl_output(&[&["apply"], &server[..]].concat()).unwrap();
    assert_eq!(dry.lines().count(), rendered.matches("\n---\n").count(), "{dry}");
    let diff =
        cluster.kubectl(&["diff", "--server-side", "--field-manager=wharf", "--filename", file]).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));

    for space in [site.operator(), site.tenant("a"), site.tenant("b")] {
        let namespace = site.json(&["get", "namespace", &space]);
        assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
        let policies = site.json(&["get", "networkpolicies", "--namespace", &space]);
        let names: Vec<_> = policies["items"].as_array().unwrap().iter().map(|p| &p["metadata"]["name"]).collect();
        assert_eq!(names, ["wharf", "wharf-deny"]);
    }
}

#[test]
fn what_changes_is_shown_and_what_is_left_out_goes() {
    let Some(cluster) = Cluster::shared() else { return };
    let site = Site::new(cluster, "t-change");
    site.apply();
    let secret = site.json(&["get", "secret", "wharf-compiler", "--namespace", &site.operator()]);

    site.configure("{pods: 5, limits.memory: 2Gi, limits.cpu: 4}");
    let diff = site.expect(6, &["diff", "--coordinator-user", COORDINATOR]);
    let expect = "change ResourceQuota t-change-a/wharf\n  - spec.hard.pods: \"4\"\n  + spec.hard.pods: \"5\"\n";
    assert_eq!(diff, expect);
    assert!(site.apply().starts_with("change ResourceQuota t-change-a/wharf\ndone; "));

    // Somebody else sets a field.
    let space = site.tenant("a");
    let patch = ["--type=merge", "--field-manager=other", "--patch", r#"{"spec":{"hard":{"pods":"9"}}}"#];
    cluster
        .kubectl_output(&[&["patch", "resourcequota", "wharf", "--namespace", &space], &patch[..]].concat())
        .unwrap();
    let said = site.expect(5, &["apply", "--coordinator-user", COORDINATOR]);
    assert!(said.contains(".spec.hard.pods (conflict with \"other\""), "{said}");
    assert!(said.contains("--force-conflicts"), "{said}");
    site.expect(0, &["apply", "--force-conflicts", "--coordinator-user", COORDINATOR]);
    let quota = site.json(&["get", "resourcequota", "wharf", "--namespace", &space]);
    assert_eq!(quota["spec"]["hard"]["pods"], "5");

    site.configure("");
    assert_eq!(
        site.expect(6, &["diff", "--coordinator-user", COORDINATOR]).lines().next(),
        Some("change LimitRange t-change-a/wharf")
    );
    let said = site.apply();
    assert!(said.contains("remove ResourceQuota t-change-a/wharf\n"), "{said}");
    assert!(cluster.kubectl_output(&["get", "resourcequota", "wharf", "--namespace", &space]).is_err());

    let after = site.json(&["get", "secret", "wharf-compiler", "--namespace", &site.operator()]);
    assert_eq!(after["data"], secret["data"], "keys are made once");
    assert_eq!(after["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"]);
    let output = site.wharf(&["diff", "-o", "json", "--coordinator-user", COORDINATOR]);
    let key = secret["data"]["compiler.key"].as_str().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains(key));
}

#[test]
fn a_tenant_s_rights_end_at_its_namespace() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = ours(cluster) else { return };
    let site = Site::new(cluster, "t-walls");
    site.apply();
    let (a, b, operator) = (site.tenant("a"), site.tenant("b"), site.operator());

    // One with all the rights that a namespace can give, in A: what a person of tenant A may be given at the most.
    let user = ["--clusterrole=admin", "--user=person-of-a", "--namespace", a.as_str()];
    cluster.kubectl_output(&[&["create", "rolebinding", "person"], &user[..]].concat()).unwrap();
    let person = site.dir.path().join("person");
    std::fs::write(&person, ours.user_kubeconfig("person-of-a", &[]).unwrap()).unwrap();
    // The account that tasks of A run under.
    let task = site.dir.path().join("task");
    std::fs::write(&task, ours.service_account_kubeconfig(&a, "wharf-task").unwrap()).unwrap();
    let coordinator = site.dir.path().join("coordinator");
    std::fs::write(&coordinator, ours.user_kubeconfig(COORDINATOR, &[]).unwrap()).unwrap();

    for space in [&b, &operator] {
        for (verb, resource) in [
            ("get", "secrets"),
            ("list", "secrets"),
            ("list", "jobs.batch"),
            ("create", "jobs.batch"),
            ("list", "pods"),
            ("get", "pods/log"),
            ("create", "pods/exec"),
            ("list", "resourcequotas"),
            ("list", "events"),
            ("get", "configmaps"),
        ] {
            assert!(!may(cluster, &person, space, verb, resource), "a person of A: {verb} {resource} in {space}");
            assert!(!may(cluster, &task, space, verb, resource), "a task of A: {verb} {resource} in {space}");
        }
    }
    assert!(may(cluster, &person, &a, "get", "secrets"), "the person is somebody");
    for (verb, resource) in [("get", "secrets"), ("list", "pods"), ("create", "jobs.batch")] {
        assert!(!may(cluster, &task, &a, verb, resource), "a task in its own namespace: {verb} {resource}");
    }
    // Not only by the word of the server: a request that is refused.
    let file = format!("--kubeconfig={}", person.display());
    let refused =
        cluster.kubectl(&[&file, "--namespace", &operator, "get", "secret", "wharf-compiler"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("Forbidden"), "{said}");

    for (space, verb, resource, expect) in [
        (&a, "create", "jobs.batch", true),
        (&a, "delete", "jobs.batch", true),
        (&a, "patch", "pods", true),
        (&a, "get", "pods/log", true),
        (&a, "watch", "resourcequotas", true),
        (&a, "get", "secrets", false),
        (&a, "create", "pods", false),
        (&a, "update", "resourcequotas", false),
        (&a, "create", "rolebindings.rbac.authorization.k8s.io", false),
        (&b, "create", "pods/exec", false),
        (&operator, "get", "configmaps/wharf-compiler", true),
        (&operator, "get", "configmaps/another", false),
        (&operator, "get", "secrets", false),
    ] {
        assert_eq!(
            may(cluster, &coordinator, space, verb, resource),
            expect,
            "coordinator: {verb} {resource} in {space}"
        );
    }
}

#[test]
fn a_tenant_s_credentials_end_at_its_prefix() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = ours(cluster) else { return };
    let [a, b] = ["t-prefix-a", "t-prefix-b"].map(|name| ours.s3_tenant(name).unwrap());
    let open = |account: &wharf_tests::cluster::S3Tenant, prefix: &str| {
        let dir = tempfile::tempdir().unwrap();
        for (name, value) in
            [("AWS_ACCESS_KEY_ID", &account.access_key), ("AWS_SECRET_ACCESS_KEY", &account.secret_key)]
        {
            std::fs::write(dir.path().join(name), value).unwrap();
        }
        let location = wharf_contract::StoreLocation::S3 {
            bucket: account.bucket.clone(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            region: Some(ours.info().s3_region.clone()),
            endpoint: Some(ours.info().s3.clone()),
            allow_http: true,
        };
        wharf_depot::Depot::open(&location, Some(dir.path()), None).unwrap()
    };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        open(&b, &b.prefix).put("artifacts/secret", b"b's".to_vec()).await.unwrap();
        assert_eq!(open(&b, &b.prefix).get("artifacts/secret", 99).await.unwrap(), b"b's");
        let denied = |done: Result<(), wharf_depot::Error>| {
            let said = done.unwrap_err().to_string();
            assert!(["refuses", "AccessDenied"].iter().any(|word| said.contains(word)), "{said}");
        };
        let intruder = open(&a, &b.prefix);
        denied(intruder.get("artifacts/secret", 99).await.map(drop));
        denied(intruder.put("artifacts/forged", b"x".to_vec()).await);
        denied(intruder.folders("artifacts").await.map(drop));
        denied(intruder.delete(vec!["artifacts/secret".into()]).await);
        assert_eq!(open(&b, &b.prefix).get("artifacts/secret", 99).await.unwrap(), b"b's");
    });
}

#[test]
fn a_pod_of_a_tenant_is_restricted_and_has_no_token() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = ours(cluster) else { return };
    let site = Site::new(cluster, "t-pod");
    site.apply();
    let (a, image) = (site.tenant("a"), ours.info().tiny_image.clone());
    let privileged = site.pod(&a, "bad", &image, &json!({})).replace("\"runAsNonRoot\":true,", "");
    let refused = cluster.apply(&privileged).unwrap_err().to_string();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");

    cluster.apply(&site.pod(&a, "good", &image, &json!({}))).unwrap();
    let wait = ["wait", "--for=condition=Ready", "pod/good", "--timeout=60s", "--namespace", &a];
    cluster.kubectl_output(&wait).unwrap();
    let pod = site.json(&["get", "pod", "good", "--namespace", &a]);
    let container = &pod["spec"]["containers"][0];
    // No volume was added, so there is no file that could hold a token.
    assert_eq!(container.get("volumeMounts"), None, "{pod}");
    assert_eq!(pod["spec"].get("volumes"), None, "{pod}");
    // What says nothing has the namespace's defaults, without which its quota would refuse it.
    assert_eq!(container["resources"]["limits"], json!({ "cpu": "1", "ephemeral-storage": "1Gi", "memory": "256Mi" }));
    let quota = site.json(&["get", "resourcequota", "wharf", "--namespace", &a]);
    assert_eq!(quota["status"]["used"]["limits.memory"], "256Mi");
}

#[test]
fn a_tenant_is_removed_only_when_it_is_meant_and_only_what_is_wharfs() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = ours(cluster) else { return };
    let site = Site::new(cluster, "t-remove");
    site.apply();
    let a = site.tenant("a");
    cluster
        .kubectl_output(&["create", "secret", "generic", "theirs", "--from-literal=k=v", "--namespace", &a])
        .unwrap();

    for (code, args, says) in [
        (2, vec!["remove", &a], "--yes"),
        (4, vec!["remove", "t-remove-nobody", "--yes"], "no namespace `t-remove-nobody`"),
        (5, vec!["remove", "kube-system", "--yes"], "does not carry the label"),
        (5, vec!["remove", "t-remove-system", "--yes"], "the operator's"),
    ] {
        let said = site.expect(code, &args);
        assert!(said.contains(says), "{said}");
    }

    // A Job of ours that runs, whose pod our finalizer holds.
    let mut pod: Value = serde_json::from_str(&site.pod(
        &a,
        "x",
        &ours.info().tiny_image,
        &json!({ "app.kubernetes.io/managed-by": "wharf" }),
    ))
    .unwrap();
    let mut template = json!({ "metadata": pod["metadata"].take(), "spec": pod["spec"].take() });
    template["metadata"]["finalizers"] = json!(["wharf.dev/outcome"]);
    template["metadata"].as_object_mut().unwrap().retain(|k, _| k != "name" && k != "namespace");
    template["spec"]["restartPolicy"] = "Never".into();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "runs", "namespace": a, "labels": { "app.kubernetes.io/managed-by": "wharf" } },
        "spec": { "template": template, "backoffLimit": 0 },
    });
    cluster.apply(&job.to_string()).unwrap();
    let ready =
        ["wait", "--for=condition=Ready", "pod", "--selector=job-name=runs", "--timeout=60s", "--namespace", &a];
    // The pod may not be made yet when it is first asked for.
    cluster
        .kubectl_output(&["wait", "--for=jsonpath={.status.active}=1", "job/runs", "--timeout=60s", "--namespace", &a])
        .unwrap();
    cluster.kubectl_output(&ready).unwrap();

    let said = site.expect(5, &["remove", &a, "--yes"]);
    assert!(said.contains("1 Jobs of tenant `t-remove-a` are not over"), "{said}");
    assert!(
        cluster.kubectl_output(&["get", "role", "wharf-coordinator", "--namespace", &a]).is_ok(),
        "nothing was done"
    );

    let gone = site.expect(0, &["remove", &a, "--yes", "--force"]);
    assert!(gone.contains("remove Job t-remove-a/runs\n"), "{gone}");
    let left = site.json(&[
        "get",
        "jobs,pods,networkpolicies,roles,rolebindings,resourcequotas,limitranges",
        "--namespace",
        &a,
    ]);
    assert_eq!(left["items"], json!([]), "{left}");
    let theirs = site.json(&["get", "secret", "theirs", "--namespace", &a]);
    assert_eq!(theirs["metadata"]["name"], "theirs");

    site.expect(0, &["remove", &a, "--yes", "--with-namespace"]);
    let went = ["wait", "--for=delete", "namespace", &a, "--timeout=60s"];
    cluster.kubectl_output(&went).unwrap();
}
