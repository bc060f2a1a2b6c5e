//! The config while the coordinator runs: read on another thread, taken over or refused by the loop.

use super::core_loop::Loop;
use super::options::Config;
use super::request::Input;
use crate::api::types::{ErrorBody, ErrorCode, ReloadAnswer};
use crate::load::{Loaded, Loader, Sources};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use wharf_core::time::Timestamp;

const OTHER_EXECUTOR: &str = "the Coordinator's `executor` or `kubernetes` changed: a coordinator has one executor from its \
    start to its end; restart it to take the change over (what runs in a cluster goes on meanwhile)";

/// Reads the config anew whenever it is asked to.
#[derive(Debug, Clone)]
pub(super) struct Reload {
    pub(super) config: Arc<Config>,
    pub(super) loader: Arc<Mutex<Loader>>,
    pub(super) inputs: mpsc::Sender<Input>,
    /// What the config was made of, for whoever watches it.
    pub(super) sources: watch::Sender<Sources>,
}

impl Reload {
    fn start(&self) {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut loader = this.loader.lock().unwrap_or_else(PoisonError::into_inner);
            let result = loader.load(&this.config, false);
            // Without a loop nobody waits for it.
            let _ = this.inputs.blocking_send(Input::Loaded(result));
        });
    }
}

impl Loop {
    /// Has the config read; where that is under way, once more after it.
    pub(super) fn read_config(&mut self) {
        if std::mem::replace(&mut self.state.reading, true) {
            self.state.read_again = true;
        } else {
            self.reload.start();
        }
    }

    /// Takes a config over, or says why not and keeps the one that there is.
    pub(super) fn loaded(&mut self, result: Result<Loaded, String>, now: Timestamp) {
        self.state.reading = false;
        if std::mem::take(&mut self.state.read_again) {
            self.read_config();
            return;
        }
        let result = result.and_then(|loaded| {
            self.reload.sources.send_replace(loaded.sources);
            loaded.plan.ok_or(loaded.rendered)
        });
        let result = result.and_then(|plan| match plan.coordinator.executor == self.plan.coordinator.executor {
            true => Ok(plan),
            false => Err(OTHER_EXECUTOR.to_owned()),
        });
        self.metrics.reloaded(result.is_ok());
        let answer = match result {
            Ok(plan) => {
                let changed = *plan != *self.plan;
                if changed {
                    tracing::info!(flows = plan.flows.len(), "config taken over");
                    self.set_plan(plan);
                }
                self.status.send_modify(|s| {
                    s.config_error = None;
                    s.config_loaded_at = now;
                });
                Ok(ReloadAnswer { changed, flows: self.plan.flows.len() })
            }
            Err(why) => {
                tracing::error!("the config is refused, the one before stays in use:\n{why}");
                self.status.send_modify(|s| s.config_error = Some(why.clone()));
                Err(ErrorBody {
                    code: ErrorCode::InvalidConfig,
                    message: why,
                    hint: Some("the config before stays in use".to_owned()),
                })
            }
        };
        for reloader in self.state.reloaders.drain(..) {
            let _ = reloader.send(answer.clone());
        }
    }
}
