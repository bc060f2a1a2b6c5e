use super::{Changes, Phase, Run, Why};
use crate::decide::backoff;
use crate::event::RunState;
use crate::time::Timestamp;
use std::sync::Arc;
use wharf_contract::{Cause, Fault, Limits, Outcome, Payload};

/// What becomes of an item after an attempt of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeded,
    Retry(Timestamp),
    Failed,
    Cancelled,
}

impl Run {
    pub(super) fn finished(
        &mut self,
        at: Timestamp,
        (task, item, attempt): (u16, Option<u32>, u32),
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> Result<(), Why> {
        self.check_task(task)?;
        let flow = self.flow.clone();
        let spec = &flow.tasks[usize::from(task)];
        if spec.for_each.is_some() != item.is_some() {
            return Err(Why::NoSuchItem { task, item });
        }
        let index = item.unwrap_or(0);
        let t = &mut self.tasks[usize::from(task)];
        let not_open = Why::NotOpen { task, item, attempt };
        let Some(unit) = t.units.get_mut(index as usize) else { return Err(not_open) };
        if unit.phase != Phase::Open || unit.attempt != attempt {
            return Err(not_open);
        }

        match outcome.cause.fault() {
            Fault::None => {}
            Fault::Task | Fault::Limit => unit.own = unit.own.saturating_add(1),
            Fault::Platform | Fault::Wharf => unit.lost = unit.lost.saturating_add(1),
        }
        if outcome.cause == Cause::MemoryLimit {
            let own = spec.resources.limit_memory.unwrap_or(Limits::default().memory);
            unit.memory = backoff::grown(&spec.retry, own, unit.memory);
        }
        let key = (self.id, task, index, attempt);
        let fate = match outcome.cause {
            Cause::Succeeded => Fate::Succeeded,
            Cause::Cancelled => Fate::Cancelled,
            // What the platform lost while it was asked to stop has stopped.
            cause if self.cancelling && matches!(cause.fault(), Fault::Platform | Fault::Wharf) => Fate::Cancelled,
            _ if self.cancelling => Fate::Failed,
            _ => match backoff::retry(&spec.retry, key, unit.own, unit.lost, outcome) {
                Some(delay) => Fate::Retry(at.plus(delay)),
                None => Fate::Failed,
            },
        };
        unit.at = at;
        match fate {
            Fate::Succeeded => {
                unit.phase = Phase::Succeeded;
                unit.output = Some(Arc::new(outcome.output.clone().unwrap_or_else(Payload::null)));
                t.succeeded += 1;
            }
            Fate::Retry(ready) => {
                unit.phase = Phase::Retrying;
                unit.at = ready;
                t.retrying += 1;
            }
            Fate::Failed => {
                unit.phase = Phase::Failed;
                t.failed += 1;
            }
            Fate::Cancelled => {
                unit.phase = Phase::Cancelled;
                t.cancelled += 1;
            }
        }
        t.open -= 1;
        self.open -= 1;
        debug_assert_eq!(self.state, RunState::Running);
        self.settle(at, task, changes);
        Ok(())
    }
}
