use super::{artifact, show};
use crate::api::types::{CreateRun, RunAnswer, RunDetail};
use crate::artifacts::Artifacts;
use crate::cli::alone::{self, Alone, Grants};
use crate::cli::follow::{self, OnInterrupt};
use crate::cli::session::{self, Interrupts, Session, block_on};
use crate::cli::{Context, Exit, Failure, human, place, report, words};
use crate::client::Client;
use crate::coordinator::{Config, Options};
use crate::load::Loader;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wharf_contract::Payload;
use wharf_core::config::Severity;
use wharf_core::event::RunState;

/// Run a flow, or a component alone, now and in the foreground
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Progress and logs go to standard error, what comes out goes to standard output. The first Ctrl-C
cancels the run, the second stops at once.

A component alone gets nothing but what is granted here. Its state folder is removed at the end,
unless --keep is given.

Exit codes: 0 succeeded, 10 failed, 14 cancelled; others as of every command.

Examples:
  wharf run daily --partition 2012-01-05
  wharf run report -p title=\"First quarter\" -p limit=10
  wharf run task.wasm -i name=Ada -i tags='[\"a\",\"b\"]'
  wharf run task.wasm --input @input.json --mount ./data:/data --timeout 30s
  wharf run fetch.wasm -i url=https://example.org/x --allow-http example.org
  wharf run tool.wasm --arg --verbose --arg /data/x.csv --mount ./data:/data")]
pub(in crate::cli) struct Args {
    /// A flow of the configuration, or a component's file
    #[arg(value_name = "FLOW | TASK.wasm")]
    what: String,
    /// Input of a component: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "inputs")]
    input: Option<String>,
    /// A field of a component's input; a value that is JSON is taken as that
    #[arg(short = 'i', value_name = "KEY=VALUE", id = "inputs")]
    inputs: Vec<String>,
    /// A parameter of a flow; a value that is JSON is taken as that
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// The partition to work on
    #[arg(long, value_name = "KEY")]
    partition: Option<String>,
    /// Put the artifacts of what comes out into this folder, by their names
    #[arg(long, value_name = "FOLDER")]
    artifacts: Option<PathBuf>,
    /// Do not show what tasks log
    #[arg(short, long)]
    quiet: bool,
    /// Keep the state folder of a component that runs alone
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    grants: Grants,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if Path::new(&args.what).extension().is_some_and(|e| e == "wasm") {
        component(context, args)
    } else {
        flow(context, args)
    }
}

fn flow(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if args.input.is_some() || !args.inputs.is_empty() {
        return Err(Failure::usage("--input and -i are of a component that runs alone")
            .hint("a flow takes parameters: -p KEY=VALUE"));
    }
    if !args.grants.is_empty() || args.keep {
        return Err(Failure::usage("grants, limits and --keep are of a component that runs alone")
            .hint("what a flow's tasks may is said in its configuration"));
    }
    let state = context.global.here()?;
    let request = CreateRun {
        flow: args.what.clone(),
        params: words::pairs("-p", &args.params)?,
        partition: args.partition.clone(),
    };
    session::with(context, async |session, interrupts| {
        foreground(context, args, session, interrupts, &request, state.as_deref()).await
    })
}

fn component(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let file = Path::new(&args.what);
    if !args.params.is_empty() {
        return Err(Failure::usage("-p is of flows").hint("a component takes input: -i KEY=VALUE, or --input JSON"));
    }
    match std::fs::metadata(file) {
        Err(e) => return Err(Failure::io("read", file, &e)),
        Ok(m) if m.is_dir() => return Err(Failure::usage(format!("{} is a folder", file.display()))),
        Ok(_) => {}
    }
    let input = match (&args.input, args.inputs.is_empty()) {
        (Some(text), _) => Some(words::input(text)?),
        (None, false) => Some(Value::Object(words::pairs("-i", &args.inputs)?)),
        (None, true) => None,
    };
    let runtime = context.global.runtime()?;
    let alone = prepare(file, args, input, &runtime)?;
    let folder = tempfile::Builder::new()
        .prefix("wharf-")
        .disable_cleanup(args.keep)
        .tempdir()
        .map_err(|e| Failure::internal(format!("cannot make a folder for the run: {e}")))?;
    let state = folder.path().to_owned();
    share_cache(&state)?;
    let mut options = Options::command(Config::Texts(vec![alone.source]), state.clone());
    options.runtime = Some(runtime);
    let request = CreateRun { flow: alone.flow, params: alone.params, partition: args.partition.clone() };
    let exit = block_on(async {
        let session = Session::carry(options).await?;
        session
            .with(context, async |session, interrupts| {
                foreground(context, args, session, interrupts, &request, Some(&state)).await
            })
            .await
    });
    if args.keep {
        context.out.tell(format!("kept: {} (wharf show 1 --state-dir {0})", state.display()));
    }
    exit
}

/// The component's flow, without faults.
fn prepare(file: &Path, args: &Args, input: Option<Value>, runtime: &Path) -> Result<Alone, Failure> {
    let mut loader = Loader::new(runtime.to_owned());
    let mut alone = alone::flow(file, &args.grants, input.clone(), args.partition.as_deref())?;
    let mut load = |alone: &Alone| {
        loader.load(&Config::Texts(vec![alone.source.clone()]), false).map_err(|why| Failure::new(Exit::Config, why))
    };
    let mut loaded = load(&alone)?;
    let takes_object = loaded.catalog.values().flatten().any(|i| {
        let schema = i.manifest.as_ref().and_then(|m| m.input.as_ref());
        schema.is_some_and(|s| s.get("type").is_some_and(|t| t == "object"))
    });
    if input.is_none() && takes_object {
        // A task whose input is an object with nothing required runs without any word on it.
        alone =
            alone::flow(file, &args.grants, Some(Value::Object(serde_json::Map::new())), args.partition.as_deref())?;
        loaded = load(&alone)?;
    }
    match loaded.faults.into_iter().find(|f| f.severity == Severity::Error) {
        // Its place is one in a text that nobody has written.
        Some(fault) => Err(Failure { hint: fault.hint, ..Failure::new(Exit::Config, fault.message) }),
        None => Ok(alone),
    }
}

/// Compiled components outlive the state folder: it takes part in the user's cache.
fn share_cache(state: &Path) -> Result<(), Failure> {
    let Some(cache) = place::cache().map(|dir| dir.join("compiled")) else { return Ok(()) };
    std::fs::create_dir_all(&cache).map_err(|e| Failure::io("make", &cache, &e))?;
    let link = state.join("cache");
    std::os::unix::fs::symlink(&cache, &link).map_err(|e| Failure::io("make", &link, &e))
}

async fn foreground(
    context: &Context,
    args: &Args,
    session: &mut Session,
    interrupts: &mut Interrupts,
    request: &CreateRun,
    state: Option<&Path>,
) -> Result<Exit, Failure> {
    let answer: RunAnswer = session.client.post("/v1/runs", request).await?;
    let of_flow = !args.what.ends_with(".wasm");
    if of_flow {
        context.out.tell(format!("run {} of {}", answer.run, request.flow));
    }
    let detail = follow::run(context, session, interrupts, answer.run, OnInterrupt::Cancel, !args.quiet).await?;
    if let Some(folder) = &args.artifacts {
        save(context, &session.client, &detail, folder).await?;
    }
    if context.out.json() {
        context.out.value(&detail)?;
    } else {
        context.out.tell(report::ended(&detail.summary, context.out.color_err));
        if of_flow {
            context.out.text(show::outputs(&detail, state, context.out.color).trim_start_matches('\n'))?;
        } else if let Some(state) = state {
            output(context, args, &detail, state)?;
        }
    }
    if of_flow && detail.summary.state == RunState::Failed {
        let run = answer.run;
        context.out.tell(format!("hint: `wharf show {run}` says more, `wharf retry {run}` goes on from what failed"));
    }
    Ok(follow::exit_of(detail.summary.state))
}

/// What a component gave, as it gave it.
fn output(context: &Context, args: &Args, detail: &RunDetail, state: &Path) -> Result<(), Failure> {
    let place = report::Place { state: Some(state), tenant: alone::TENANT, store: None };
    for (_, outcome) in show::results(detail) {
        match &outcome.output {
            Some(Payload::Json(json)) => context.out.line(json.get())?,
            Some(Payload::Artifact(artifact)) => {
                let path = Artifacts::new(state).path(alone::TENANT, &artifact.digest).unwrap_or_default();
                let bytes = std::fs::read(&path).map_err(|e| Failure::io("read", &path, &e))?;
                context.out.bytes(&bytes)?;
                context.out.text("\n")?;
            }
            None => {}
        }
        for artifact in &outcome.artifacts {
            context.out.tell(match args.keep {
                true => format!("artifact {}", place.line(artifact)),
                false => {
                    format!("artifact {} ({})", crate::cli::screen::safe(&artifact.name), human::bytes(artifact.size))
                }
            });
        }
        if !outcome.artifacts.is_empty() && !args.keep && args.artifacts.is_none() {
            context.out.tell("hint: artifacts go with the run; --artifacts FOLDER saves them");
        }
    }
    Ok(())
}

/// Copies the artifacts of what came out into a folder.
async fn save(context: &Context, client: &Client, detail: &RunDetail, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::io("make", folder, &e))?;
    for (_, outcome) in show::results(detail) {
        // The runtime lets no slash into a name; these are what is left that would lead elsewhere.
        for artifact in outcome.artifacts.iter().filter(|a| ![".", "..", ""].contains(&a.name.as_str())) {
            let to = folder.join(&artifact.name);
            artifact::download(client, detail.summary.run, artifact, &to).await?;
            context.out.tell(format!("saved {}", to.display()));
        }
    }
    Ok(())
}
