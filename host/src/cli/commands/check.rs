use crate::cli::out::Paint;
use crate::cli::{Context, Exit, Failure, explain, human};
use crate::clock;
use std::path::PathBuf;
use wharf_core::config::Severity;
use wharf_core::plan::{Flow, Plan};
use wharf_core::schedule::Schedule;

/// Say everything that is wrong with a configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each fault is shown with its file, line and column, and what to do about it. The types of what goes
from task to task are checked against the components' schemas. Exit code 3 if there is a fault;
warnings alone are none, unless --strict says so.

With -o json: an array of faults.

Examples:
  wharf check
  wharf check flows/*.yaml
  wharf check --strict             warnings fail as well: for a pipeline
  wharf check --explain            what each task may use and reach
  wharf check --print > plan.json  the configuration as it is worked out")]
pub(in crate::cli) struct Args {
    /// Files or folders of *.yaml. Default: the configuration
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take warnings for faults: exit code 3 where there is any
    #[arg(long)]
    strict: bool,
    /// Print the plan that the configuration comes to, as JSON
    #[arg(long, conflicts_with = "explain")]
    print: bool,
    /// Say in words what each task may use and reach, what is enforced, and what its pod is given
    #[arg(long)]
    explain: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let out = &context.out;
    let paths = match args.files.is_empty() {
        true => context.global.config()?,
        false => args.files.clone(),
    };
    for path in &paths {
        std::fs::metadata(path).map_err(|e| Failure::io("read", path, &e))?;
    }
    let loaded = super::load(context, paths, out.color)?;
    let errors = loaded.faults.iter().filter(|f| f.severity == Severity::Error).count();
    let warnings = loaded.faults.len() - errors;
    let refused = match errors {
        0 if args.strict && warnings > 0 => {
            Some(format!("the configuration has {}, and --strict takes none", human::count(warnings, "warning")))
        }
        0 => None,
        _ => Some(format!("the configuration has {}", human::count(errors, "fault"))),
    };
    let shows_plan = (args.print || args.explain) && refused.is_none();
    match out.json() && !shows_plan {
        true => out.value(&loaded.faults)?,
        // Where the plan is what was asked for, warnings do not mix with it.
        false if shows_plan => {
            if !loaded.faults.is_empty() {
                out.tell(loaded.rendered.trim_end());
            }
        }
        false => out.text(&loaded.rendered)?,
    }
    let Some(plan) = loaded.plan.filter(|_| refused.is_none()) else {
        if let Some(why) = refused.filter(|_| !out.json()) {
            out.note(format!("{} {why}", Paint::Bad.on("error:", out.color_err)));
        }
        return Ok(Exit::Config);
    };
    if args.print {
        out.value(&plan)?;
    } else if args.explain {
        match out.json() {
            true => out.value(&explain::plan(&plan))?,
            false => out.text(explain::render(&explain::plan(&plan), out.color))?,
        }
    } else if !out.json() {
        out.text(summary(&plan, out.color))?;
    }
    Ok(Exit::Ok)
}

fn summary(plan: &Plan, color: bool) -> String {
    let tasks: Vec<_> = plan.flows.values().flat_map(|f| &f.tasks).collect();
    let mut components: Vec<_> = tasks.iter().map(|t| &t.component.digest).collect();
    components.sort();
    components.dedup();
    let mut text = format!(
        "{}: {}, {}, {}\n",
        Paint::Good.on("ok", color),
        human::count(plan.flows.len(), "flow"),
        human::count(tasks.len(), "task"),
        human::count(components.len(), "component")
    );
    for flow in plan.flows.values() {
        text.push_str(&format!("  {}: {}\n", flow.name, due(flow)));
    }
    text
}

/// When a flow is due next.
fn due(flow: &Flow) -> String {
    let Some(expr) = &flow.schedule else { return "no schedule".to_owned() };
    if flow.suspend {
        return format!("{expr}, suspended");
    }
    let next = Schedule::parse(expr, flow.time_zone).ok().and_then(|s| s.next_after(clock::now()));
    match next {
        Some(tick) => format!("{expr} in {}, next {}", flow.time_zone.name(), human::time(tick)),
        None => format!("{expr} in {}, never again", flow.time_zone.name()),
    }
}
