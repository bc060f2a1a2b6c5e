//! Which tasks start anew when a final run goes on?

use crate::plan::Flow;
use crate::run::{Run, TaskState, position};

/// What a retry does to the tasks of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reset {
    /// Start from the beginning.
    pub(crate) tasks: Vec<u16>,
    /// Fan-outs that keep the items that succeeded.
    pub(crate) resumed: Vec<u16>,
}

/// Everything that failed, was cancelled or upstream-failed, and what depends on it; or one task and what depends on it.
///
/// What depends on a task that starts anew does so too, however it ended: its end followed from the old one.
pub(crate) fn reset(run: &Run, from: Option<u16>) -> Reset {
    let flow = run.flow();
    let mut anew = vec![false; flow.tasks.len()];
    let mut reset = Reset::default();
    // Needs stand before what depends on them.
    for view in run.tasks() {
        let task = usize::from(view.task);
        let by_need = flow.tasks[task].needs.iter().any(|need| anew[*need]);
        let itself = from.map_or(view.state.counts_as_failed(), |from| from == view.task);
        if !(by_need || itself) {
            continue;
        }
        anew[task] = true;
        let begun = view.items.is_some() && view.counts.succeeded > 0;
        let keeps = begun && matches!(view.state, TaskState::Failed | TaskState::Cancelled);
        if keeps && !by_need && from.is_none() {
            reset.resumed.push(view.task);
        } else {
            reset.tasks.push(view.task);
        }
    }
    reset
}

/// What keeps a run from going on with another version of its flow, in words; nothing where it can. What was recorded
/// names tasks by position, so these and what lies between them must be the same.
pub(crate) fn differs(old: &Flow, new: &Flow) -> Option<String> {
    if old.tasks.len() != new.tasks.len() {
        return Some(format!("it has {} tasks now, and had {}", new.tasks.len(), old.tasks.len()));
    }
    if old.partitions != new.partitions {
        return Some("its partitions have changed".into());
    }
    for (old_task, new_task) in old.tasks.iter().zip(&new.tasks) {
        let name = &new_task.name;
        if old_task.name != *name {
            return Some(format!("the task `{name}` stands where `{}` stood", old_task.name));
        }
        if old_task.needs != new_task.needs {
            return Some(format!("the task `{name}` has other needs"));
        }
        if old_task.for_each.is_some() != new_task.for_each.is_some() {
            return Some(format!("the task `{name}` has become a fan-out, or is none any more"));
        }
        if old_task.partition != new_task.partition {
            return Some(format!("the task `{name}` has another partition"));
        }
    }
    None
}

/// Position of a task by its name, if it is part of the run.
pub(crate) fn find(run: &Run, name: &str) -> Option<u16> {
    let task = run.flow().tasks.iter().position(|t| t.name == name)?;
    run.task(position(task)).map(|view| view.task)
}
