use super::verdict;
use crate::binaries::component;
use crate::config;
use crate::serve::{DEADLINE, Home, Serve};
use anyhow::Result;
use serde_json::json;
use std::time::Instant;
use wharf::api::types::{CreateRun, RunAnswer, RunDetail};

const MIB: f64 = 1024.0 * 1024.0;

/// (e) The coordinator's memory, idle and with 10,000 expanded, unfinished attempts.
pub(super) async fn resident() -> Result<()> {
    let spec = format!(
        "  params: {{defaults: {{n: 1}}}}\n  tasks:\n    - name: wait\n      component: {{path: {}}}\n      \
         forEach: {{items: \"{{{{ range(params.n) | list }}}}\"}}\n      input: {{mode: sleep-until-cancelled}}\n",
        component("misbehave").display()
    );
    let home = Home::new(&(config::head(32) + &config::flow("wait", &spec)))?;
    let serve = home.serve().await?;
    let idle = serve.resident()? as f64 / MIB;
    println!("e  idle                   {idle:>9.1} MiB resident, target 30: {}", verdict(idle <= 30.0));
    let request = CreateRun {
        flow: "wait".into(),
        params: json!({"n": 10_000}).as_object().cloned().unwrap_or_default(),
        partition: None,
    };
    let answer: RunAnswer = serve.client.post("/v1/runs", &request).await?;
    wait_running(&serve, &answer).await?;
    let full = serve.resident()? as f64 / MIB;
    println!("e  10,000 unfinished      {full:>9.1} MiB resident, target 150: {}", verdict(full <= 150.0));
    let _: RunAnswer = serve.client.post(&format!("/v1/runs/{}/cancel", answer.run), &json!({})).await?;
    Ok(())
}

/// Waits until the fan-out is expanded and all slots are taken.
async fn wait_running(serve: &Serve, run: &RunAnswer) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let detail: RunDetail = serve.client.get(&format!("/v1/runs/{}", run.run)).await?;
        let items = detail.tasks.first().and_then(|t| t.items);
        if items.is_some_and(|i| i.total == 10_000 && i.running == 32) {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "the fan-out did not start in time: {items:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
