//! The thread that writes: whatever is queued becomes one transaction.

use super::types::{Append, Expired, Keep, StoreState};
use super::{Database, StoreError};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wharf_core::event::RunId;
use wharf_core::time::Timestamp;

/// Entries after which a transaction takes no further batch.
const GROUP: usize = 20_000;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Command {
    Append(Append),
    Upkeep(Upkeep, SyncSender<Result<Expired, StoreError>>),
}

#[derive(Debug)]
pub(super) enum Upkeep {
    Prune(Vec<RunId>, Keep, Timestamp),
    Removed(Expired),
    Suspect { tenant: String, digests: Vec<String>, now: Timestamp },
}

pub(super) struct Writer {
    pub(super) database: Database,
    pub(super) commands: Receiver<Command>,
    pub(super) durable: watch::Sender<u64>,
    pub(super) state: watch::Sender<StoreState>,
}

impl Writer {
    /// Works until nobody can ask any more. What cannot be written by then is lost: it was not acknowledged.
    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        while let Ok(first) = self.commands.recv() {
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Append(append) => next = self.gather(append, &mut group),
                    Command::Upkeep(work, answer) => {
                        // Whoever asked may have gone away.
                        let _ = answer.send(self.upkeep(work));
                    }
                }
                if !group.is_empty() && !self.commit(&mut group) {
                    return;
                }
            }
        }
    }

    /// Takes what is queued. Answers the command that ended it and is no batch.
    fn gather(&self, first: Append, group: &mut Vec<Append>) -> Option<Command> {
        let mut entries = first.entries.len();
        group.push(first);
        while entries < GROUP {
            match self.commands.try_recv() {
                Ok(Command::Append(append)) => {
                    entries += append.entries.len();
                    group.push(append);
                }
                Ok(other) => return Some(other),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
            }
        }
        None
    }

    /// Commits a group, however long it takes. False: nobody waits for it any more.
    fn commit(&mut self, group: &mut Vec<Append>) -> bool {
        let mut pause = FIRST_RETRY;
        while let Err(e) = self.database.append(group) {
            self.failing(&e);
            if !self.wait(pause, group) {
                return false;
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
        self.durable.send_modify(|n| *n += group.len() as u64);
        self.state.send_if_modified(|state| std::mem::replace(state, StoreState::Ok) != StoreState::Ok);
        group.clear();
        true
    }

    /// Lets time pass, while what is asked for queues up behind the group. False: nobody can ask any more.
    fn wait(&self, pause: Duration, group: &mut Vec<Append>) -> bool {
        let until = Instant::now() + pause;
        loop {
            match self.commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Command::Append(append)) => group.push(append),
                Ok(Command::Upkeep(_, answer)) => {
                    let _ = answer.send(Err(StoreError::NotWritable));
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn failing(&self, e: &StoreError) {
        let message = e.to_string();
        self.state.send_if_modified(|state| {
            let new = StoreState::Failing(message);
            let changed = *state != new;
            if changed {
                tracing::error!(error = %e, "the store cannot be written; no new work starts until it can");
                *state = new;
            }
            changed
        });
    }

    fn upkeep(&mut self, work: Upkeep) -> Result<Expired, StoreError> {
        match work {
            Upkeep::Prune(runs, keep, now) => self.database.prune(&runs, &keep, now),
            Upkeep::Removed(expired) => self.database.removed(&expired).map(|()| Expired::default()),
            Upkeep::Suspect { tenant, digests, now } => {
                self.database.suspect(&tenant, &digests, now).map(|()| Expired::default())
            }
        }
    }
}
