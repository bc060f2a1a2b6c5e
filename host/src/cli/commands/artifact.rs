use crate::api::types::{ArtifactList, ArtifactRow};
use crate::api::views;
use crate::artifacts::{Artifacts, Content, ContentError};
use crate::cli::look::Look;
use crate::cli::report::Place;
use crate::cli::screen::safe;
use crate::cli::session::block_on;
use crate::cli::table::Table;
use crate::cli::view::label;
use crate::cli::{Context, Exit, Failure, Format, human};
use crate::client::{Client, Download, Query};
use crate::depots::Depots;
use crate::executor::kubernetes::{Access, Readers};
use crate::store::Reads as _;
use futures_util::TryStreamExt as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_contract::Artifact;
use wharf_core::event::RunId;
use wharf_core::plan::Plan;
use wharf_depot::Hasher;

/// List what a run's tasks kept, or get one of it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Its content is checked on the way; exit code 1 if it is not what was recorded, and no file is left then.

Examples:
  wharf artifact 17                                  what there is
  wharf artifact 17 report chart.svg -o chart.svg
  wharf artifact 17 report > chart.svg               where the task kept one only
  wharf artifact 17 each rows.csv --item 3 -o rows.csv
  wharf artifact 17 sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")]
pub(in crate::cli) struct Args {
    /// Number of the run
    #[arg(value_parser = crate::cli::words::run_id)]
    run: RunId,
    /// The task that kept it, or its digest
    #[arg(value_name = "TASK|DIGEST")]
    task: Option<String>,
    /// As the task named it
    name: Option<String>,
    /// Of this item of the task's fan-out, from 0
    #[arg(long, value_name = "N", requires = "task")]
    item: Option<u32>,
    /// Of this attempt, from 1; otherwise of the last one
    #[arg(long, value_name = "N", requires = "task")]
    attempt: Option<u32>,
    /// Where it goes; otherwise to standard output
    #[arg(short = 'o', long, value_name = "PATH", requires = "task")]
    file: Option<PathBuf>,
    // Takes the place of the global option: as in curl, -o is where it goes.
    /// How output is written: text or json; without the short -o here
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    output: Format,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let look = Look::open(context).await?;
        let list = match &look {
            Look::Running(client) => client.get(&format!("/v1/runs/{}/artifacts", args.run)).await?,
            Look::Store { reads, .. } => views::artifacts(reads, args.run)?,
        };
        if args.task.is_none() {
            return show(context, args, &list);
        }
        let artifact = &select(&list.artifacts, args)?.artifact;
        let mut bytes = match &look {
            Look::Running(client) => Bytes::of(client, args.run, artifact).await?,
            Look::Store { state, reads } => {
                let instance = reads.instance()?;
                open(context, state, &instance, &list.tenant, &artifact.digest).await?
            }
        };
        let got = match &args.file {
            Some(path) => to_file(&mut bytes, artifact, path).await,
            None => to_output(context, &mut bytes, artifact).await,
        };
        if let Bytes::Here(_, Some(readers)) = &bytes {
            readers.close().await;
        }
        got.map(|()| Exit::Ok)
    })
}

/// Gets an artifact of a run into a file.
pub(super) async fn download(client: &Client, run: RunId, artifact: &Artifact, path: &Path) -> Result<(), Failure> {
    to_file(&mut Bytes::of(client, run, artifact).await?, artifact, path).await
}

fn show(context: &Context, args: &Args, list: &ArtifactList) -> Result<Exit, Failure> {
    if args.output == Format::Json || context.out.json() {
        context.out.value(list)?;
        return Ok(Exit::Ok);
    }
    let state = context.global.here()?;
    let place = Place { state: state.as_deref(), tenant: &list.tenant, store: list.store.as_deref() };
    let mut table = Table::new(["task", "name", ">size", "type", "where"]);
    for row in &list.artifacts {
        let artifact = &row.artifact;
        table.row([
            label(&row.task, row.item).into(),
            safe(&artifact.name).into(),
            human::bytes(artifact.size).into(),
            artifact.media_type.as_deref().map(safe).unwrap_or_default().into(),
            place.of(&artifact.digest).into(),
        ]);
    }
    match list.artifacts.is_empty() {
        true => context.out.note(format!("run {} kept no artifact", args.run)),
        false => context.out.text(table.render(context.out.color))?,
    }
    Ok(Exit::Ok)
}

/// The one artifact that is meant: of several attempts the last one's.
fn select<'a>(rows: &'a [ArtifactRow], args: &Args) -> Result<&'a ArtifactRow, Failure> {
    let wanted = args.task.as_deref().unwrap_or_default();
    let fits = |row: &&ArtifactRow| {
        (row.task == wanted || row.artifact.digest == wanted)
            && args.name.as_ref().is_none_or(|name| *name == row.artifact.name)
            && args.item.is_none_or(|item| row.item == Some(item))
            && args.attempt.is_none_or(|attempt| row.attempt == attempt)
    };
    let found: Vec<_> = rows.iter().filter(fits).collect();
    let Some(last) = found.last() else {
        let known: Vec<_> =
            rows.iter().map(|r| format!("{} {}", label(&r.task, r.item), safe(&r.artifact.name))).collect();
        let failure = Failure::not_found(format!("run {} kept no such artifact", args.run));
        return Err(match known.len() {
            0 => failure.hint("it kept none at all"),
            1..=20 => failure.hint(format!("it kept {}", known.join(", "))),
            n => failure.hint(format!("it kept {n}; `wharf artifact {}` lists them", args.run)),
        });
    };
    if wanted == last.artifact.digest {
        return Ok(last);
    }
    if found.iter().any(|row| row.item != last.item) {
        let failure = Failure::usage(format!("several items of `{}` kept it", last.task));
        return Err(failure.hint("say which with --item N"));
    }
    let mut of_last = found.iter().filter(|row| row.attempt == last.attempt);
    if of_last.any(|row| row.artifact.name != last.artifact.name) {
        let names: Vec<_> = found.iter().map(|row| safe(&row.artifact.name)).collect();
        let failure = Failure::usage(format!("`{}` kept more than one artifact", last.task));
        return Err(failure.hint(format!("say which: {}", names.join(", "))));
    }
    Ok(last)
}

/// Without a coordinator: from the state folder, else from the store that the configuration names.
async fn open(context: &Context, state: &Path, instance: &str, tenant: &str, digest: &str) -> Result<Bytes, Failure> {
    let artifacts = Artifacts::new(state);
    let failed = match artifacts.open(&Depots::of(Arc::new(Plan::default()), instance), tenant, digest).await {
        Ok((_, content)) => return Ok(Bytes::Here(content, None)),
        Err(e) => e,
    };
    if !matches!(failed, ContentError::Gone(_)) {
        return Err(failed.into());
    }
    let plan = super::plan(context).map_err(|_| {
        Failure::from(failed).hint("if it ran in a cluster, the configuration says where it is: name it with -f PATH")
    })?;
    let readers = Readers::of(Access::default(), Arc::clone(&plan), instance);
    let depots = Depots::of(plan, instance).with_claims(readers.clone());
    match artifacts.open(&depots, tenant, digest).await {
        Ok((_, content)) => Ok(Bytes::Here(content, Some(readers))),
        Err(e) => {
            readers.close().await;
            Err(e.into())
        }
    }
}

/// An artifact on its way.
enum Bytes {
    Coordinator(Download),
    /// With what keeps the store in reach.
    Here(Content, Option<Readers>),
}

impl Bytes {
    async fn of(client: &Client, run: RunId, artifact: &Artifact) -> Result<Bytes, Failure> {
        let query = Query::new(format!("/v1/runs/{run}/artifacts/content")).pair("digest", &artifact.digest);
        Ok(Bytes::Coordinator(client.download(query.as_str()).await?))
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Bytes::Coordinator(download) => Ok(download.next().await?.map(Into::into)),
            Bytes::Here(content, _) => Ok(content.try_next().await?),
        }
    }

    /// Gives all of it to `take`, and makes sure that it is what was recorded.
    async fn all(
        &mut self,
        artifact: &Artifact,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut hasher = Hasher::new();
        while let Some(bytes) = self.next().await? {
            hasher.update(&bytes);
            take(&bytes)?;
        }
        let found = hasher.finish().to_string();
        match found == artifact.digest {
            true => Ok(()),
            false => Err(Failure::internal(format!(
                "what is kept as `{}` is {found}, not {}: it was damaged or replaced",
                safe(&artifact.name),
                artifact.digest
            ))),
        }
    }
}

async fn to_output(context: &Context, bytes: &mut Bytes, artifact: &Artifact) -> Result<(), Failure> {
    bytes.all(artifact, |bytes| context.out.bytes(bytes)).await
}

/// The file is there only once it is whole.
async fn to_file(bytes: &mut Bytes, artifact: &Artifact, path: &Path) -> Result<(), Failure> {
    let cannot = |e: &std::io::Error| Failure::io("write", path, e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temp = tempfile::Builder::new().prefix(".wharf-").tempfile_in(folder).map_err(|e| cannot(&e))?;
    bytes.all(artifact, |bytes| temp.write_all(bytes).map_err(|e| cannot(&e))).await?;
    // As any other file that a command makes.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temp.as_file().set_permissions(mode).map_err(|e| cannot(&e))?;
    temp.persist(path).map(drop).map_err(|e| cannot(&e.error))
}

impl From<ContentError> for Failure {
    fn from(error: ContentError) -> Failure {
        let exit = if matches!(error, ContentError::Gone(_)) { Exit::NotFound } else { Exit::Internal };
        Failure::with_advice(exit, &error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn row(task: &str, item: Option<u32>, attempt: u32, name: &str, digest: &str) -> ArtifactRow {
        let artifact = Artifact { digest: digest.into(), size: 1, name: name.into(), media_type: None };
        ArtifactRow { task: task.into(), item, attempt, artifact }
    }

    #[test]
    fn one_artifact_is_meant_or_it_is_said_what_is_missing() {
        let rows = [
            row("report", None, 1, "chart", "sha256:1"),
            row("report", None, 2, "chart", "sha256:2"),
            row("report", None, 2, "table", "sha256:3"),
            row("each", Some(0), 1, "rows", "sha256:4"),
            row("each", Some(1), 1, "rows", "sha256:5"),
            row("one", None, 1, "only", "sha256:6"),
        ];
        let check = |words: &str, expect: Result<&str, (&str, Exit)>| {
            let line = Line::try_parse_from(["artifact", "7"].into_iter().chain(words.split(' '))).unwrap();
            match (select(&rows, &line.args), expect) {
                (Ok(row), Ok(digest)) => assert_eq!(row.artifact.digest, digest, "{words}"),
                (Err(e), Err((says, exit))) => {
                    let text = format!("{}: {}", e.message, e.hint.unwrap_or_default());
                    assert!(text.contains(says) && e.exit == exit, "{words}: {text}");
                }
                (got, _) => panic!("{words}: {got:?}"),
            }
        };
        check("report chart", Ok("sha256:2"));
        check("report chart --attempt 1", Ok("sha256:1"));
        check("report --attempt 1", Ok("sha256:1"));
        check("report", Err(("say which: chart, chart, table", Exit::Usage)));
        check("one", Ok("sha256:6"));
        check("sha256:1", Ok("sha256:1"));
        check("each rows --item 1", Ok("sha256:5"));
        check("each rows", Err(("--item", Exit::Usage)));
        check("each rows --item 2", Err(("each[0] rows", Exit::NotFound)));
        check("gone", Err(("no such artifact", Exit::NotFound)));
    }
}
