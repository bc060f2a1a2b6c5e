//! What a tenant's namespace has room for, and what in it belongs to nobody.

use super::attempt::Input;
use super::front::{Kubernetes, LINE_AGAIN, Tenancy};
use super::labels::Maker;
use super::make::Order;
use super::manifest;
use super::quota::Ask;
use crate::executor::Reports;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::pod::{CompiledComponent, StoredObject};
use wharf_core::action::AttemptKey;

/// How long until what could not be removed is tried again.
const STRAY_AGAIN: Duration = Duration::from_secs(60);

/// Stands for a compiled component where only what the Job asks of quotas counts.
fn nothing() -> CompiledComponent {
    let object = StoredObject { key: String::new(), digest: String::new(), size: 0 };
    CompiledComponent { object, public_key: String::new() }
}

impl Kubernetes {
    /// Makes the Jobs of those in line for which the quotas have room, in their order: a large one is not overtaken for
    /// ever by small ones.
    pub(super) fn serve_line(&mut self, namespace: &Arc<str>, now: Instant, reports: &mut Reports) {
        loop {
            let Some(tenancy) = self.spaces.get_mut(namespace) else { return };
            tenancy.line_again = None;
            let Some(&key) = tenancy.line.front() else { return };
            if tenancy.space.has_quotas() {
                match self.room(key) {
                    Ok(()) => {}
                    Err(shortage) => {
                        if let Some(tenancy) = self.spaces.get_mut(namespace) {
                            tenancy.line_again = Some(now + LINE_AGAIN);
                        }
                        let first = self.attempts.get(&key).is_some_and(|entry| entry.shown != shortage);
                        if first {
                            self.office.cluster.metrics().quota_waits.inc();
                        }
                        return self.feed(key, Input::Short(shortage), now, reports);
                    }
                }
            }
            if let Some(tenancy) = self.spaces.get_mut(namespace) {
                tenancy.line.pop_front();
                if tenancy.space.has_quotas() {
                    tenancy.uncounted.insert(key);
                }
            }
            self.feed(key, Input::Room, now, reports);
        }
    }

    /// Says of an attempt that others are in line before it.
    pub(super) fn explain_line(&mut self, key: AttemptKey, now: Instant, reports: &mut Reports) {
        let Some(entry) = self.attempts.get(&key).filter(|entry| entry.attempt.is_held()) else { return };
        let Some(line) = self.spaces.get(&entry.namespace).map(|t| &t.line) else { return };
        if let Some(first) = line.front().filter(|first| **first != key).and_then(|first| self.attempts.get(first)) {
            let why = format!("in line behind {}, which is {}", first.id, first.shown);
            self.feed(key, Input::Short(why), now, reports);
        }
    }

    /// Whether the quotas have room for an attempt, beside those that have no pod yet and so are not counted.
    ///
    /// # Errors
    /// What is short, for a person.
    fn room(&mut self, key: AttemptKey) -> Result<(), String> {
        let Some(entry) = self.attempts.get_mut(&key) else { return Ok(()) };
        if entry.ask.is_none()
            && let Some(Order { start, tenant, .. }) = &entry.order
        {
            let office = &self.office;
            let maker = Maker { instance: &office.instance, epoch: office.epoch };
            // A Job that cannot be made is refused with words when it is.
            let job = manifest::attempt(maker, &office.settings, tenant, start, &nothing(), &[]);
            entry.ask = job.ok().map(|manifest| Ask::of(&manifest.job));
        }
        let Some(entry) = self.attempts.get(&key) else { return Ok(()) };
        let (Some(ask), Some(tenancy)) = (&entry.ask, self.spaces.get_mut(&entry.namespace)) else { return Ok(()) };
        let Tenancy { space, uncounted, .. } = tenancy;
        uncounted
            .retain(|key| self.attempts.get(key).is_some_and(|e| e.attempt.is_under_way() && !space.has_pod(&e.id)));
        let in_flight = uncounted.iter().filter_map(|key| self.attempts.get(key)?.ask.as_ref());
        space.admits(in_flight, ask).map_err(|shortage| shortage.to_string())
    }

    /// Removes what belongs to no attempt: what an earlier coordinator made and recorded, or made and never knew of. What a
    /// later one made is not looked at.
    pub(super) fn sweep(&mut self, namespace: &Arc<str>, now: Instant) {
        let Some(tenancy) = self.spaces.get_mut(namespace) else { return };
        let due: Vec<_> = tenancy.strays.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            match tenancy.space.remains(&id, self.office.epoch) {
                Some(remains) => {
                    tracing::info!(%namespace, attempt = %id, "removing what belongs to no open attempt");
                    tenancy.strays.insert(id.clone(), now + STRAY_AGAIN);
                    tokio::spawn(Arc::clone(&self.office).clear(Arc::clone(namespace), id, remains));
                }
                None => {
                    tenancy.strays.remove(&id);
                }
            }
        }
    }
}
