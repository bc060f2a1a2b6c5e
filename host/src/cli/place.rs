//! Where things are: the configuration, the state folder, the runtime's binary.

use super::exit::Failure;
use super::out::Format;
use crate::client::{Client, Place, Remote};
use crate::load::find_runtime;
use std::path::{Path, PathBuf};

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Configuration: a file or a folder of *.yaml; give it again for more. Default: wharf.yaml, else the folder wharf/
    #[arg(
        short = 'f',
        long = "config",
        value_name = "PATH",
        global = true,
        env = "WHARF_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Vec<PathBuf>,
    /// Where runs, artifacts and logs are kept. Default: .wharf in the configuration's folder
    #[arg(long, value_name = "DIR", global = true, env = "WHARF_STATE_DIR", hide_env_values = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// The binary wharf-runtime. Default: beside wharf, else on PATH
    #[arg(long, value_name = "PATH", global = true, env = "WHARF_RUNTIME", hide_env_values = true)]
    pub(crate) runtime: Option<PathBuf>,
    /// A coordinator elsewhere, instead of the one of the state folder: http://HOST:PORT or https://...
    #[arg(long, value_name = "URL", global = true, env = "WHARF_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// The token that says who asks it; read anew for each request
    #[arg(long, value_name = "FILE", global = true, env = "WHARF_TOKEN_FILE", hide_env_values = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's is checked by. Default: those that browsers trust
    #[arg(long, value_name = "FILE", global = true, env = "WHARF_CERTIFICATE_AUTHORITY", hide_env_values = true)]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// How output is written: text or json
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) output: Format,
    /// Say more of what the coordinator does, on standard error; again for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Global {
    /// The configuration's files and folders, each of which is there.
    pub(super) fn config(&self) -> Result<Vec<PathBuf>, Failure> {
        if self.config.is_empty() {
            return match ["wharf.yaml", "wharf"].map(PathBuf::from) {
                [file, _] if file.is_file() => Ok(vec![file]),
                [_, folder] if folder.is_dir() => Ok(vec![folder]),
                _ => {
                    Err(Failure::not_found("there is no configuration here: neither wharf.yaml nor the folder wharf/")
                        .hint("name one with -f PATH, or change to its folder"))
                }
            };
        }
        for path in &self.config {
            if let Err(e) = std::fs::metadata(path) {
                return Err(Failure::io("read the configuration", path, &e));
            }
        }
        Ok(self.config.clone())
    }

    /// The state folder: as given, else `.wharf` in the folder of the configuration. It need not be there yet.
    pub(super) fn state_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.state_dir {
            return absolute(dir);
        }
        let config = self.config().map_err(|e| match e.hint {
            Some(_) => {
                Failure { hint: Some("name one with -f PATH, or the state folder with --state-dir DIR".into()), ..e }
            }
            None => e,
        })?;
        let first = absolute(&config[0])?;
        let folder = if first.is_dir() { first.as_path() } else { first.parent().unwrap_or(Path::new("/")) };
        Ok(folder.join(".wharf"))
    }

    /// The coordinator elsewhere, where one is named.
    pub(super) fn server(&self) -> Result<Option<Client>, Failure> {
        let Some(url) = &self.server else { return Ok(None) };
        let remote = Remote::new(url, self.token_file.clone(), self.certificate_authority.as_deref());
        let remote = remote.map_err(|why| Failure::usage(format!("--server: {why}")))?;
        Ok(Some(Client::at(Place::Remote(Box::new(remote)))))
    }

    /// Where artifacts of attempts on this machine lie; none where the coordinator is elsewhere.
    pub(super) fn here(&self) -> Result<Option<PathBuf>, Failure> {
        match &self.server {
            Some(_) => Ok(None),
            None => self.state_dir().map(Some),
        }
    }

    /// The runtime's binary.
    pub(super) fn runtime(&self) -> Result<PathBuf, Failure> {
        find_runtime(self.runtime.as_deref()).map_err(Failure::not_found)
    }
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|e| Failure::io("find", path, &e))
}

/// The user's cache folder of wharf, as the XDG base directories say.
pub(super) fn cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    base.is_absolute().then(|| base.join("wharf"))
}
