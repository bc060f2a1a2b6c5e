use crate::api::{Authentication, Health, Listen, TlsFiles};
use crate::cli::session::block_on;
use crate::cli::{Context, Exit, Failure};
use crate::coordinator::{self, Config, Options};
use crate::executor::kubernetes::Access;
use std::net::SocketAddr;
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
  wharf serve --kubeconfig /etc/wharf/kubeconfig --context production
  wharf serve --listen 0.0.0.0:8080 --authentication kubernetes --health-listen 0.0.0.0:8081")]
pub(in crate::cli) struct Args {
    /// Kubeconfig of the cluster that attempts run in [default: as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// One of the kubeconfig's contexts [default: its current one]
    #[arg(long = "context", value_name = "NAME")]
    kube_context: Option<String>,
    /// Serve the API over TCP besides the socket [e.g. 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Who is answered there: kubernetes asks for a token that the cluster knows, and for rights that it
    /// gives. Without it, only programs of this machine are, and ADDR must be one of it alone
    #[arg(long, value_name = "HOW", value_enum, requires = "listen")]
    authentication: Option<How>,
    /// Serve it over TLS, with this certificate (PEM); read anew when it has changed
    #[arg(long, value_name = "FILE", requires = "listen", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// Answer /livez, /readyz and /metrics there, to whoever asks [e.g. 0.0.0.0:8081]
    #[arg(long, value_name = "ADDR")]
    health_listen: Option<SocketAddr>,
}

/// What `--authentication` can be.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum How {
    Kubernetes,
}

impl Args {
    /// Where the API is served over TCP.
    fn door(&self) -> Result<Option<Listen>, Failure> {
        let Some(address) = self.listen else { return Ok(None) };
        let authentication = match self.authentication {
            Some(How::Kubernetes) => Authentication::Kubernetes,
            None => Authentication::None,
        };
        let files = self.tls_cert_file.clone().zip(self.tls_private_key_file.clone());
        let tls = files.map(|(certificate, key)| TlsFiles { certificate, key });
        let listen = Listen::new(address, authentication, tls);
        listen.map(Some).map_err(|why| Failure::with_advice(Exit::Usage, &format!("--listen: {why}")))
    }
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let listen = args.door()?;
    let mut options = Options::serve(Config::Paths(context.global.config()?), context.global.state_dir()?);
    options.access = Access { kubeconfig: args.kubeconfig.clone(), context: args.kube_context.clone() };
    options.listen = listen;
    options.runtime = Some(context.global.runtime()?);
    block_on(async {
        // Open before there is a coordinator, and until the process ends.
        let _health = match args.health_listen {
            Some(address) => {
                let health = Health::open(address, options.vitals.clone()).await.map_err(Failure::internal)?;
                context.out.tell(format!("probes and metrics on {}", health.address()));
                Some(health)
            }
            None => None,
        };
        let mut handle = coordinator::start(options).await?;
        let port = handle.address().map_or_else(String::new, |address| format!(" and {address}"));
        context.out.tell(format!("listening on {}{port}", handle.socket().display()));
        handle.join().await.map_err(|why| Failure::internal(format!("the coordinator ended: {why}")))?;
        Ok(Exit::Ok)
    })
}
