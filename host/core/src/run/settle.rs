use super::{Changes, Run, TaskState};
use crate::decide::gate::{Gate, Needs, gate};
use crate::event::RunState;
use crate::time::Timestamp;

impl Run {
    /// Makes the task final if nothing of it is left to be done.
    pub(super) fn settle(&mut self, at: Timestamp, task: u16, changes: &mut Changes) {
        let t = &self.tasks[usize::from(task)];
        let all = t.succeeded + t.failed + t.cancelled == t.total();
        let stopped = self.cancelling && t.open == 0;
        if !(all || stopped) {
            return;
        }
        let state = if t.failed > 0 {
            TaskState::Failed
        } else if t.succeeded == t.total() {
            TaskState::Succeeded
        } else {
            TaskState::Cancelled
        };
        self.end_task(at, task, state, changes);
    }

    /// Makes a task final, and with it each one whose end follows from that.
    pub(super) fn end_task(&mut self, at: Timestamp, task: u16, state: TaskState, changes: &mut Changes) {
        let flow = self.flow.clone();
        let mut ends = vec![(task, state)];
        while let Some((task, state)) = ends.pop() {
            let t = &mut self.tasks[usize::from(task)];
            t.state = state;
            t.since = at;
            self.unfinished -= 1;
            changes.ended.push(task);
            for &dependent in &flow.tasks[usize::from(task)].dependents {
                let d = &mut self.tasks[dependent];
                if !d.part {
                    continue;
                }
                d.needs_left -= 1;
                d.needs_failed += u16::from(state.counts_as_failed());
                d.needs_skipped += u16::from(matches!(state, TaskState::Skipped(_)));
                if d.needs_left == 0
                    && let Some(end) = self.pass_gate(at, dependent, changes)
                {
                    ends.push((position(dependent), end));
                }
            }
        }
    }

    /// Of a task whose needs are all final: makes it ready, or says how it ends at once.
    fn pass_gate(&mut self, at: Timestamp, task: usize, changes: &mut Changes) -> Option<TaskState> {
        let t = &mut self.tasks[task];
        if t.state != TaskState::Waiting {
            return None;
        }
        let needs = Needs { failed: t.needs_failed, skipped: t.needs_skipped };
        match gate(self.flow.tasks[task].run_if, needs) {
            Gate::Run => {
                t.state = TaskState::Ready;
                t.since = at;
                changes.ready.push(position(task));
                None
            }
            Gate::Skip(reason) => Some(TaskState::Skipped(reason)),
            Gate::UpstreamFailed => Some(TaskState::UpstreamFailed),
        }
    }

    /// Counts anew the needs of the tasks that `which` picks.
    pub(super) fn count_needs(&mut self, which: impl Fn(usize) -> bool) {
        for task in 0..self.tasks.len() {
            if !self.tasks[task].part || !which(task) {
                continue;
            }
            let (mut left, mut failed, mut skipped) = (0, 0, 0);
            for &need in &self.flow.tasks[task].needs {
                let n = &self.tasks[need];
                left += u16::from(n.part && !n.state.is_final());
                failed += u16::from(n.part && n.state.counts_as_failed());
                skipped += u16::from(n.part && matches!(n.state, TaskState::Skipped(_)));
            }
            let t = &mut self.tasks[task];
            (t.needs_left, t.needs_failed, t.needs_skipped) = (left, failed, skipped);
        }
    }

    /// Lets every waiting task without open needs pass its gate.
    pub(super) fn gate_all(&mut self, at: Timestamp, changes: &mut Changes) {
        for task in 0..self.tasks.len() {
            let t = &self.tasks[task];
            if t.part
                && t.state == TaskState::Waiting
                && t.needs_left == 0
                && let Some(end) = self.pass_gate(at, task, changes)
            {
                self.end_task(at, position(task), end, changes);
            }
        }
    }

    /// How the run ends, once every task is final.
    pub(crate) fn end_state(&self) -> Option<RunState> {
        if self.unfinished > 0 || self.state != RunState::Running {
            return None;
        }
        let any = |state| self.tasks.iter().any(|t| t.part && t.state == state);
        Some(if self.cancelling {
            RunState::Cancelled
        } else if any(TaskState::Failed) {
            RunState::Failed
        } else if any(TaskState::Cancelled) {
            RunState::Cancelled
        } else {
            RunState::Succeeded
        })
    }
}

/// A position fits: a run with more tasks is not created.
pub(crate) fn position(task: usize) -> u16 {
    u16::try_from(task).unwrap_or(u16::MAX)
}
