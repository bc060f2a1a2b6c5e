use super::super::{BackfillRequest, Refusal, Scheduler, request};
use super::Backfill;
use crate::event::{BackfillId, BackfillSpec, Entry, RunId, RunSpec, RunState, Trigger};
use crate::time::Timestamp;

impl Scheduler {
    /// Makes a backfill.
    ///
    /// # Errors
    /// There is no such flow, it has no partitions, the range or the parameters cannot be used, or nothing is left to do.
    pub fn backfill(&mut self, request: BackfillRequest, now: Timestamp) -> Result<BackfillId, Refusal> {
        let Some(flow) = self.plan.flows.get(&request.flow).cloned() else {
            return Err(Refusal::NoSuchFlow(request.flow));
        };
        if flow.partitions.is_none() {
            return Err(Refusal::NoPartitions(request.flow));
        }
        let spec = BackfillSpec {
            flow: flow.name.clone(),
            flow_digest: flow.digest.clone(),
            from: request.from,
            to: request.to,
            skip: request.skip,
            max_active: request.max_active.unwrap_or(flow.max_active).max(1),
            params: request::params(&flow, request.params)?,
        };
        let id = BackfillId(self.next_backfill);
        let backfill = Backfill::new(id, spec, flow, now)?;
        if backfill.total == 0 {
            return Err(Refusal::NothingToDo);
        }
        self.next_backfill += 1;
        self.out.entries.push(Entry::BackfillCreated { id, at: now, spec: Box::new(backfill.spec.clone()) });
        self.backfills.insert(id, backfill);
        self.eager.insert(id);
        Ok(id)
    }

    /// Asks a backfill to stop: it makes no more runs, and those that it has are cancelled.
    ///
    /// # Errors
    /// There is no such backfill that is not over, or it is being cancelled already.
    pub fn cancel_backfill(&mut self, id: BackfillId, now: Timestamp) -> Result<(), Refusal> {
        let Some(backfill) = self.backfills.get_mut(&id) else { return Err(Refusal::NoSuchBackfill(id)) };
        if backfill.cancelled {
            return Err(Refusal::BackfillCancelling(id));
        }
        backfill.cancel();
        let active: Vec<_> = backfill.active.keys().copied().collect();
        self.out.entries.push(Entry::BackfillCancelled { id, at: now });
        for run in active {
            // One that is being cancelled already stays so.
            let _ = self.cancel_run(run, now);
        }
        self.eager.insert(id);
        Ok(())
    }

    /// Makes the runs of backfills that there is room for, and ends those that have none left.
    pub(in crate::scheduler) fn make_backfill_runs(&mut self, now: Timestamp) {
        while let Some(id) = self.eager.pop_first() {
            while let Some(backfill) = self.backfills.get(&id)
                && let Some((layer, part)) = backfill.next()
            {
                let flow = backfill.flow.clone();
                let spec = RunSpec {
                    flow: flow.name.clone(),
                    flow_digest: flow.digest.clone(),
                    trigger: Trigger::Backfill(id),
                    scheduled_time: None,
                    partition: Some(backfill.layers[layer].parts[part].partition.clone()),
                    layer: backfill.layers[layer].granularity,
                    params: backfill.spec.params.clone(),
                };
                let run = match self.new_run(&flow, spec, now) {
                    Ok(run) => run,
                    // A layer is only there because a task is of it.
                    Err(illegal) => panic!("a backfill made a run that cannot be: {illegal}"),
                };
                if let Some(backfill) = self.backfills.get_mut(&id) {
                    backfill.began(run, (layer, part));
                }
            }
            if let Some(state) = self.backfills.get(&id).and_then(Backfill::end_state) {
                self.backfills.remove(&id);
                self.out.entries.push(Entry::BackfillEnded { id, at: now, state });
            }
        }
    }

    pub(in crate::scheduler) fn backfill_run_ended(&mut self, id: BackfillId, run: RunId, state: RunState) {
        if let Some(backfill) = self.backfills.get_mut(&id) {
            backfill.ended(run, state);
            self.eager.insert(id);
        }
    }

    pub(in crate::scheduler) fn backfill_run_goes_on(
        &mut self,
        id: BackfillId,
        spec: &RunSpec,
        run: RunId,
        before: RunState,
    ) {
        if let (Some(backfill), Some(partition)) = (self.backfills.get_mut(&id), &spec.partition) {
            backfill.goes_on(run, spec.layer, &partition.key, before);
        }
    }
}
