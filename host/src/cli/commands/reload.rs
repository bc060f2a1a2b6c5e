use crate::api::types::ReloadAnswer;
use crate::cli::session::{block_on, coordinator_of};
use crate::cli::{Context, Exit, Failure, human};

/// Have the coordinator read its configuration anew
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`wharf serve` sees by itself that a file has changed; this waits until it is taken over. One with
faults is refused, and the configuration before stays: exit code 3.

Examples:
  wharf reload
  wharf --server https://wharf.example.org --token-file token reload")]
pub(in crate::cli) struct Args {}

pub(in crate::cli) fn run(context: &Context) -> Result<Exit, Failure> {
    let answer: ReloadAnswer = block_on(async {
        let Some(client) = coordinator_of(context).await? else {
            return Err(Failure::refused("no coordinator runs on this state folder")
                .hint("the next one reads the configuration when it starts"));
        };
        Ok(client.post("/v1/reload", &serde_json::json!({})).await?)
    })?;
    if context.out.json() {
        context.out.value(&answer)?;
        return Ok(Exit::Ok);
    }
    let what = if answer.changed { "taken over" } else { "as it was" };
    context.out.line(format!("the configuration is {what}: {}", human::count(answer.flows, "flow")))?;
    Ok(Exit::Ok)
}
