use super::queues::{LaneId, Place};
use crate::decide::prepare::Prepared;
use crate::decide::scope::Answer;
use crate::decide::templates::Templates;
use crate::plan::Flow;
use crate::run::{Run, TaskState};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A run in memory, with what is not recorded of it because it follows from the rest.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) run: Run,
    pub(crate) templates: Arc<Templates>,
    /// What was worked out for tasks that are not final.
    pub(crate) prepared: BTreeMap<u16, Prepared>,
    /// By task and need.
    pub(crate) asked: BTreeMap<(u16, u16), Asked>,
    /// When tasks became ready, by the clock that waits are measured with.
    pub(crate) ready: BTreeMap<u16, Duration>,
    /// Items whose time for another attempt has come, and when it came, by the same clock.
    pub(crate) due: BTreeMap<u16, BTreeMap<u32, Duration>>,
    /// Tasks in line.
    pub(crate) queued: BTreeMap<u16, LaneId>,
}

/// What was asked of the store.
#[derive(Debug)]
pub(crate) struct Asked {
    /// How many outputs the answer has.
    pub(crate) count: usize,
    /// Once it is there.
    pub(crate) answer: Option<Answer>,
}

impl Live {
    pub(crate) fn new(run: Run, templates: Arc<Templates>) -> Live {
        Live {
            run,
            templates,
            prepared: BTreeMap::new(),
            asked: BTreeMap::new(),
            ready: BTreeMap::new(),
            due: BTreeMap::new(),
            queued: BTreeMap::new(),
        }
    }

    pub(crate) fn flow(&self) -> &Arc<Flow> {
        self.run.flow()
    }

    pub(crate) fn place(&self, task: u16) -> Place {
        let flow = self.flow();
        Place {
            flow_priority: Reverse(flow.priority),
            task_priority: Reverse(flow.tasks[usize::from(task)].priority),
            run: self.run.id(),
            task,
        }
    }

    /// The item of which an attempt can be started now, but for room: the lowest one. A plain task has item 0.
    pub(crate) fn next_item(&self, task: u16) -> Option<u32> {
        let t = self.run.task_run(task);
        if self.run.is_cancelling() || !matches!(t.state, TaskState::Ready | TaskState::Active) {
            return None;
        }
        let for_each = self.flow().tasks[usize::from(task)].for_each.as_ref();
        if for_each.and_then(|f| f.parallelism).is_some_and(|most| t.open >= most) {
            return None;
        }
        let retry = self.due.get(&task).and_then(|due| due.keys().next().copied());
        retry.or_else(|| (t.cursor < t.total()).then_some(t.cursor))
    }
}
