use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wharf_contract::{ExitCode, Inspection, World};
use wharf_runtime::{MAX_WASM, inspect, read_component};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The `.wasm` files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// An array with one object a file: `file`, and `ok` or `error`.
    Json,
}

#[derive(Serialize)]
struct Entry<'a> {
    file: &'a Path,
    #[serde(flatten)]
    result: Found,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Found {
    Ok(Box<Inspection>),
    Error(String),
}

pub(crate) fn main(args: &Args) -> ExitCode {
    let look = |file: &Path| read_component(file, MAX_WASM).and_then(|bytes| inspect(&bytes));
    let entries: Vec<_> = args
        .files
        .iter()
        .map(|file| {
            let result = match look(file) {
                Ok(inspection) => Found::Ok(Box::new(inspection)),
                Err(refusal) => Found::Error(refusal.message),
            };
            Entry { file, result }
        })
        .collect();
    match args.output {
        Output::Json => match serde_json::to_string_pretty(&entries) {
            Ok(text) => println!("{text}"),
            Err(e) => return super::fail(ExitCode::Internal, e),
        },
        Output::Text => print!("{}", entries.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
    let failed = entries.iter().any(|e| matches!(e.result, Found::Error(_)));
    if failed { ExitCode::Component } else { ExitCode::Success }
}

fn text(entry: &Entry<'_>) -> String {
    let file = entry.file.display();
    let found = match &entry.result {
        Found::Ok(found) => found,
        Found::Error(why) => return format!("{file}\n  error: {why}\n"),
    };
    let mut t = String::new();
    let enter = match found.world {
        World::Task => "task (exports `run` of wharf:task/task)",
        World::Command => "command (exports wasi:cli/run)",
        World::CoreCommand => "command (a core module of WASI preview 1)",
        World::Other => "cannot be run: it is neither a task nor a command",
    };
    // Writing to a String does not fail.
    let _ = writeln!(t, "{file}\n  digest  {}\n  size    {} bytes\n  world   {enter}", found.digest, found.size);
    if let Some(m) = &found.manifest {
        let _ = writeln!(t, "  task    {} {}  {}", m.name, m.version, m.description);
        for (what, schema) in [("input", &m.input), ("output", &m.output)] {
            if let Some(schema) = schema {
                let _ = writeln!(t, "  {what:<7} {schema}");
            }
        }
        for host in &m.http {
            let _ = writeln!(t, "  asks    to speak HTTP to {host}");
        }
        for secret in &m.secrets {
            let _ = writeln!(t, "  asks    for the secret {secret}");
        }
    }
    for i in &found.imports {
        let words = if i.meaning.is_empty() { "unknown to this runtime" } else { &i.meaning };
        let mark = if i.known { " " } else { "!" };
        let _ = writeln!(t, "  import {mark}{}: {words}", i.name);
    }
    for name in &found.exports {
        let _ = writeln!(t, "  export  {name}");
    }
    t
}
