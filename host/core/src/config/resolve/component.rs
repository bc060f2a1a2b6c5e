//! Whether a component can run as the task says.

use crate::config::Catalog;
use crate::config::elements::task::Task;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::plan;
use wharf_contract::{Entry, Inspection, World};

/// What is known of the task's component, where it can run.
pub(super) fn inspect<'a>(reader: &mut Reader<'_>, catalog: &'a Catalog, task: &Task) -> Option<&'a Inspection> {
    let component = task.component.as_ref()?;
    let shown = component.path.display();
    let inspection = match catalog.get(&component.path) {
        Some(Ok(inspection)) => inspection,
        Some(Err(why)) => {
            reader.error(
                component.at,
                Code::Component,
                format!("the component of `{}` cannot be used: {why}", task.name),
            );
            return None;
        }
        None => {
            let message = format!("the component of `{}` was not looked at: {shown}", task.name);
            reader.error(component.at, Code::Component, message);
            return None;
        }
    };
    if let Some(digest) = &component.digest
        && digest.value != inspection.digest
    {
        let message =
            format!("the component of `{}` is not the pinned one: its digest is {}", task.name, inspection.digest);
        reader.error_hint(digest.at, Code::Digest, message, "if the new content is wanted, pin its digest");
    }
    if inspection.world == World::Other {
        let exports = match inspection.exports.len() {
            0 => "nothing".to_owned(),
            _ => inspection.exports.iter().take(5).map(|e| format!("`{e}`")).collect::<Vec<_>>().join(", "),
        };
        let message = format!("the component of `{}` cannot be entered: it exports {exports}", task.name);
        reader.error_hint(
            component.at,
            Code::Component,
            message,
            "a task exports `run` of `wharf:task/task`, a program `wasi:cli/run`",
        );
        return None;
    }
    for import in inspection.imports.iter().filter(|i| !i.known) {
        let message =
            format!("the component of `{}` imports `{}`, which the runtime does not have", task.name, import.name);
        reader.error_hint(
            component.at,
            Code::Component,
            message,
            "build it for the worlds `wharf:task/task@0.1.0` or `wasi:cli/command`",
        );
    }
    Some(inspection)
}

/// How the component is entered.
pub(super) fn entry(reader: &mut Reader<'_>, task: &Task, inspection: Option<&Inspection>) -> Entry {
    let is_task = inspection.is_some_and(|i| i.world == World::Task);
    match &task.command {
        Some(command) if is_task => {
            let message = format!("`{}` has a `command`, and its component is no program but a task", task.name);
            reader.error_hint(
                command.at,
                Code::Component,
                message,
                "leave `command` out, and pass what it needs as `input`",
            );
            Entry::Task
        }
        None if is_task || inspection.is_none() => Entry::Task,
        command => Entry::Command {
            args: command.as_ref().map(|c| c.args.clone()).unwrap_or_default(),
            stdin: command.as_ref().and_then(|c| c.stdin).unwrap_or(task.input.is_some()),
        },
    }
}

pub(super) fn resolve(task: &Task, inspection: Option<&Inspection>) -> plan::Component {
    plan::Component {
        path: task.component.as_ref().map(|c| c.path.clone()).unwrap_or_default(),
        digest: inspection.map(|i| i.digest.clone()).unwrap_or_default(),
        size: inspection.map_or(0, |i| i.size),
    }
}
