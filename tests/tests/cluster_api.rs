//! Who is answered over TCP on a real cluster, and about what: service accounts with tokens of their own, and the rights that
//! RoleBindings to the ClusterRoles of `deploy/` give them.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Output};
use std::time::{Duration, Instant};
use wharf::api::types::{ErrorBody, ErrorCode, RunAnswer};
use wharf::client::{Client, ClientError, Place, Remote};
use wharf_tests::binaries::{component, root};
use wharf_tests::cluster::Cluster;
use wharf_tests::serve::{DEADLINE, Home};

/// Who the coordinator is to the cluster.
const COORDINATOR: &str = "wharf-of-api-tests";
const OPERATOR: &str = "t-api-system";
const A: &str = "t-api-a";
const B: &str = "t-api-b";
/// No run and no backfill has this number.
const NONE: u64 = 4_711;

/// A coordinator on this machine that asks the cluster who is there.
struct Site<'a> {
    cluster: &'a Cluster,
    home: Home,
    child: Child,
    url: String,
    /// Every token that was shown to it.
    shown: Vec<String>,
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for space in [OPERATOR, A, B] {
            drop(self.cluster.kubectl_output(&["delete", "namespace", space, "--ignore-not-found", "--wait=false"]));
        }
        for (kind, name) in [
            ("clusterrole", format!("wharf-coordinator-{OPERATOR}")),
            ("clusterrolebinding", format!("wharf-coordinator-{OPERATOR}")),
            ("clusterrolebinding", "t-api-root-editor".to_owned()),
            ("clusterrolebinding", "t-api-root-operator".to_owned()),
        ] {
            drop(self.cluster.kubectl_output(&["delete", kind, &name, "--ignore-not-found"]));
        }
    }
}

/// Two tenants, with flows of the same names and one that only B has. The same for a cluster, so that
/// `wharf cluster apply` makes namespaces and rights.
fn configs() -> [String; 2] {
    let task =
        |name: &str, input: Value| json!({"name": name, "component": {"path": component("misbehave")}, "input": input});
    let document = |kind: &str, metadata: Value, spec: Value| {
        format!("{:#}\n---\n", json!({"apiVersion": "wharf.dev/v1", "kind": kind, "metadata": metadata, "spec": spec}))
    };
    let (mut local, mut cluster) = (String::new(), String::new());
    for tenant in [A, B] {
        local += &document("Tenant", json!({"name": tenant}), json!({}));
        let store =
            json!({"artifactStore": {"s3": {"bucket": "wharf", "prefix": tenant, "endpoint": "https://192.0.2.1"}}});
        cluster += &document("Tenant", json!({"name": tenant}), store);
        let says = task("says", json!({"mode": "print", "lines": 2, "bytes": 7}));
        let keeps = task("keeps", json!({"mode": "artifact", "name": "rows", "bytes": 9}));
        local += &document("Flow", json!({"name": "plain", "namespace": tenant}), json!({"tasks": [says, keeps]}));
        let echoes = task("echoes", json!({"mode": "echo", "value": 1}));
        let daily = json!({"partitions": {"daily": {"start": "2012-01-01"}}, "tasks": [echoes]});
        local += &document("Flow", json!({"name": "daily", "namespace": tenant}), daily);
    }
    let echoes = task("echoes", json!({"mode": "echo", "value": 1}));
    local += &document("Flow", json!({"name": "of-b", "namespace": B}), json!({"tasks": [echoes]}));
    let kubernetes = json!({
        "namespace": OPERATOR,
        "image": "registry.example.org/wharf-runtime:1",
        "artifactStore": {"s3": {"bucket": "wharf", "endpoint": "https://192.0.2.1"}},
    });
    cluster +=
        &document("Coordinator", json!({"name": "wharf"}), json!({"executor": "kubernetes", "kubernetes": kubernetes}));
    [local, cluster]
}

impl<'a> Site<'a> {
    /// Makes the cluster ready, and starts the coordinator.
    fn new(cluster: &'a Cluster, kubeconfig: &str) -> Site<'a> {
        let [local, tenants] = configs();
        let home = Home::new(&local).unwrap();
        let gone = ["delete", "namespace", OPERATOR, A, B, "--ignore-not-found", "--timeout=60s"];
        cluster.kubectl_output(&gone).unwrap();
        let file = home.path().join("cluster.yaml");
        std::fs::write(&file, tenants).unwrap();
        let mut apply = home.command("wharf", &["cluster", "apply", "--coordinator-user", COORDINATOR]);
        let applied = apply.env("KUBECONFIG", cluster.kubeconfig()).arg("--config").arg(&file);
        // The command names the other configuration already.
        let applied = without_config(applied, &home).output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let roles = root().join("deploy/kubernetes/base/roles-users.yaml");
        cluster.kubectl_output(&["apply", "--filename", roles.to_str().unwrap()]).unwrap();

        let config = home.path().join("kubeconfig");
        std::fs::write(&config, kubeconfig).unwrap();
        let log = home.path().join("serve.log");
        let mut serve = home.command("wharf", &["serve", "--listen", "127.0.0.1:0", "--authentication", "kubernetes"]);
        // Whatever any part of it can be made to tell.
        serve.env("RUST_LOG", "trace");
        serve.arg("--kubeconfig").arg(&config).stderr(std::fs::File::create(&log).unwrap());
        let mut site = Site { cluster, home, child: serve.spawn().unwrap(), url: String::new(), shown: Vec::new() };
        let listening = site.until("it listens", |site| {
            if let Some(status) = site.child.try_wait().unwrap() {
                panic!("wharf serve ended ({status}): {}", site.log());
            }
            let log = site.log();
            let line = log.lines().find_map(|l| l.strip_prefix("listening on "))?;
            line.rsplit_once(" and ").map(|(_, address)| address.to_owned())
        });
        site.url = format!("http://{listening}");
        site
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("serve.log")).unwrap_or_default()
    }

    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Site<'a>) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "not in {DEADLINE:?}: {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kubectl(&self, args: &[&str]) -> String {
        self.cluster.kubectl_output(args).unwrap().trim().to_owned()
    }

    /// A service account of namespace A.
    fn account(&self, name: &str) {
        self.kubectl(&["create", "serviceaccount", name, "--namespace", A]);
    }

    /// A token of a service account of namespace A, for this audience.
    fn token(&mut self, name: &str, audience: Option<&str>) -> String {
        let audience = audience.map(|a| format!("--audience={a}"));
        let mut args = vec!["create", "token", name, "--namespace", A, "--duration=10m"];
        args.extend(audience.as_deref());
        let token = self.kubectl(&args);
        self.shown.push(token.clone());
        token
    }

    /// The file that a token is in, under this name.
    fn file(&self, name: &str, token: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, token).unwrap();
        file
    }

    fn client(&self, name: &str, token: Option<&str>) -> Client {
        let file = token.map(|token| self.file(name, token));
        Client::at(Place::Remote(Box::new(Remote::new(&self.url, file, None).unwrap())))
    }

    /// Somebody with these ClusterRoles of wharf's in namespace A.
    fn user(&mut self, name: &str, roles: &[&str]) -> Client {
        self.account(name);
        for role in roles {
            let (role, account) = (format!("--clusterrole={role}"), format!("--serviceaccount={A}:{name}"));
            self.kubectl(&["create", "rolebinding", name, "--namespace", A, &role, &account]);
        }
        let token = self.token(name, Some("wharf"));
        self.client(name, Some(&token))
    }

    /// A command where nothing of wharf's is, as somebody whose token is in a file.
    fn wharf(&self, token: &Path, args: &[&str]) -> Output {
        let empty = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(wharf_tests::binaries::binary("wharf"));
        command.args(["--server", &self.url, "--token-file"]).arg(token).args(args);
        command.current_dir(empty.path()).env_clear().env("HOME", empty.path()).output().unwrap()
    }
}

/// The same command without the folder's own configuration.
fn without_config(command: &std::process::Command, home: &Home) -> std::process::Command {
    let own = home.path().join("wharf.yaml");
    let mut args: Vec<_> = command.get_args().collect();
    let at = args.iter().position(|a| **a == *own.as_os_str()).unwrap();
    args.drain(at - 1..=at);
    let mut other = std::process::Command::new(command.get_program());
    other.args(args).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

async fn get(client: &Client, path: &str) -> Result<Value, ErrorBody> {
    told(path, client.get(path).await)
}

async fn post(client: &Client, path: &str, body: Value) -> Result<Value, ErrorBody> {
    told(path, client.post(path, &body).await)
}

fn told(path: &str, answer: Result<Value, ClientError>) -> Result<Value, ErrorBody> {
    answer.map_err(|e| match e {
        ClientError::Api(error) => error,
        other => panic!("{path}: {other}"),
    })
}

/// Refused, for want of this right in this place.
fn refused(answer: Result<Value, ErrorBody>, right: &str, place: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden, "{error:?}");
    assert!(error.message.contains(&format!("the right `{right}`")) && error.message.contains(place), "{error:?}");
}

/// The flows that a list is about.
fn flows(list: &Value, of: &str) -> Vec<String> {
    let mut flows: Vec<_> =
        list[of].as_array().unwrap().iter().map(|x| x["flow"].as_str().unwrap().to_owned()).collect();
    flows.sort();
    flows.dedup();
    flows
}

/// What the socket's owner made before anybody asks.
struct Made {
    run: [u64; 2],
    backfill: [u64; 2],
    digest: String,
}

async fn make(site: &Site<'_>) -> Made {
    let owner = Client::new(site.home.state().join("wharf.sock"));
    let (mut run, mut backfill) = ([0; 2], [0; 2]);
    for (n, tenant) in [A, B].into_iter().enumerate() {
        let made = post(&owner, "/v1/runs?wait=true", json!({"flow": format!("{tenant}/plain")})).await.unwrap();
        assert_eq!(made["state"], "succeeded");
        run[n] = made["run"].as_u64().unwrap();
        let range = json!({"flow": format!("{tenant}/daily"), "from": "2012-01-01", "to": "2012-01-02"});
        let made = post(&owner, "/v1/backfills", range).await.unwrap();
        backfill[n] = made["backfill"].as_u64().unwrap();
    }
    let kept = get(&owner, &format!("/v1/runs/{}/artifacts", run[1])).await.unwrap();
    let digest = kept["artifacts"][0]["artifact"]["digest"].as_str().unwrap().to_owned();
    Made { run, backfill, digest }
}

/// Somebody who may do everything in A sees nothing of B, not even that it is there.
async fn one_tenant_alone(ada: &Client, made: &Made) {
    let [a, _] = made.run;
    for (path, of) in [("/v1/runs", "runs"), ("/v1/flows", "flows"), ("/v1/backfills", "backfills")] {
        let seen = flows(&get(ada, path).await.unwrap(), of);
        assert!(!seen.is_empty() && seen.iter().all(|flow| flow.starts_with(A)), "{path}: {seen:?}");
    }
    // Both tenants have a flow of this name, and she only one.
    assert_eq!(flows(&get(ada, "/v1/runs?flow=plain").await.unwrap(), "runs"), [format!("{A}/plain")]);
    let own = post(ada, "/v1/runs?wait=true", json!({"flow": "plain"})).await.unwrap();
    assert_eq!(own["state"], "succeeded");
    let shown = get(ada, &format!("/v1/runs/{}", own["run"])).await.unwrap();
    assert_eq!(shown["summary"]["flow"], format!("{A}/plain"));
    let log = ada.get_text(&format!("/v1/runs/{a}/logs")).await.unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
    let content = format!("/v1/runs/{a}/artifacts/content?digest={}", made.digest);
    assert_eq!(ada.get_text(&content).await.unwrap().len(), 9);
    assert_eq!(post(ada, &format!("/v1/runs/{a}/cancel"), json!({})).await.unwrap_err().code, ErrorCode::Conflict);

    refused(get(ada, &format!("/v1/runs?flow={B}/plain")).await, "list runs", B);
    refused(get(ada, &format!("/v1/ticks?flow={B}/plain")).await, "get flows", B);
    refused(post(ada, "/v1/runs", json!({"flow": format!("{B}/plain")})).await, "create runs", B);
    refused(post(ada, "/v1/runs", json!({"flow": format!("{B}/none")})).await, "create runs", B);
    let range = json!({"flow": format!("{B}/daily"), "from": "2012-01-01", "to": "2012-01-02"});
    refused(post(ada, "/v1/backfills", range).await, "create backfills", B);
    let unknown = post(ada, "/v1/runs", json!({"flow": "of-b"})).await.unwrap_err();
    assert_eq!((unknown.code, unknown.message.as_str()), (ErrorCode::NotFound, "there is no flow `of-b`"));
    refused(post(ada, "/v1/reload", json!({})).await, "update configs", "in the cluster");
    refused(get(ada, "/metrics").await, "get configs", "in the cluster");
    get(ada, "/v1/health/live").await.unwrap();
}

/// What is another's, and what is not there at all, are told in the same words.
async fn hidden_alike(ada: &Client, made: &Made) {
    let content = format!("artifacts/content?digest={}", made.digest);
    let cases = [
        ("runs", made.run[1], "", "get runs"),
        ("runs", made.run[1], "watch", "get runs"),
        ("runs", made.run[1], "logs", "get runs/log"),
        ("runs", made.run[1], "logs?follow=true", "get runs/log"),
        ("runs", made.run[1], "artifacts", "get artifacts"),
        ("runs", made.run[1], &content, "get artifacts"),
        ("runs", made.run[1], "cancel", "update runs"),
        ("runs", made.run[1], "retry", "update runs"),
        ("backfills", made.backfill[1], "", "get backfills"),
        ("backfills", made.backfill[1], "watch", "get backfills"),
        ("backfills", made.backfill[1], "cancel", "update backfills"),
    ];
    for (kind, theirs, what, right) in cases {
        let mut said = Vec::new();
        for id in [theirs, NONE] {
            let path = format!("/v1/{kind}/{id}/{what}").trim_end_matches('/').to_owned();
            let answer = match right.starts_with("update") {
                true => post(ada, &path, json!({})).await,
                false => get(ada, &path).await,
            };
            let error = answer.unwrap_err();
            said.push((error.code, error.message.replace(&format!(" {id} "), " N "), error.hint.clone()));
            refused(Err(error), right, "there is no");
        }
        assert_eq!(said[0], said[1], "{kind} {what}");
        assert!(!said[0].1.contains(B), "{said:?}");
    }
}

#[tokio::test]
async fn who_may_what_is_what_the_cluster_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(ours) = cluster.ours() else {
        eprintln!("not run: it takes a user that only a cluster of the tests' own has");
        return;
    };
    let mut site = Site::new(cluster, &ours.user_kubeconfig(COORDINATOR, &[]).unwrap());
    let made = make(&site).await;
    let ada = site.user("ada", &["wharf-editor"]);
    let vic = site.user("vic", &["wharf-viewer"]);
    let eve = site.user("eve", &[]);
    let root = site.user("root", &[]);
    for role in ["editor", "operator"] {
        let (name, role) = (format!("t-api-root-{role}"), format!("--clusterrole=wharf-{role}"));
        site.kubectl(&["create", "clusterrolebinding", &name, &role, &format!("--serviceaccount={A}:root")]);
    }
    let [run_a, run_b] = made.run;

    one_tenant_alone(&ada, &made).await;
    hidden_alike(&ada, &made).await;

    // Who may see may not change; that it is there is no secret then.
    get(&vic, &format!("/v1/runs/{run_a}")).await.unwrap();
    get(&vic, &format!("/v1/backfills/{}", made.backfill[0])).await.unwrap();
    refused(post(&vic, "/v1/runs", json!({"flow": format!("{A}/plain")})).await, "create runs", A);
    refused(post(&vic, "/v1/runs", json!({"flow": "plain"})).await, "create runs", "of any tenant");
    for verb in ["cancel", "retry"] {
        let answer = post(&vic, &format!("/v1/runs/{run_a}/{verb}"), json!({})).await;
        refused(answer, "update runs", &format!("in namespace `{A}`"));
    }
    for (path, right) in [("/v1/runs", "list runs"), ("/v1/flows", "list flows"), ("/v1/backfills", "list backfills")] {
        refused(get(&eve, path).await, right, "of any tenant");
    }
    refused(get(&eve, &format!("/v1/runs/{run_a}")).await, "get runs", "there is no");

    // Who has the right everywhere is told what there is, and what there is not.
    assert_eq!(flows(&get(&root, "/v1/flows").await.unwrap(), "flows").len(), 5);
    assert_eq!(get(&root, &format!("/v1/runs/{run_b}")).await.unwrap()["summary"]["flow"], format!("{B}/plain"));
    for path in [format!("/v1/runs/{NONE}"), format!("/v1/backfills/{NONE}"), format!("/v1/runs?flow={B}/none")] {
        assert_eq!(get(&root, &path).await.unwrap_err().code, ErrorCode::NotFound, "{path}");
    }
    assert_eq!(post(&root, "/v1/reload", json!({})).await.unwrap()["flows"], 5);
    assert!(root.get_text("/metrics").await.unwrap().contains("wharf_runs_total"));

    tokens(&mut site).await;
    commands(&site, run_a, run_b);
    taken_away(&mut site, &vic, run_a).await;

    let log = site.log();
    assert!(log.contains(&format!("system:serviceaccount:{A}:ada")), "who did what is told: {log}");
    for token in &site.shown {
        let signature = token.rsplit('.').next().unwrap();
        assert!(
            !token.is_empty() && !log.contains(token.as_str()) && !log.contains(signature),
            "a token is in the log"
        );
    }
}

/// Only a token that was made for wharf, by this cluster, for somebody who is still there.
async fn tokens(site: &mut Site<'_>) {
    site.account("gone");
    let gone = site.token("gone", Some("wharf"));
    site.kubectl(&["delete", "serviceaccount", "gone", "--namespace", A]);
    let good = site.token("root", Some("wharf"));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let api_server = site.token("root", None);
    let another = site.token("root", Some("wharf-of-others"));
    for (what, token) in [
        ("none", None),
        ("garbage", Some("garbage")),
        ("forged", Some(forged.as_str())),
        ("made for the API server", Some(&api_server)),
        ("made for another", Some(&another)),
        ("of an account that is gone", Some(&gone)),
    ] {
        let client = site.client("bad", token);
        for path in ["/v1/runs", "/v1/health/live", "/metrics"] {
            let error = get(&client, path).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Unauthorized, "{what}: {path}: {error:?}");
        }
    }
    // The one that is good here is worth nothing at the API server.
    let asked = site.cluster.kubectl(&["get", "namespaces", "--kubeconfig=/dev/null", "--token", &good]);
    assert!(!{ asked }.output().unwrap().status.success());
    // The file is read for each request.
    let client = site.client("renewed", Some(&good));
    get(&client, "/v1/runs").await.unwrap();
    site.file("renewed", "garbage");
    assert_eq!(get(&client, "/v1/runs").await.unwrap_err().code, ErrorCode::Unauthorized);
    site.file("renewed", &good);
    get(&client, "/v1/runs").await.unwrap();
}

/// The commands, from a folder where nothing of wharf's is.
fn commands(site: &Site<'_>, run_a: u64, run_b: u64) {
    let (ada, run_a, run_b) = (site.home.path().join("ada"), run_a.to_string(), run_b.to_string());
    let daily = format!("{A}/daily");
    for (args, expect) in [
        (&["runs", "-o", "json"][..], "plain"),
        (&["flows"], &daily),
        (&["backfills"], &daily),
        (&["show", &run_a], "succeeded"),
        (&["logs", &run_a, "says", "--follow"], "xxxxxxx"),
        (&["artifact", &run_a], "rows"),
        (&["trigger", "plain", "--wait"], "succeeded"),
        (&["backfill", &daily, "--from", "2012-01-03", "--to", "2012-01-04"], "2 succeeded"),
        (&["retry", &run_a, "--from", "says", "--wait"], "succeeded"),
    ] {
        let output = site.wharf(&ada, args);
        let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains(expect), "{args:?}: {out}{said}");
        assert!(!out.contains(B) && !said.contains(B), "{args:?}: {out}{said}");
    }
    let garbage = site.file("garbage", "garbage");
    let nowhere = site.home.path().join("nowhere");
    let theirs = format!("{B}/plain");
    for (token, args, code, expect) in [
        (&ada, &["trigger", &theirs][..], 5, "has not the right `create runs`"),
        (&ada, &["show", &run_b], 5, "there is no run"),
        (&ada, &["reload"], 5, "has not the right `update configs`"),
        (&garbage, &["runs"], 5, "kubectl create token"),
        (&nowhere, &["runs"], 4, "--token-file"),
    ] {
        let output = site.wharf(token, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(expect), "{args:?}: {said}");
    }
}

/// A right that is taken away counts for as long as an answer of the cluster does, and no longer.
async fn taken_away(site: &mut Site<'_>, vic: &Client, run: u64) {
    let path = format!("/v1/runs/{run}");
    get(vic, &path).await.unwrap();
    site.kubectl(&["delete", "rolebinding", "vic", "--namespace", A]);
    let begun = Instant::now();
    // Each answer has its own time: that there is such a run may be known a little longer than what it is.
    while !get(vic, &path).await.is_err_and(|e| e.message.starts_with("there is no")) {
        assert!(begun.elapsed() < DEADLINE, "a right that is gone is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    refused(get(vic, &path).await, "get runs", "there is no");
    let answer: Result<RunAnswer, _> = vic.post(&format!("{path}/cancel"), &json!({})).await;
    assert!(matches!(answer, Err(ClientError::Api(e)) if e.code == ErrorCode::Forbidden));
}
