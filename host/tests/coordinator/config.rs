use crate::support::{DEADLINE, Home, component, flow_of};
use serde_json::json;
use wharf::api::types::{ErrorCode, FlowList, Ready, ReloadAnswer};
use wharf::coordinator::StartError;
use wharf_core::event::RunState;

fn flow() -> String {
    flow_of(&[("a", "noop", json!({}))])
}

#[tokio::test]
async fn a_config_with_faults_is_refused_and_the_one_before_stays() {
    let home = Home::new(&flow());
    let running = home.start().await;
    home.write(&flow().replace("component", "komponent"));
    let error = running.refused("/v1/reload", &json!({})).await;
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert!(error.message.contains("wharf.yaml:6:"), "{}", error.message);
    let ready: Ready = running.get("/v1/health/ready").await;
    assert_eq!((ready.ready, ready.config_error), (true, Some(error.message)));
    assert_eq!(running.run("f").await.summary.state, RunState::Succeeded);

    home.write(&format!("{}---\n{}", flow(), flow().replace("{name: f}", "{name: g}")));
    let answer: ReloadAnswer = running.post("/v1/reload", &json!({})).await;
    assert_eq!(answer.flows, 2);
    assert_eq!(running.get::<Ready>("/v1/health/ready").await.config_error, None);
    assert_eq!(running.run("g").await.summary.state, RunState::Succeeded);
    running.drain().await;
}

#[tokio::test]
async fn a_changed_file_is_taken_over_by_itself() {
    let home = Home::new(&flow());
    let running = home.start().await;
    // As an editor does it: another file is put in its place.
    std::fs::write(home.path("new"), flow().replace("{name: f}", "{name: g}")).unwrap();
    std::fs::rename(home.path("new"), home.path("wharf.yaml")).unwrap();
    let changed = async {
        while running.get::<FlowList>("/v1/flows").await.flows[0].flow != "default/g" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, changed).await.unwrap();
    running.drain().await;
}

#[tokio::test]
async fn a_changed_component_is_taken_over_by_itself() {
    let home = Home::new("");
    let noop = component("noop");
    let mut bytes = std::fs::read(&noop).unwrap();
    std::fs::write(home.path("task.wasm"), &bytes).unwrap();
    home.write(&flow().replace(noop.to_str().unwrap(), "task.wasm"));
    let running = home.start().await;
    let digest = |flows: FlowList| flows.flows[0].digest.clone();
    let before = digest(running.get("/v1/flows").await);
    // A custom section without content, named `x`.
    bytes.extend(b"\x00\x02\x01x");
    std::fs::write(home.path("new"), &bytes).unwrap();
    std::fs::rename(home.path("new"), home.path("task.wasm")).unwrap();
    let changed = async {
        while digest(running.get("/v1/flows").await) == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, changed).await.unwrap();
    running.drain().await;
}

#[tokio::test]
async fn nothing_starts_with_a_config_that_has_faults() {
    let home = Home::new(&flow().replace("name: f", "name: F"));
    match home.start_with(home.options()).await {
        Err(StartError::Config(text)) => assert!(text.contains("wharf.yaml:3:"), "{text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
    assert!(!home.path("state/wharf.sock").exists());
    home.write(&flow());
    home.start().await.drain().await;
}
