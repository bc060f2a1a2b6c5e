//! Requests, as far as the loop has to do with them: to the scheduler at once, answered when durable.

use super::core_loop::{Loop, Open};
use super::request::{Answer, Final, Request, Underway, refused, unavailable};
use crate::api::types::{ErrorBody, RetryRun, RunAnswer};
use wharf_core::event::{RunId, RunState};
use wharf_core::scheduler::Refusal;
use wharf_core::time::Timestamp;

impl Loop {
    pub(super) fn request(&mut self, request: Request, now: Timestamp) {
        match request {
            Request::CreateRun { request, wait, answer } => {
                let made =
                    self.may_begin().and_then(|()| self.scheduler.create_run(request, now).map_err(|r| refused(&r)));
                match made {
                    Ok(run) if wait => self.state.waiters.entry(run).or_default().push(answer),
                    made => self.answer(answer, made.map(running)),
                }
            }
            Request::CancelRun { run, answer } => {
                let done = self.scheduler.cancel_run(run, now);
                self.answer(answer, done.map(|()| running(run)).map_err(|r| refused(&r)));
            }
            Request::RetryRun { run, how, loaded, answer } => {
                let done = self.may_begin().and_then(|()| self.retry(run, &how, loaded, now));
                self.answer(answer, done.map(|()| running(run)));
            }
            Request::CreateBackfill { request, answer } => {
                let made =
                    self.may_begin().and_then(|()| self.scheduler.backfill(request, now).map_err(|r| refused(&r)));
                self.answer(answer, made);
            }
            Request::CancelBackfill { backfill, answer } => {
                let done = self.scheduler.cancel_backfill(backfill, now);
                self.answer(answer, done.map(|()| backfill).map_err(|r| refused(&r)));
            }
            Request::Reload { answer } => {
                self.state.reloaders.push(answer);
                self.read_config();
            }
            Request::Underway { run, answer } => {
                let open = self.state.open.iter().filter(|(key, _)| key.run == run);
                let told = open.filter_map(|(key, Open { progress, phase, .. })| {
                    if progress.is_none() && phase.is_none() {
                        return None;
                    }
                    let task = self.state.live.get(&run)?.tasks.get(usize::from(key.task))?.name.clone();
                    Some(Underway { task, attempt: *key, progress: progress.clone(), phase: phase.clone() })
                });
                let _ = answer.send(told.collect());
            }
            Request::Metrics { format, answer } => {
                self.measure();
                let _ = answer.send(self.metrics.text(format));
            }
        }
    }

    fn retry(
        &mut self,
        run: RunId,
        how: &RetryRun,
        loaded: Option<Box<Final>>,
        now: Timestamp,
    ) -> Result<(), ErrorBody> {
        if let Some(loaded) = loaded
            && self.scheduler.run(run).is_none()
        {
            let Final { run: recovered, keep } = *loaded;
            for flow in &recovered.flows {
                self.flows.insert(flow.digest.clone(), flow.clone());
            }
            self.scheduler.load_run(recovered).map_err(|e| ErrorBody::internal(e.to_string()))?;
            self.state.kept.runs.push(keep);
        }
        let done: Result<(), Refusal> = self.scheduler.retry_run(run, how.from.as_deref(), how.latest, now);
        done.map_err(|r| refused(&r))
    }

    /// Answers when the batch of this turn is durable.
    fn answer<T: Send + 'static>(&mut self, answer: Answer<T>, result: Result<T, ErrorBody>) {
        self.state.answers.push(Box::new(move || {
            let _ = answer.send(result);
        }));
    }

    fn may_begin(&self) -> Result<(), ErrorBody> {
        if self.is_ending() {
            return Err(unavailable("the coordinator is about to stop", "ask again when it is there again"));
        }
        match &self.status.borrow().store_error {
            Some(why) => {
                Err(unavailable(format!("the store takes nothing: {why}"), "free what it needs; it goes on by itself"))
            }
            None => Ok(()),
        }
    }
}

fn running(run: RunId) -> RunAnswer {
    RunAnswer { run, state: RunState::Running }
}
