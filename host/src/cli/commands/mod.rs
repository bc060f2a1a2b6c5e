//! One command a file: its arguments, its help with examples, what it does.

pub(super) mod artifact;
pub(super) mod backfill;
pub(super) mod cancel;
pub(super) mod check;
pub(super) mod cluster;
pub(super) mod completions;
pub(super) mod inspect;
pub(super) mod listings;
pub(super) mod logs;
pub(super) mod new;
pub(super) mod next;
pub(super) mod push;
pub(super) mod reload;
pub(super) mod retry;
pub(super) mod run;
pub(super) mod runs;
pub(super) mod serve;
pub(super) mod show;
pub(super) mod trigger;

use super::{Context, Exit, Failure};
use crate::coordinator::Config;
use crate::load::{Loaded, Loader};
use std::path::PathBuf;
use std::sync::Arc;
use wharf_core::plan::{Flow, Plan};

/// The flow that a person names.
pub(super) fn find_flow<'a>(plan: &'a Plan, name: &str) -> Result<&'a Arc<Flow>, Failure> {
    plan.find_flow(name).map_err(|fits| match fits.is_empty() {
        true => {
            let known: Vec<String> = plan.flows.keys().map(ToString::to_string).collect();
            let failure = Failure::not_found(format!("there is no flow `{name}` in the configuration"));
            match known.is_empty() {
                true => failure.hint("it has no flow at all"),
                false => failure.hint(format!("there is {}", known.join(", "))),
            }
        }
        false => Failure::usage(format!("more than one tenant has a flow `{name}`"))
            .hint(format!("say which: {}", fits.join(", "))),
    })
}

/// The configuration, read.
pub(super) fn load(context: &Context, paths: Vec<PathBuf>, color: bool) -> Result<Loaded, Failure> {
    let mut loader = Loader::new(context.global.runtime()?);
    loader.load(&Config::Paths(paths), color).map_err(|why| Failure::new(Exit::Config, why))
}

/// The configuration's plan.
pub(super) fn plan(context: &Context) -> Result<Arc<Plan>, Failure> {
    plan_of(context, context.global.config()?)
}

/// The plan of these files and folders.
pub(super) fn plan_of(context: &Context, paths: Vec<PathBuf>) -> Result<Arc<Plan>, Failure> {
    let loaded = load(context, paths, context.out.color_err)?;
    loaded.plan.ok_or_else(|| Failure {
        report: Some(loaded.rendered),
        ..Failure::new(Exit::Config, "the configuration has faults")
    })
}
