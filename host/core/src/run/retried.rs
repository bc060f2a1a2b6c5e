use super::{Changes, Phase, Run, TaskState, Unit, Why};
use crate::event::RunState;
use crate::time::Timestamp;

impl Run {
    pub(super) fn retried(
        &mut self,
        at: Timestamp,
        tasks: &[u16],
        resumed: &[u16],
        flow_digest: &str,
        changes: &mut Changes,
    ) -> Result<(), Why> {
        if self.state == RunState::Running {
            return Err(Why::NotFinal);
        }
        let Some(flow) = self.flows.iter().find(|f| f.digest == flow_digest).cloned() else {
            return Err(Why::UnknownFlow(flow_digest.to_owned()));
        };
        if flow.tasks.len() != self.tasks.len() {
            return Err(Why::Reset);
        }
        self.check_reset(&flow, tasks, resumed)?;
        self.flow = flow;
        for &task in tasks {
            self.tasks[usize::from(task)].reset();
            self.tasks[usize::from(task)].since = at;
        }
        for &task in resumed {
            self.resume(at, task);
        }
        self.state = RunState::Running;
        self.cancelling = false;
        self.ended = None;
        self.unfinished = u32::try_from(tasks.len() + resumed.len()).unwrap_or(u32::MAX);
        self.count_needs(|task| tasks.binary_search(&super::position(task)).is_ok());
        self.gate_all(at, changes);
        changes.ready.extend_from_slice(resumed);
        Ok(())
    }

    /// In order, all part of the run, with every task that depends on them; what is resumed has something to resume.
    fn check_reset(&self, flow: &crate::plan::Flow, tasks: &[u16], resumed: &[u16]) -> Result<(), Why> {
        let ascending = |list: &[u16]| list.windows(2).all(|w| w[0] < w[1]);
        if !ascending(tasks) || !ascending(resumed) || (tasks.is_empty() && resumed.is_empty()) {
            return Err(Why::Reset);
        }
        for &task in tasks.iter().chain(resumed) {
            match self.tasks.get(usize::from(task)) {
                Some(t) if t.part => {}
                _ => return Err(Why::NoSuchTask(task)),
            }
            for &dependent in &flow.tasks[usize::from(task)].dependents {
                let named = tasks.binary_search(&super::position(dependent)).is_ok();
                if self.tasks[dependent].part && !named {
                    return Err(Why::Reset);
                }
            }
        }
        for &task in resumed {
            let t = &self.tasks[usize::from(task)];
            let over = matches!(t.state, TaskState::Failed | TaskState::Cancelled);
            if tasks.binary_search(&task).is_ok() || t.items.is_none() || t.succeeded == t.total() || !over {
                return Err(Why::Reset);
            }
        }
        Ok(())
    }

    /// Items that succeeded stay; those that were begun and did not are due again, the others come after them as before.
    fn resume(&mut self, at: Timestamp, task: u16) {
        let t = &mut self.tasks[usize::from(task)];
        t.state = TaskState::Active;
        t.since = at;
        for unit in t.units.iter_mut().filter(|u| matches!(u.phase, Phase::Failed | Phase::Cancelled)) {
            *unit = Unit { attempt: unit.attempt, phase: Phase::Retrying, at, ..Unit::fresh() };
            t.retrying += 1;
        }
        t.failed = 0;
        t.cancelled = 0;
    }
}
