//! Waits for the end of a Job that compiles, by watches.

use super::Workshop;
use super::state::{State, Verdict};
use crate::executor::Failure;
use crate::executor::kubernetes::single::{self, CONTROLLER, Saw};
use futures_util::StreamExt as _;
use kube::runtime::watcher;
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::Cause;
use wharf_contract::pod::StoredObject;
use wharf_depot::chain;

impl Workshop {
    /// What the Job came to.
    pub(super) async fn follow(&self, name: &str, uid: &str, deadline: Duration) -> Result<StoredObject, Failure> {
        let mut state = State::new(uid.to_owned(), deadline, Instant::now(), &self.settings);
        let mut seen = single::watch(self.cluster.client(), &self.settings.namespace, name, uid);
        loop {
            let until = match state.judge(Instant::now(), &self.settings) {
                Verdict::Until(until) => until,
                Verdict::Over(result) => return result,
                Verdict::Unless(failure) => {
                    let namespace = &self.settings.namespace;
                    let pods = self.cluster.pods(namespace, &format!("{CONTROLLER}={uid}")).await;
                    match pods {
                        Ok(pods) if pods.is_empty() => return Err(failure),
                        Ok(pods) => pods.into_iter().for_each(|pod| state.take(Saw::Pod(pod.into()))),
                        Err(trouble) => {
                            return Err(Failure::new(failure.cause, format!("{}; {trouble}", failure.message)));
                        }
                    }
                    match state.judge(Instant::now(), &self.settings) {
                        Verdict::Over(result) => return result,
                        Verdict::Unless(failure) => return Err(failure),
                        Verdict::Until(until) => until,
                    }
                }
            };
            let next = tokio::select! {
                next = seen.next() => next,
                () = tokio::time::sleep_until(until) => continue,
            };
            match next {
                Some(Ok(saw)) => state.take(saw),
                Some(Err(error)) => self.failed(&error)?,
                // Watches do not end.
                None => return Err(Failure::new(Cause::Internal, "the watches of a Job ended")),
            }
        }
    }

    /// A watch that fails begins anew by itself, but for what this coordinator may not see.
    fn failed(&self, error: &watcher::Error) -> Result<(), Failure> {
        if let Some(said) = single::forbidden(error) {
            let why = format!("{said}; `wharf cluster apply` gives the rights that are needed");
            return Err(Failure::new(Cause::PodRejected, format!("its component was not compiled: {why}")));
        }
        tracing::debug!(namespace = %self.settings.namespace, "a watch of a Job failed: {}", chain(error));
        Ok(())
    }
}
