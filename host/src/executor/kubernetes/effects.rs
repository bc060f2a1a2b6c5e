//! What happens to an attempt, and what follows from it.

use super::attempt::{Effect, Input};
use super::front::{Kubernetes, STRAY};
use super::seen::Remains;
use crate::executor::{Ended, Reports};
use crate::logs::{LogKey, RunningPod};
use std::sync::Arc;
use tokio::time::Instant;
use wharf_contract::AttemptId;
use wharf_core::action::AttemptKey;

impl Kubernetes {
    pub(super) fn feed(&mut self, key: AttemptKey, input: Input, now: Instant, reports: &mut Reports) {
        let Some(entry) = self.attempts.get_mut(&key) else { return };
        let effects = entry.attempt.on(input, now, &self.office.settings);
        for (phase, time) in entry.watch.reach(entry.attempt.phase(), now) {
            self.office.phases.took(phase, time);
        }
        let due = entry.attempt.due(&self.office.settings);
        if due != entry.due {
            if let Some(before) = std::mem::replace(&mut entry.due, due) {
                self.timers.remove(&(before, key));
            }
            self.timers.extend(due.map(|due| (due, key)));
        }
        self.follow(key);
        self.show(key, reports);
        for effect in effects {
            self.perform(key, effect, now, reports);
        }
    }

    /// Lets those who follow know of a pod that began to run.
    fn follow(&mut self, key: AttemptKey) {
        let Some(entry) = self.attempts.get_mut(&key) else { return };
        if entry.is_followed || !entry.attempt.is_running() {
            return;
        }
        let space = self.spaces.get(&entry.namespace).map(|t| &t.space);
        if let Some((pod, _)) = space.and_then(|s| s.pod(&entry.id, entry.uid.as_deref())) {
            entry.is_followed = true;
            let AttemptId { task, item, attempt, .. } = entry.id.clone();
            let pod = RunningPod { namespace: entry.namespace.to_string(), name: pod.to_owned() };
            self.office.following.started(key, LogKey { run: key.run, task, item, attempt }, pod);
        }
    }

    fn show(&mut self, key: AttemptKey, reports: &mut Reports) {
        let Some(entry) = self.attempts.get_mut(&key) else { return };
        let running = || {
            let space = &self.spaces.get(&entry.namespace)?.space;
            let (_, node) = space.pod(&entry.id, entry.uid.as_deref())?;
            entry.attempt.is_running().then(|| node.map_or_else(|| "running".into(), |n| format!("running on {n}")))
        };
        let shown = entry.attempt.shown().map(str::to_owned).or_else(running).unwrap_or_default();
        if shown != entry.shown {
            entry.shown.clone_from(&shown);
            reports.phases.push((key, shown));
        }
    }

    fn perform(&mut self, key: AttemptKey, effect: Effect, now: Instant, reports: &mut Reports) {
        let Some(entry) = self.attempts.get_mut(&key) else { return };
        let office = Arc::clone(&self.office);
        let namespace = Arc::clone(&entry.namespace);
        match effect {
            Effect::Make => {
                if let Some(order) = &entry.order {
                    tokio::spawn(office.make(order.clone()));
                }
            }
            Effect::Withdraw => {
                if let Some(order) = &entry.order {
                    order.withdraw.cancel();
                }
            }
            Effect::Delete => {
                if let Some(uid) = entry.uid.clone() {
                    let job = Arc::clone(&entry.job);
                    tokio::spawn(async move { office.delete(&namespace, &job, &uid).await });
                }
            }
            Effect::Extend => {
                if let Some(uid) = entry.uid.clone() {
                    let job = Arc::clone(&entry.job);
                    tokio::spawn(async move { office.extend(&namespace, &job, &uid).await });
                }
            }
            Effect::Verify => {
                tokio::spawn(office.verify(key, namespace, Arc::clone(&entry.job), entry.id.clone()));
            }
            Effect::Read => {
                let space = self.spaces.get(&namespace).map(|t| &t.space);
                match space.and_then(|s| s.pod(&entry.id, entry.uid.as_deref())) {
                    Some((pod, _)) => {
                        tokio::spawn(office.read(key, namespace, pod.to_owned()));
                    }
                    None => self.feed(key, Input::Read, now, reports),
                }
            }
            Effect::End(outcome, staged) => {
                entry.order = None;
                let seen = entry.watch.since().unwrap_or(now);
                self.office.following.ended(key);
                let order = self.spaces.get_mut(&namespace).map(|t| &mut t.line);
                if let Some(line) = order {
                    line.retain(|waiting| *waiting != key);
                }
                reports.ended.push(Ended { attempt: key, outcome, staged, seen });
            }
            Effect::Clear => {
                // Its end is recorded by us, so that it is ours whoever made it.
                let space = self.spaces.get(&namespace).map(|t| &t.space);
                let mut remains = space.and_then(|s| s.remains(&entry.id, u64::MAX)).unwrap_or_default();
                if remains.job.is_none()
                    && let Some(uid) = entry.uid.clone()
                    && space.is_some_and(|s| s.job_uid(&entry.id).is_none() && !entry.attempt.was_seen())
                {
                    remains.job = Some((entry.job.to_string(), uid));
                }
                if remains == Remains::default() {
                    return self.feed(key, Input::Cleared, now, reports);
                }
                tokio::spawn(office.clear(namespace, entry.id.clone(), remains));
            }
            Effect::Forget => {
                if let Some(entry) = self.attempts.remove(&key) {
                    if let Some(due) = entry.due {
                        self.timers.remove(&(due, key));
                    }
                    if let Some(tenancy) = self.spaces.get_mut(&entry.namespace) {
                        tenancy.attempts.remove(&entry.id);
                        if tenancy.space.remains(&entry.id, self.office.epoch).is_some() {
                            tenancy.strays.insert(entry.id, now + STRAY);
                        }
                    }
                }
            }
        }
    }
}
