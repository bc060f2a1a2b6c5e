use crate::cli::place::absolute;
use crate::cli::screen::safe;
use crate::cli::{Context, Exit, Failure, human, out::Paint};
use crate::load::Loader;
use std::path::{Path, PathBuf};
use wharf_contract::{Inspection, World};

/// Show what a component is, what it can reach and what it asks for, without running it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf inspect task.wasm
  wharf inspect task.wasm -o json | jq .manifest.input")]
pub(in crate::cli) struct Args {
    /// The component, or a core module of WASI preview 1
    #[arg(value_name = "TASK.wasm")]
    file: PathBuf,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let inspection = inspect(context, &args.file)?;
    match context.out.json() {
        true => context.out.value(&inspection)?,
        false => context.out.text(render(&args.file, &inspection, context.out.color))?,
    }
    Ok(Exit::Ok)
}

/// Has the runtime look at a component.
fn inspect(context: &Context, file: &Path) -> Result<Inspection, Failure> {
    match std::fs::metadata(file) {
        Err(e) => return Err(Failure::io("read", file, &e)),
        Ok(m) if m.is_dir() => return Err(Failure::usage(format!("{} is a folder", file.display()))),
        Ok(_) => {}
    }
    let path = absolute(file)?;
    let mut catalog =
        Loader::new(context.global.runtime()?).inspect(std::slice::from_ref(&path)).map_err(Failure::internal)?;
    match catalog.remove(&path) {
        Some(Ok(inspection)) => Ok(inspection),
        Some(Err(why)) => Err(Failure::new(Exit::Config, format!("{}: {}", file.display(), safe(&why)))),
        None => Err(Failure::internal(format!("the runtime says nothing of {}", file.display()))),
    }
}

fn render(file: &Path, inspection: &Inspection, color: bool) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str| {
        text.push_str(&format!("{} {}\n", Paint::Dim.on(&format!("{name:<9}"), color), safe(value)));
    };
    fact("file", &file.display().to_string());
    fact("digest", &inspection.digest);
    fact("size", &human::bytes(inspection.size));
    let manifest = inspection.manifest.clone().unwrap_or_default();
    fact(
        "world",
        match &inspection.world {
            World::Task if manifest.world.is_empty() => "wharf:task/task: a task",
            World::Task => &manifest.world,
            World::Command => "wasi:cli/command: a program, started as it is",
            World::CoreCommand => "WASI preview 1: a core module, wrapped with the adapter and started as it is",
            World::Other => "none that wharf can run",
        },
    );
    for (name, value) in [("name", &manifest.name), ("version", &manifest.version), ("about", &manifest.description)] {
        if !value.is_empty() {
            fact(name, value);
        }
    }
    if !manifest.http.is_empty() {
        fact("asks for", &format!("HTTP to {}", manifest.http.join(", ")));
    }
    if !manifest.secrets.is_empty() {
        fact("asks for", &format!("the secrets {}", manifest.secrets.join(", ")));
    }
    if !inspection.exports.is_empty() {
        fact("exports", &inspection.exports.join(", "));
    }
    let width = inspection.imports.iter().map(|i| i.name.chars().count()).max().unwrap_or(0);
    text.push_str(if inspection.imports.is_empty() { "\nimports nothing\n" } else { "\nimports\n" });
    for import in &inspection.imports {
        let name = safe(&import.name);
        let meaning = match (import.known, import.meaning.as_str()) {
            (false, _) => Paint::Bad.on("not known here: the component cannot be started", color),
            (true, words) => safe(words),
        };
        text.push_str(format!("  {name:<width$}  {meaning}").trim_end());
        text.push('\n');
    }
    for (name, schema) in [("input", &manifest.input), ("output", &manifest.output)] {
        match schema {
            Some(schema) => {
                text.push_str(&format!("\n{name}\n"));
                for line in serde_json::to_string_pretty(schema).unwrap_or_default().lines() {
                    text.push_str(&format!("  {line}\n"));
                }
            }
            None if inspection.world == World::Task => text.push_str(&format!("\n{name}: any JSON\n")),
            None => {}
        }
    }
    text
}
