use super::position;
use super::{Changes, Phase, Run, TaskState, Why};
use crate::event::RunState;
use crate::time::Timestamp;

impl Run {
    /// What was not started will not be; what is open goes on until its `Finished`.
    pub(super) fn cancel_requested(&mut self, at: Timestamp, changes: &mut Changes) -> Result<(), Why> {
        if self.state != RunState::Running {
            return Err(Why::Final);
        }
        if self.cancelling {
            return Err(Why::Cancelling);
        }
        self.cancelling = true;
        // From the last to the first: a dependent is final before its need is, so that none becomes ready by it.
        for task in (0..self.tasks.len()).rev() {
            let t = &mut self.tasks[task];
            match t.state {
                TaskState::Waiting | TaskState::Ready if t.part => {
                    self.end_task(at, position(task), TaskState::Cancelled, changes);
                }
                TaskState::Active => {
                    for unit in t.units.iter_mut().filter(|u| u.phase == Phase::Retrying) {
                        unit.phase = Phase::Cancelled;
                        unit.at = at;
                        t.retrying -= 1;
                        t.cancelled += 1;
                    }
                    self.settle(at, position(task), changes);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
