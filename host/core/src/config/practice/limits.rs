//! What is not said of an attempt's size is guessed, for all tasks alike.

use super::Rule;
use crate::config::elements::task::Task;
use crate::config::reader::Reader;
use crate::config::yaml::Node;
use crate::plan::Resources;
use crate::pod::{DEFAULT_LIMITS, DEFAULT_REQUESTS, REQUEST_CPU};
use crate::quantity::Bytes;
use wharf_contract::Limits;

/// Warns of a task whose memory or share of a node is not said. What it requests of memory follows from its limit.
pub(super) fn task(reader: &mut Reader<'_>, task: &Task, resources: &Resources) {
    let memory = Bytes(Limits::default().memory).to_string();
    let missing = missing(
        (resources.limit_memory.is_none(), &memory),
        (resources.request_cpu.is_none(), &REQUEST_CPU.to_string()),
    );
    if let Some(Missing { names, values, example }) = missing {
        let message = format!("nobody says {names} of `{}`: taken is {values}", task.name);
        let hint = format!("say it, as `{example}`, here or in `spec.defaults` of the tenant");
        reader.practice(task.at, Rule::Limits, message, hint);
    }
}

/// Warns of init containers whose memory or share of a node is not said.
pub(super) fn containers(reader: &mut Reader<'_>, template: &Node) {
    for container in super::writes::own_containers(template) {
        let Some(name) = container.get("name") else { continue };
        let resources = container.get("resources");
        let says = |of: &str, what: &str| resources.and_then(|r| r.get(of)?.get(what)).is_some();
        let missing = missing(
            (!says("limits", "memory"), &DEFAULT_LIMITS.memory.to_string()),
            (!says("requests", "cpu") && !says("limits", "cpu"), &DEFAULT_REQUESTS.cpu.to_string()),
        );
        if let Some(Missing { names, values, example }) = missing {
            let text = name.text().unwrap_or_default();
            let message = format!("nobody says {names} of the init container `{text}`: taken is {values}");
            reader.practice(name.at, Rule::Limits, message, format!("say it: `{example}`"));
        }
    }
}

struct Missing {
    names: &'static str,
    values: String,
    example: String,
}

fn missing((no_memory, memory): (bool, &str), (no_cpu, cpu): (bool, &str)) -> Option<Missing> {
    let (names, values, inner) = match (no_memory, no_cpu) {
        (false, false) => return None,
        (true, false) => ("`limits.memory`", memory.to_owned(), format!("limits: {{memory: {memory}}}")),
        (false, true) => ("`requests.cpu`", cpu.to_owned(), format!("requests: {{cpu: {cpu}}}")),
        (true, true) => (
            "`limits.memory` and `requests.cpu`",
            format!("{memory} and {cpu}"),
            format!("limits: {{memory: {memory}}}, requests: {{cpu: {cpu}}}"),
        ),
    };
    Some(Missing { names, values, example: format!("resources: {{{inner}}}") })
}
