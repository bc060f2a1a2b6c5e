//! Works tasks out once they are ready: asks for outputs of other partitions, judges `when`, makes the list of a fan-out.

use super::Scheduler;
use super::live::Asked;
use crate::action::{Action, ReadUpstream};
use crate::decide::prepare::{Verdict, prepare, refusal};
use crate::decide::upstream::{Question, questions};
use crate::event::{Event, RunId, SkipReason};
use crate::run::TaskState;
use crate::time::Timestamp;
use wharf_contract::{Cause, Outcome};

impl Scheduler {
    pub(super) fn prepare_fresh(&mut self, now: Timestamp) {
        while let Some((run, task)) = self.fresh.pop_first() {
            self.prepare_task(run, task, now);
        }
    }

    fn prepare_task(&mut self, run: RunId, task: u16, now: Timestamp) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        let state = live.run.task_run(task).state;
        if !matches!(state, TaskState::Ready | TaskState::Active) || live.run.is_cancelling() {
            return;
        }
        if live.prepared.contains_key(&task) {
            return self.line_up(run, task);
        }
        let questions = match questions(&live.run, task) {
            Ok(questions) => questions,
            Err(e) => {
                let outcome = Outcome::failed(Cause::InvalidInput, format!("partition: {e}"));
                return self.refuse(run, task, None, Box::new(outcome), now);
            }
        };
        if self.ask(run, task, &questions) {
            return;
        }
        let Some(live) = self.runs.get_mut(&run) else { return };
        let mut answer = |q: &Question| live.asked.remove(&(task, q.need)).and_then(|asked| asked.answer);
        let answers = questions.iter().map(|q| answer(q).unwrap_or_default()).collect();
        let spec = &live.run.flow().tasks[usize::from(task)];
        let fresh = state == TaskState::Ready;
        let verdict = match live.templates.of(task, spec) {
            Ok(compiled) => prepare(&live.run, task, compiled, &questions, answers, fresh),
            Err(e) => Err(refusal("template", e)),
        };
        match verdict {
            Err(outcome) => self.refuse(run, task, None, outcome, now),
            Ok(Verdict::Skip) => self.decided(run, now, Event::Skipped { task, reason: SkipReason::When }),
            Ok(Verdict::Run(prepared)) => {
                let items = prepared.len();
                live.prepared.insert(task, prepared);
                if let (Some(items), true) = (items, fresh) {
                    self.decided(run, now, Event::Expanded { task, items });
                }
                self.line_up(run, task);
            }
        }
    }

    /// Asks what was not asked yet. Says whether there is anything to wait for.
    fn ask(&mut self, run: RunId, task: u16, questions: &[Question]) -> bool {
        let Some(live) = self.runs.get_mut(&run) else { return false };
        let mut waits = false;
        for question in questions {
            let key = (task, question.need);
            let partitions = question.asked();
            if partitions.is_empty() {
                continue;
            }
            if let Some(asked) = live.asked.get(&key) {
                waits |= asked.answer.is_none();
                continue;
            }
            waits = true;
            live.asked.insert(key, Asked { count: partitions.len(), answer: None });
            let (flow, need) = (live.run.flow().clone(), question.need);
            self.out.actions.push(Action::ReadUpstream(Box::new(ReadUpstream { run, task, flow, need, partitions })));
        }
        waits
    }

    pub(super) fn refuse(&mut self, run: RunId, task: u16, item: Option<u32>, outcome: Box<Outcome>, now: Timestamp) {
        self.decided(run, now, Event::Refused { task, item, outcome });
    }
}
