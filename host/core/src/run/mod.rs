//! A run: the fold of its events.
//!
//! [`Run::apply`] is the one transition function. The coordinator uses it while a run lives, recovery and readers of the
//! store use it on what was recorded, and all come to the same state. An event that does not fit is an error, and changes
//! nothing.

mod apply;
mod cancel;
mod finish;
mod illegal;
mod read;
mod retried;
mod settle;
mod state;
mod task;

pub use illegal::{Illegal, Why};
pub use read::{AttemptView, Counts, TaskView};
pub use state::{ItemState, TaskState};

pub(crate) use settle::position;
pub(crate) use task::{Phase, TaskRun, Unit};

use crate::event::{Event, RunId, RunSpec, RunState};
use crate::partition::{Granularity, Partitions};
use crate::plan::{Flow, Task};
use crate::time::Timestamp;
use std::sync::Arc;

/// State of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    id: RunId,
    spec: RunSpec,
    /// Every flow that the run may be pinned to, by digest; `flow` is one of them.
    flows: Vec<Arc<Flow>>,
    flow: Arc<Flow>,
    created: Timestamp,
    ended: Option<Timestamp>,
    state: RunState,
    cancelling: bool,
    tasks: Vec<TaskRun>,
    /// Tasks that are not final.
    unfinished: u32,
    /// Attempts that are started and not finished.
    open: u32,
}

/// What an event changed, for whoever keeps indexes over runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Tasks that became ready.
    pub(crate) ready: Vec<u16>,
    /// Tasks that became final.
    pub(crate) ended: Vec<u16>,
}

impl Run {
    /// A run at its beginning. `flows` are those that the run is ever pinned to; the one that `spec` names is among them.
    ///
    /// # Errors
    /// The flow is not there, or has no task in the run's layer.
    pub fn create(id: RunId, flows: Vec<Arc<Flow>>, at: Timestamp, spec: RunSpec) -> Result<Run, Illegal> {
        Run::create_noting(id, flows, at, spec, &mut Changes::default())
    }

    pub(crate) fn create_noting(
        id: RunId,
        flows: Vec<Arc<Flow>>,
        at: Timestamp,
        spec: RunSpec,
        changes: &mut Changes,
    ) -> Result<Run, Illegal> {
        let illegal = |why| Illegal { run: id, why };
        let Some(flow) = flows.iter().find(|f| f.digest == spec.flow_digest).cloned() else {
            return Err(illegal(Why::UnknownFlow(spec.flow_digest)));
        };
        if flow.tasks.len() > usize::from(u16::MAX) {
            return Err(illegal(Why::TooManyTasks(flow.tasks.len())));
        }
        let tasks: Vec<_> = flow.tasks.iter().map(|t| TaskRun::new(is_part(&flow, t, spec.layer))).collect();
        let unfinished = tasks.iter().filter(|t| t.part).count();
        if unfinished == 0 {
            return Err(illegal(Why::NoTask));
        }
        let mut flows = flows;
        flows.sort_by(|a, b| a.digest.cmp(&b.digest));
        flows.dedup_by(|a, b| a.digest == b.digest);
        let mut run = Run {
            id,
            spec,
            flows,
            flow,
            created: at,
            ended: None,
            state: RunState::Running,
            cancelling: false,
            tasks,
            unfinished: u32::try_from(unfinished).unwrap_or(u32::MAX),
            open: 0,
        };
        run.count_needs(|_| true);
        run.gate_all(at, changes);
        Ok(run)
    }

    /// A run from its recorded events, `Created` first. `flows` as for [`Run::create`].
    ///
    /// # Errors
    /// An event does not fit the state that those before it led to.
    pub fn replay<'a>(
        id: RunId,
        flows: Vec<Arc<Flow>>,
        events: impl IntoIterator<Item = (Timestamp, &'a Event)>,
    ) -> Result<Run, Illegal> {
        let mut events = events.into_iter();
        let Some((at, Event::Created(spec))) = events.next() else {
            return Err(Illegal { run: id, why: Why::NotCreated });
        };
        let mut run = Run::create(id, flows, at, RunSpec::clone(spec))?;
        for (at, event) in events {
            run.apply(at, event)?;
        }
        Ok(run)
    }

    /// Makes a flow known that a later `Retried` may pin the run to.
    pub(crate) fn know(&mut self, flow: Arc<Flow>) {
        if let Err(at) = self.flows.binary_search_by(|f| f.digest.cmp(&flow.digest)) {
            self.flows.insert(at, flow);
        }
    }

    fn illegal(&self, why: Why) -> Illegal {
        Illegal { run: self.id, why }
    }
}

/// How fine the partitions of a flow's tasks are where a task does not say otherwise. A list of keys has no length; the
/// finest stands for it.
#[must_use]
pub fn own_grain(flow: &Flow) -> Granularity {
    match &flow.partitions {
        Some(Partitions::Calendar(c)) => c.granularity,
        Some(Partitions::Static(_)) | None => Granularity::Hourly,
    }
}

/// How fine the partitions of a task are.
#[must_use]
pub fn grain(flow: &Flow, task: &Task) -> Granularity {
    task.partition.unwrap_or_else(|| own_grain(flow))
}

fn is_part(flow: &Flow, task: &Task, layer: Option<Granularity>) -> bool {
    layer.is_none_or(|layer| grain(flow, task) == layer)
}
