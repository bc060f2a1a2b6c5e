//! The verbs of the command line.

pub(crate) mod compile;
pub(crate) mod inspect;
pub(crate) mod pod;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod store;

use std::fmt::Display;
use std::path::PathBuf;
use wharf_contract::ExitCode;

/// Says what went wrong, and gives the exit code for it.
pub(crate) fn fail(code: ExitCode, what: impl Display) -> ExitCode {
    eprintln!("wharf-runtime: {what}");
    code
}

/// Where the compiled components are kept.
#[derive(clap::Args)]
pub(crate) struct CacheArgs {
    /// Folder of compiled components; made when first needed. One that others can write to lets them run native code.
    #[arg(long, value_name = "DIR", env = "WHARF_CACHE")]
    pub cache: Option<PathBuf>,
}

impl CacheArgs {
    /// The folder: as given, else the user's own cache.
    pub(crate) fn dir(&self) -> Result<PathBuf, String> {
        if let Some(dir) = &self.cache {
            return Ok(dir.clone());
        }
        let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        from("XDG_CACHE_HOME")
            .or_else(|| from("HOME").map(|home| home.join(".cache")))
            .map(|dir| dir.join("wharf/compiled"))
            .ok_or_else(|| "there is no cache folder: give one with --cache DIR".into())
    }
}
