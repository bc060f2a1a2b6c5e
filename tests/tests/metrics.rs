//! The metrics of a real coordinator, read by what reads metrics in earnest.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use serde_json::{Value, json};
use wharf_tests::binaries::{component, root};
use wharf_tests::prometheus::{self, Prometheus};
use wharf_tests::serve::{DEADLINE, Home, Serve};

/// Attempts that succeed, fail and are tried again, in a pool, one after the other.
fn config() -> String {
    let noop = component("noop").display().to_string();
    let misbehave = component("misbehave").display().to_string();
    let flow = json!({
        "apiVersion": "wharf.dev/v1", "kind": "Flow", "metadata": { "name": "f" },
        "spec": { "tasks": [
            { "name": "many", "component": { "path": noop }, "forEach": { "items": [1, 2, 3] }, "pool": "p" },
            { "name": "fails", "component": { "path": misbehave }, "input": { "mode": "panic", "message": "boom" },
              "retry": { "attempts": 2, "backoff": { "min": "10ms", "max": "10ms" } } },
        ] },
    });
    let coordinator = json!({ "apiVersion": "wharf.dev/v1", "kind": "Coordinator", "spec": { "pools": { "p": 1 } } });
    format!("{coordinator}\n---\n{flow}\n")
}

async fn run(serve: &Serve) {
    let asked = json!({ "flow": "f" });
    let answer: Value = serve.client.post("/v1/runs?wait=true", &asked).await.unwrap();
    assert_eq!(answer["state"], "failed", "{answer}");
}

/// A coordinator that has done something of everything, and where its metrics are to be had.
async fn busy(home: &Home) -> (Serve, String) {
    let serve = home.serve_with(&["--health-listen", "127.0.0.1:0"]).await.unwrap();
    run(&serve).await;
    let reloaded: Value = serve.client.post("/v1/reload", &json!({})).await.unwrap();
    assert!(reloaded.is_object(), "{reloaded}");
    let said = serve.said();
    let address = said.split_once("probes and metrics on ").map(|(_, rest)| rest.split_whitespace().next().unwrap());
    let address = address.unwrap_or_else(|| panic!("it does not say where: {said}")).to_owned();
    (serve, address)
}

#[tokio::test]
async fn promtool_accepts_the_metrics_of_a_coordinator() {
    if !prometheus::is_there() {
        return;
    }
    let home = Home::new(&config()).unwrap();
    let (serve, _) = busy(&home).await;
    let metrics = serve.client.get_text("/metrics").await.unwrap();
    prometheus::check(&metrics).unwrap();
    let sample = |line: &str| assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    sample(r#"wharf_attempts_total{tenant="default",outcome="succeeded",cause="succeeded"} 3"#);
    sample(r#"wharf_attempts_total{tenant="default",outcome="failed",cause="trap"} 2"#);
    for phase in ["queued", "started", "guest", "recorded"] {
        sample(&format!(r#"wharf_attempt_phase_seconds_count{{phase="{phase}"}} 5"#));
    }
}

/// What only a coordinator has that speaks to a cluster.
const OF_A_CLUSTER: [&str; 2] = ["wharf_kubernetes_calls_total", "wharf_kubernetes_watches_total"];

#[tokio::test]
async fn a_prometheus_reads_every_metric_of_a_coordinator() {
    if !prometheus::is_there() {
        return;
    }
    let home = Home::new(&config()).unwrap();
    let (_serve, address) = busy(&home).await;
    let scrape = json!({ "job_name": "wharf", "static_configs": [{ "targets": [address] }] });
    let prometheus = Prometheus::start(&format!("scrape_configs: [{scrape}]\n")).unwrap();
    let documented = prometheus::documented(&root().join("host/METRICS.md")).unwrap();
    let wanted = documented.into_iter().filter(|name| !OF_A_CLUSTER.contains(&name.as_str())).collect();
    prometheus.wait_for(&wanted, DEADLINE).unwrap();
    let leader = &prometheus.query("wharf_leader").unwrap()[0];
    assert_eq!((&leader["metric"]["job"], &leader["value"][1]), (&json!("wharf"), &json!("1")), "{leader}");
}
