//! The coordinator that a command speaks to: the one that runs, else one that the command carries itself.

use super::Context;
use super::exit::{Exit, Failure};
use crate::api::types::{Live, RunList};
use crate::client::{Client, ClientError, Query};
use crate::coordinator::{self, Config, Handle, Options, StartError};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a process that holds the store may take until it answers on its socket: it may be about to start or to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile.
const KNOCK: Duration = Duration::from_millis(50);

/// A coordinator that answers.
pub(super) struct Session {
    pub(super) client: Client,
    /// The coordinator, where this process carries it.
    here: Option<Handle>,
    /// Whether the coordinator is to end at once rather than to let end what runs.
    hurry: bool,
}

/// Does a command's work with the coordinator of the configuration's state folder: the one that runs there, else one of
/// this command's own, which ends with the command.
pub(super) fn with<T>(
    context: &Context,
    work: impl AsyncFnOnce(&mut Session, &mut Interrupts) -> Result<T, Failure>,
) -> Result<T, Failure> {
    block_on(async {
        let session = Session::open(context).await?;
        session.with(context, work).await
    })
}

impl Session {
    async fn open(context: &Context) -> Result<Session, Failure> {
        if let Some(client) = context.global.server()? {
            return Ok(Session { client, here: None, hurry: false });
        }
        let state = context.global.state_dir()?;
        let options = |context: &Context| -> Result<Options, Failure> {
            let mut options = Options::command(Config::Paths(context.global.config()?), state.clone());
            options.runtime = Some(context.global.runtime()?);
            Ok(options)
        };
        if let Some(client) = running(&state).await? {
            return Ok(Session { client, here: None, hurry: false });
        }
        Session::carry(options(context)?).await
    }

    /// One of this command's own, unless one runs there.
    pub(super) async fn carry(options: Options) -> Result<Session, Failure> {
        let state = options.state_dir.clone();
        let deadline = crate::clock::monotonic() + PATIENCE;
        loop {
            match coordinator::start(options.clone()).await {
                Ok(handle) => {
                    return Ok(Session { client: Client::new(handle.socket()), here: Some(handle), hurry: false });
                }
                Err(StartError::Locked(why)) => {
                    if let Some(client) = running(&state).await? {
                        return Ok(Session { client, here: None, hurry: false });
                    }
                    if crate::clock::monotonic() > deadline {
                        let failure = Failure::with_advice(Exit::Refused, &why);
                        return Err(failure.hint(format!(
                            "it does not answer on {}: wait until it has ended, or end it",
                            state.join("wharf.sock").display()
                        )));
                    }
                    tokio::time::sleep(KNOCK).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the coordinator ends with this command.
    pub(super) fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// Ends with the coordinator, where this process carries it; never otherwise.
    pub(super) async fn ended(&mut self) -> Failure {
        match &mut self.here {
            Some(handle) => {
                let why = match handle.join().await {
                    Ok(()) => "it was stopped".to_owned(),
                    Err(why) => why,
                };
                self.here = None;
                Failure::internal(format!("the coordinator ended: {why}"))
            }
            None => std::future::pending().await,
        }
    }

    /// Does a command's work, and then ends the command's own coordinator.
    pub(super) async fn with<T>(
        mut self,
        context: &Context,
        work: impl AsyncFnOnce(&mut Session, &mut Interrupts) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut interrupts = Interrupts::new()?;
        let done = work(&mut self, &mut interrupts).await;
        let closed = self.close(context, &mut interrupts).await;
        done.and_then(|value| closed.map(|()| value))
    }

    /// From now on nothing is waited for.
    pub(super) fn hurry(&mut self) {
        self.hurry = true;
    }

    /// Ends the command's own coordinator: what runs may end first. Says what is left to do.
    async fn close(mut self, context: &Context, interrupts: &mut Interrupts) -> Result<(), Failure> {
        if self.here.is_none() {
            return Ok(());
        }
        let open: Option<RunList> =
            self.client.get(Query::new("/v1/runs").pair("state", "running").pair("limit", 1000).as_str()).await.ok();
        let Some(mut handle) = self.here.take() else { return Ok(()) };
        let open = open.map_or(0, |o| o.runs.len());
        if self.hurry {
            handle.stop();
        } else {
            if open > 0 {
                context.out.tell("letting end what has started; Ctrl-C to stop at once");
            }
            handle.drain();
        }
        let ended = loop {
            tokio::select! {
                ended = handle.join() => break ended,
                () = interrupts.next() => handle.stop(),
            }
        };
        if open > 0 {
            let (what, them) = match open {
                1 => ("1 run is".to_owned(), "it"),
                n => (format!("{n} runs are"), "them"),
            };
            context.out.tell(format!(
                "{what} not over: `wharf serve`, or the next command that works on this state folder, goes on with {them}"
            ));
        }
        ended.map_err(|why| Failure::internal(format!("the coordinator ended: {why}")))
    }
}

/// A client of the coordinator that a command is told of, else of the one that runs on the state folder, if one does.
pub(super) async fn coordinator_of(context: &Context) -> Result<Option<Client>, Failure> {
    match context.global.server()? {
        Some(client) => Ok(Some(client)),
        None => running(&context.global.state_dir()?).await,
    }
}

/// A client of the coordinator that runs on a state folder, if one answers there.
async fn running(state: &Path) -> Result<Option<Client>, Failure> {
    let client = Client::new(state.join("wharf.sock"));
    match client.get::<Live>("/v1/health/live").await {
        Ok(_) => Ok(Some(client)),
        // A socket without a listener is left behind by a process that was killed; one that breaks, by one that ends.
        Err(ClientError::NotRunning(_) | ClientError::Broken { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        match error {
            StartError::Config(text) => {
                Failure { report: Some(text), ..Failure::new(Exit::Config, "the configuration has faults") }
                    .hint("nothing was started; `wharf check` looks at the configuration alone")
            }
            StartError::Locked(why) => Failure::with_advice(Exit::Refused, &why),
            StartError::Cluster(why) => why.into(),
            StartError::Io(why) | StartError::Internal(why) => Failure::internal(why),
        }
    }
}

/// Ctrl-C and SIGTERM.
pub(super) struct Interrupts {
    int: Signal,
    term: Signal,
}

impl Interrupts {
    /// From now on these signals do not end the process.
    pub(super) fn new() -> Result<Interrupts, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::internal(format!("cannot listen for signals: {e}")));
        Ok(Interrupts { int: listen(SignalKind::interrupt())?, term: listen(SignalKind::terminate())? })
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
        }
    }
}

/// Runs a command's future on a runtime made for a coordinator.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = coordinator::build_runtime().map_err(|e| Failure::internal(format!("cannot start: {e}")))?;
    runtime.block_on(work)
}
