use super::vitals::Vitals;
use crate::api::Listen;
use crate::executor::kubernetes::Access;
use std::path::PathBuf;
use std::time::Duration;

/// How a coordinator is started. `wharf serve` and the commands that carry a coordinator of their own differ only in
/// these.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the config comes from.
    pub config: Config,
    /// Folder of the store, artifacts, logs and the lock; made if it is not there.
    pub state_dir: PathBuf,
    /// The binary `wharf-runtime`; none: looked for as [`crate::load::find_runtime`] says.
    pub runtime: Option<PathBuf>,
    /// Socket of the API; none: `wharf.sock` in the state folder.
    pub socket: Option<PathBuf>,
    /// Whether the ticks of schedules are run. A command that works on one run leaves them to `serve`.
    pub schedules: bool,
    /// Whether a changed config file is taken over without being asked to.
    pub watch: bool,
    /// Whether SIGTERM and SIGINT drain (the second one stops), and SIGHUP reloads.
    pub signals: bool,
    /// How long a worker process with nothing to do is kept.
    pub worker_idle: Duration,
    /// Worker processes at one time, over all tenants.
    pub max_workers: usize,
    /// The cluster, where the config says that attempts run in one.
    pub access: Access,
    /// Where the API is served over TCP besides its socket; none: nowhere.
    pub listen: Option<Listen>,
    /// Told how far the coordinator is.
    pub vitals: Vitals,
}

impl Options {
    /// As `wharf serve` runs, with what must be said.
    #[must_use]
    pub fn serve(config: Config, state_dir: PathBuf) -> Options {
        Options {
            config,
            state_dir,
            runtime: None,
            socket: None,
            schedules: true,
            watch: true,
            signals: true,
            worker_idle: Duration::from_secs(60),
            max_workers: 16,
            access: Access::default(),
            listen: None,
            vitals: Vitals::default(),
        }
    }

    /// As a command runs that carries a coordinator of its own: no schedules, no watching; signals are the command's.
    #[must_use]
    pub fn command(config: Config, state_dir: PathBuf) -> Options {
        Options { schedules: false, watch: false, signals: false, ..Options::serve(config, state_dir) }
    }
}

/// Where the config comes from.
#[derive(Debug, Clone)]
pub enum Config {
    /// Files, and folders of `*.yaml` and `*.yml`.
    Paths(Vec<PathBuf>),
    /// Texts that a command made up, for example for one component without a flow.
    Texts(Vec<wharf_core::config::Source>),
}
