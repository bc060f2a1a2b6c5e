//! A flow whose attempts leave things, and what they left.

use super::World;
use crate::binaries::component;
use crate::serve::Home;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn task(name: &str, needs: &[&str], input: Value) -> Value {
    json!({"name": name, "component": {"path": component("misbehave")}, "needs": needs, "input": input})
}

impl World<'_> {
    /// The flow `keeping`, whose tasks keep artifacts, read them, give outputs of three sizes, and log.
    #[must_use]
    pub fn keeping(&self) -> String {
        let tasks = [
            task("keeps", &[], json!({"mode": "artifact", "name": "rows", "bytes": 100_000})),
            task("reads", &["keeps"], json!({"mode": "read-artifact", "artifact": "{{ tasks.keeps.output }}"})),
            task("inline", &[], json!({"mode": "big-output", "bytes": 4_000})),
            task("large", &[], json!({"mode": "big-output", "bytes": 50_000})),
            task("logs", &[], json!({"mode": "log-flood", "lines": 50, "bytes": 20})),
            task("uses", &["inline"], json!({"mode": "echo", "value": "{{ tasks.inline.output | length }}"})),
        ];
        self.flow("keeping", &json!({ "tasks": tasks }))
    }

    /// The same tenant with these flows on this machine.
    ///
    /// # Errors
    /// Where its folder cannot be made.
    pub fn local(&self, flows: &str) -> Result<Home> {
        let tenant = self.tenant();
        let head = format!("apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: {tenant}}}\nspec: {{}}\n---\n");
        Home::new(&(head + flows))
    }
}

/// What a run's first attempts gave, by task; of what `wharf run -o json` or `wharf show -o json` prints.
///
/// # Errors
/// Where it is none of that.
pub fn outcomes(detail: &str) -> Result<BTreeMap<String, Value>> {
    let detail: Value = serde_json::from_str(detail)?;
    let tasks = detail["tasks"].as_array().context("a run has tasks")?.iter().map(|task| {
        let outcome = &task["attempts"][0]["outcome"];
        let pick = json!({"cause": outcome["cause"], "output": outcome["output"], "artifacts": outcome["artifacts"]});
        Ok((task["task"].as_str().context("a task has a name")?.to_owned(), pick))
    });
    tasks.collect()
}
