//! A real Prometheus reads every metric that `host/METRICS.md` documents from a coordinator whose attempts run in a cluster.
//!
//! It goes by `deploy/prometheus/scrape.yaml`, but for one thing: Debian builds Prometheus without the discovery of
//! Kubernetes. What that discovers is given to it by a file in its place, with the labels that it would have; what becomes of
//! them is the scrape config's.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use std::path::Path;
use wharf_tests::binaries::{component, root};
use wharf_tests::cluster::Cluster;
use wharf_tests::cluster_world::{Setup, World};
use wharf_tests::prometheus::{self, Prometheus};
use wharf_tests::serve::DEADLINE;

/// What the scrape config discovers.
const DISCOVERY: &str = "    kubernetes_sd_configs:
      - role: pod
        namespaces: {names: [wharf-system]}
";

/// The scrape config of `deploy/`, with these targets as what was discovered.
fn scrape(targets: &Value, dir: &Path) -> String {
    let config = std::fs::read_to_string(root().join("deploy/prometheus/scrape.yaml")).unwrap();
    assert!(config.contains(DISCOVERY), "another discovery than this test knows: {config}");
    let file = dir.join("targets.json");
    std::fs::write(&file, targets.to_string()).unwrap();
    config.replace(DISCOVERY, &format!("    file_sd_configs: [{{files: ['{}']}}]\n", file.display()))
}

/// A port of a coordinator's pod, as Kubernetes' discovery describes it.
fn port(address: &str, name: &str) -> Value {
    json!({
        "targets": [address],
        "labels": {
            "__meta_kubernetes_namespace": "wharf-system",
            "__meta_kubernetes_pod_name": "wharf-0",
            "__meta_kubernetes_pod_container_name": "wharf",
            "__meta_kubernetes_pod_container_port_name": name,
        },
    })
}

#[test]
fn a_prometheus_reads_every_metric_of_a_coordinator_of_a_cluster() {
    if !prometheus::is_there() {
        return;
    }
    let Some(cluster) = Cluster::shared() else { return };
    let Some(world) = World::new(cluster, "t-metrics").unwrap() else { return };
    // Room for one pod: the second attempt waits for it.
    let setup = Setup {
        coordinator: json!({ "pools": { "few": 2 } }),
        tenant: json!({ "resourceQuota": { "hard": { "pods": "1" } } }),
        ..Setup::default()
    };
    let task = json!({
        "name": "each", "pool": "few", "component": { "path": component("noop") }, "forEach": { "items": [1, 2] },
        "input": "{{ item }}", "resources": { "limits": { "memory": "32Mi" } },
    });
    let home = world.home(&(world.head(&setup) + &world.flow("two", &json!({ "tasks": [task] })))).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serve = tokio.block_on(home.serve_with(&["--health-listen", "127.0.0.1:0"])).unwrap();
    let said = serve.said();
    let (_, said) = said.split_once("probes and metrics on ").unwrap();
    let address = said.split_whitespace().next().unwrap();
    let run = home.command("wharf", &["trigger", "two", "--wait"]).output().unwrap();
    assert!(run.status.success(), "{}\n{}", String::from_utf8_lossy(&run.stderr), serve.said());
    let reloaded: Value = tokio.block_on(serve.client.post("/v1/reload", &json!({}))).unwrap();
    assert!(reloaded.is_object(), "{reloaded}");

    let metrics = tokio.block_on(serve.client.get_text("/metrics")).unwrap();
    prometheus::check(&metrics).unwrap();

    let targets = json!([port(address, "health"), port("127.0.0.1:9", "http")]);
    let prometheus = Prometheus::start(&scrape(&targets, home.path())).unwrap();
    let documented = prometheus::documented(&root().join("host/METRICS.md")).unwrap();
    prometheus.wait_for(&documented, DEADLINE).unwrap();
    assert_eq!(prometheus.targets().unwrap().as_array().unwrap().len(), 1, "only the port for probes is scraped");
    let leader = &prometheus.query("wharf_leader").unwrap()[0];
    let labels = &leader["metric"];
    assert_eq!(
        (&labels["job"], &labels["namespace"], &labels["pod"]),
        (&json!("wharf"), &json!("wharf-system"), &json!("wharf-0"))
    );
    assert_eq!(leader["value"][1], "1", "{leader}");

    // Both attempts went through every phase, and one waited.
    let value = |query: &str, label: &str, wanted: &str| -> f64 {
        let samples = prometheus.query(query).unwrap();
        let found = samples.iter().find(|sample| sample["metric"][label] == wanted);
        let found = found.unwrap_or_else(|| panic!("no {query} with {label} {wanted}: {samples:?}"));
        found["value"][1].as_str().unwrap().parse().unwrap()
    };
    for phase in ["queued", "created", "scheduled", "started", "guest", "recorded"] {
        assert_eq!(value("wharf_attempt_phase_seconds_count", "phase", phase), 2.0, "{phase}");
    }
    let of = |phase| value("wharf_attempt_phase_seconds_sum", "phase", phase);
    assert!(of("queued") > of("recorded"), "one waited until the pod of the other was over: {metrics}");
    assert!(value("wharf_kubernetes_quota_waits_total", "job", "wharf") >= 1.0);
    for verb in ["create", "delete", "list", "patch", "watch"] {
        assert!(value("wharf_kubernetes_calls_total", "verb", verb) >= 1.0, "{verb}");
    }
    assert!(value("wharf_kubernetes_watches_total", "reason", "first") >= 1.0);
}
