//! One connection to a server: any number of requests under way, each answered when it is.

use super::remote::Way;
use super::wire;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wharf_contract::claim::{AT_ONCE, Answer, Ask, Request, Told};

/// Longest time without a word of the server while something is asked: it says every few seconds that it goes on.
const SILENCE: Duration = Duration::from_secs(20);

/// Both directions of a way to a server.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    requests: mpsc::Sender<Asked>,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

type Reply = oneshot::Sender<(Answer, Vec<u8>)>;

struct Asked {
    what: Request,
    body: bytes::Bytes,
    reply: Reply,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    under_way: HashMap<u32, Reply>,
    next: u32,
    heard: Instant,
    /// Why it is lost.
    lost: Option<String>,
}

impl Connection {
    /// Greets the server at the end of this way.
    pub(super) async fn open(way: Way) -> Result<Connection, String> {
        let (from, to) = tokio::io::split(way.stream);
        let under_way = HashMap::new();
        let shared = Arc::new(Shared(Mutex::new(State { under_way, next: 0, heard: Instant::now(), lost: None })));
        let (requests, asked) = mpsc::channel(AT_ONCE);
        let tasks = [
            tokio::spawn(Arc::clone(&shared).until_lost(writing(Arc::clone(&shared), to, asked))),
            tokio::spawn(Arc::clone(&shared).until_lost(reading(Arc::clone(&shared), from))),
        ];
        let this = Connection { requests, shared, tasks };
        match this.ask(Request::Hello { token: way.token }, bytes::Bytes::new()).await? {
            (Answer::Ready { contract: wharf_contract::CONTRACT_VERSION }, _) => Ok(this),
            (Answer::Ready { contract }, _) => Err(format!("it is of another version: {contract}")),
            _ => Err("it does not greet back".to_owned()),
        }
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// The connection is lost: it may have been carried out, or not.
    pub(super) async fn ask(&self, what: Request, body: bytes::Bytes) -> Result<(Answer, Vec<u8>), String> {
        let (reply, mut answer) = oneshot::channel();
        if self.requests.send(Asked { what, body, reply }).await.is_err() {
            return Err(self.shared.why());
        }
        let mut asked = Instant::now();
        loop {
            match tokio::time::timeout_at(asked + SILENCE, &mut answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(_)) => return Err(self.shared.why()),
                Err(_) => {
                    let heard = self.shared.state().heard;
                    if heard <= asked {
                        self.shared.lose(format!("no word of it within {} s", SILENCE.as_secs()));
                        return Err(self.shared.why());
                    }
                    asked = heard;
                }
            }
        }
    }

    /// Whether it is known to be lost.
    pub(super) fn is_lost(&self) -> bool {
        self.shared.state().lost.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why(&self) -> String {
        self.state().lost.clone().unwrap_or_else(|| "the connection is closed".to_owned())
    }

    /// Whoever waits for an answer hears that there will be none.
    fn lose(&self, why: String) {
        let mut state = self.state();
        state.under_way.clear();
        state.lost.get_or_insert(why);
    }

    async fn until_lost(self: Arc<Self>, work: impl Future<Output = io::Result<()>>) {
        let why = match work.await {
            Ok(()) => "it closed the connection".to_owned(),
            Err(e) => format!("the connection is lost: {e}"),
        };
        self.lose(why);
    }
}

async fn writing(
    shared: Arc<Shared>,
    mut to: WriteHalf<Box<dyn Stream>>,
    mut asked: mpsc::Receiver<Asked>,
) -> io::Result<()> {
    while let Some(Asked { what, body, reply }) = asked.recv().await {
        let id = {
            let mut state = shared.state();
            if state.lost.is_some() {
                return Ok(());
            }
            state.next = state.next.wrapping_add(1);
            let id = state.next;
            state.under_way.insert(id, reply);
            id
        };
        wire::write(&mut to, &Ask { id, what }, &body).await?;
    }
    Ok(())
}

async fn reading(shared: Arc<Shared>, mut from: ReadHalf<Box<dyn Stream>>) -> io::Result<()> {
    while let Some((Told { id, what }, body)) = wire::read(&mut from).await? {
        let mut state = shared.state();
        state.heard = Instant::now();
        if what == Answer::Working {
            continue;
        }
        if let Some(reply) = state.under_way.remove(&id) {
            // Whoever asked may have given up.
            drop(reply.send((what, body)));
        }
    }
    Ok(())
}
