//! Packs the project's own images. `cargo xtask image` builds what goes in and starts this.

mod authorities;
mod ours;

use anyhow::{Context, Result};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wharf_image::Platform;

/// Packs the project's own images as OCI archives.
#[derive(Parser)]
struct Args {
    /// Folder of the static release binaries.
    #[arg(long)]
    binaries: PathBuf,
    /// Folder for the archives.
    #[arg(long)]
    output: PathBuf,
}

fn main() -> ExitCode {
    match pack(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wharf-image: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn pack(args: &Args) -> Result<()> {
    let platform = Platform::here().context("no image is made for this machine's processor")?;
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot make {}", args.output.display()))?;
    for ours in [&ours::RUNTIME, &ours::COORDINATOR] {
        let packed = ours.image(&args.binaries, platform)?.pack()?;
        let name = ours.reference();
        let path = args.output.join(format!("{}.oci.tar", ours.name));
        write_if_changed(&path, &packed.archive(&name)?)?;
        let size = packed.size() as f64 / 1e6;
        let verdict = if size <= f64::from(ours.most_mb) { "met" } else { "MISSED" };
        let (digest, most) = (packed.digest(), ours.most_mb);
        println!("{name} {digest} {} {size:.1} MB, target {most}: {verdict}", path.display());
    }
    Ok(())
}

/// Leaves the file's time alone where nothing changed: others go by it.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
