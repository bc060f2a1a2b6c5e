use crate::cli::session::block_on;
use crate::cli::{Context, Exit, Failure};
use crate::coordinator::{self, Config, Options};

/// Run flows when they are due, and answer the other commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs in the foreground and logs to standard error. A configuration that has changed is taken over;
one with faults is refused, and the one before stays. SIGTERM and Ctrl-C drain: nothing new starts,
what runs may end. A second one stops at once; what ran goes on with the next start. SIGHUP reads
the configuration anew.

Examples:
  wharf serve
  wharf serve -f /etc/wharf --state-dir /var/lib/wharf")]
pub(in crate::cli) struct Args {}

pub(in crate::cli) fn run(context: &Context, _: &Args) -> Result<Exit, Failure> {
    let mut options = Options::serve(Config::Paths(context.global.config()?), context.global.state_dir()?);
    options.runtime = Some(context.global.runtime()?);
    block_on(async {
        let mut handle = coordinator::start(options).await?;
        context.out.tell(format!("listening on {}", handle.socket().display()));
        handle.join().await.map_err(|why| Failure::internal(format!("the coordinator ended: {why}")))?;
        Ok(Exit::Ok)
    })
}
