//! What a contributor repeats. `cargo xtask --help` lists it.

mod bench;
mod ci;
mod cluster;
mod demo;
mod image;
mod shell;
mod test;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What a contributor repeats")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build all that the demo needs, run one day of Seattle's weather, then backfill all 1,461.
    Demo {
        /// Folder for the demo's state; emptied first.
        #[arg(long)]
        state_dir: Option<std::path::PathBuf>,
    },
    /// Build all that the tests need and run them.
    Test {
        /// Given to `cargo test`, for example a name to filter by.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Print performance as ratios to floors that are taken in the same run.
    Bench {
        /// The sections on a real Kubernetes instead (g to l): needs what its tests need, and half an hour.
        #[arg(long)]
        cluster: bool,
        /// Only these sections, by letter (a to f).
        #[arg(long, value_delimiter = ',')]
        only: Vec<char>,
    },
    /// All that continuous integration checks besides the tests: format, lints, licences, generated files.
    Ci,
    /// Build the static release binaries and pack them as OCI archives, without a container engine.
    Image {
        /// Folder for the archives; `images` beside the binaries unless told.
        #[arg(long)]
        output: Option<std::path::PathBuf>,
    },
    /// Build what the tests run: the binaries, the guest components and the images.
    Build,
}

fn main() -> ExitCode {
    match run(Args::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Demo { state_dir } => demo::run(&workspace, state_dir),
        Task::Test { args } => test::run(&workspace, &args),
        Task::Bench { cluster, only } => bench::run(&workspace, cluster, &only),
        Task::Ci => ci::run(&workspace),
        Task::Image { output } => image::run(&workspace, output),
        Task::Build => build(&workspace),
    }
}

/// What the tests run.
fn build(workspace: &Workspace) -> Result<()> {
    workspace.build_binaries()?;
    workspace.build_guests()?;
    image::pack(workspace, &workspace.images())
}
