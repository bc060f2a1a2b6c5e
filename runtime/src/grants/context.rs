//! `wharf:task/context`: always granted.

use crate::bindings::wharf::task::context::{Attempt, Host, Partition};
use crate::sandbox::Guest;
use std::time::Instant;

impl Host for Guest {
    fn get(&mut self) -> wasmtime::Result<Attempt> {
        let invocation = &self.attempt.invocation;
        let (id, context) = (&invocation.id, &invocation.context);
        Ok(Attempt {
            tenant: context.tenant.clone(),
            flow: context.flow.clone(),
            task: id.task.clone(),
            run: id.run.to_string(),
            item: id.item,
            number: id.attempt,
            idempotency_key: id.idempotency_key(),
            scheduled_time: context.scheduled_time.clone(),
            partition: context.partition.as_ref().map(|p| Partition {
                key: p.key.clone(),
                start: p.start.clone(),
                end: p.end.clone(),
            }),
            partial: context.partial,
        })
    }

    fn remaining(&mut self) -> wasmtime::Result<Option<u64>> {
        let left = self.attempt.control.remaining(Instant::now());
        Ok(left.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.attempt.control.is_cancelled())
    }
}

impl crate::bindings::wharf::task::types::Host for Guest {}
