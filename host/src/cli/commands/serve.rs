use crate::cli::session::block_on;
use crate::cli::{Context, Exit, Failure};
use crate::coordinator::{self, Config, Options};
use crate::executor::kubernetes::Access;
use std::path::PathBuf;

/// Run flows when they are due, and answer the other commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs in the foreground and logs to standard error. A configuration that has changed is taken over;
one with faults is refused, and the one before stays. SIGTERM and Ctrl-C drain: nothing new starts,
what runs may end. A second one stops at once; what ran goes on with the next start. Attempts in a
cluster go on meanwhile, so that nothing is waited for. SIGHUP reads the configuration anew.

Examples:
  wharf serve
  wharf serve -f /etc/wharf --state-dir /var/lib/wharf
  wharf serve --kubeconfig /etc/wharf/kubeconfig --context production")]
pub(in crate::cli) struct Args {
    /// Kubeconfig of the cluster that attempts run in [default: as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// One of the kubeconfig's contexts [default: its current one]
    #[arg(long = "context", value_name = "NAME")]
    kube_context: Option<String>,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let mut options = Options::serve(Config::Paths(context.global.config()?), context.global.state_dir()?);
    options.access = Access { kubeconfig: args.kubeconfig.clone(), context: args.kube_context.clone() };
    options.runtime = Some(context.global.runtime()?);
    block_on(async {
        let mut handle = coordinator::start(options).await?;
        context.out.tell(format!("listening on {}", handle.socket().display()));
        handle.join().await.map_err(|why| Failure::internal(format!("the coordinator ended: {why}")))?;
        Ok(Exit::Ok)
    })
}
