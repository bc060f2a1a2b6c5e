//! The side that has no folder: a store that is asked for over a connection, which is made anew when it is lost.

use super::connection::{Connection, Stream};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wharf_contract::claim::{Answer, Failure, Request};

/// Time after which a request that cannot be carried out is not tried again: a pod that serves may have to be started.
const TRY_FOR: Duration = Duration::from_secs(60);
/// First and longest pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// What errors call the store.
const NAME: &str = "volume";

/// How the server is reached.
#[async_trait]
pub trait Dial: fmt::Debug + Send + Sync + 'static {
    /// A new way to the server, which may have to be started first. Called by one at a time; may be given up at any time.
    async fn dial(&self) -> Result<Way, NoWay>;
}

/// A way to the server.
pub struct Way {
    pub(super) stream: Box<dyn Stream>,
    pub(super) token: String,
}

impl Way {
    /// A stream that leads to a server, and the token that it wants.
    pub fn new(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static, token: &str) -> Way {
        Way { stream: Box::new(stream), token: token.to_owned() }
    }
}

/// Why there is no way; in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoWay {
    /// There may be one later.
    Yet(String),
    /// There will be none until somebody changes something.
    Refused(String),
}

/// A store in a volume that somebody else mounts. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dial: Box<dyn Dial>,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    activity: Arc<Activity>,
}

/// Whether anything is asked for. To be shared with whoever keeps a server up for it.
#[derive(Debug)]
pub struct Activity {
    under_way: AtomicUsize,
    used: Mutex<Instant>,
}

impl Default for Activity {
    fn default() -> Activity {
        Activity { under_way: AtomicUsize::new(0), used: Mutex::new(Instant::now()) }
    }
}

/// Counts a request as long as it is under way.
struct Busy<'a>(&'a Activity);

impl Activity {
    /// How long nothing has been asked for; zero while something is.
    #[must_use]
    pub fn idle(&self) -> Duration {
        match self.under_way.load(Ordering::SeqCst) {
            0 => self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed(),
            _ => Duration::ZERO,
        }
    }

    fn begin(&self) -> Busy<'_> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Remote {
    /// A store that is reached so. Nothing is done before the first request.
    #[must_use]
    pub fn new(dial: impl Dial, activity: Arc<Activity>) -> Remote {
        Remote(Arc::new(Inner { dial: Box::new(dial), connection: tokio::sync::Mutex::default(), activity }))
    }

    /// The answer to a request, and its bytes.
    pub(super) async fn ask(&self, about: &str, what: &Request, body: &Bytes) -> Result<(Answer, Vec<u8>), Error> {
        match self.try_ask(about, what, body).await? {
            (Answer::Failed { why, message }, ..) => Err(failed(about, why, message)),
            (answer, body, _) => Ok((answer, body)),
        }
    }

    /// Whether an upload was finished; false: it is gone, and may have been finished by a request whose answer was lost.
    pub(super) async fn finish(&self, about: &str, what: &Request) -> Result<bool, Error> {
        match self.try_ask(about, what, &Bytes::new()).await? {
            (Answer::Done, ..) => Ok(true),
            (Answer::Failed { why: Failure::NotFound, .. }, _, true) => Ok(false),
            (Answer::Failed { why, message }, ..) => Err(failed(about, why, message)),
            (other, ..) => Err(odd(&other)),
        }
    }

    /// The answer, its bytes, and whether it may have been carried out more than once. All requests may be.
    async fn try_ask(&self, about: &str, what: &Request, body: &Bytes) -> Result<(Answer, Vec<u8>, bool), Error> {
        let _busy = self.0.activity.begin();
        let (until, mut pause, mut again) = (Instant::now() + TRY_FOR, PAUSES.0, false);
        let mut why = "no answer".to_owned();
        loop {
            let once = async {
                let connection = self.connection().await?;
                let answer = connection.ask(what.clone(), body.clone()).await;
                answer.map_err(NoWay::Yet)
            };
            match tokio::time::timeout_at(until, once).await {
                Ok(Ok((answer, body))) => return Ok((answer, body, again)),
                Ok(Err(NoWay::Refused(why))) => {
                    return Err(Error::PermissionDenied { path: about.to_owned(), source: why.into() });
                }
                Ok(Err(NoWay::Yet(reason))) => (why, again) = (reason, true),
                Err(_) => return Err(generic(why)),
            }
            if Instant::now() + pause >= until {
                return Err(generic(why));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn connection(&self) -> Result<Arc<Connection>, NoWay> {
        let mut slot = self.0.connection.lock().await;
        if let Some(connection) = slot.as_ref().filter(|c| !c.is_lost()) {
            return Ok(Arc::clone(connection));
        }
        *slot = None;
        let way = self.0.dial.dial().await?;
        let connection = Connection::open(way).await;
        let connection =
            connection.map_err(|why| NoWay::Yet(format!("the pod that serves it cannot be used: {why}")))?;
        Ok(Arc::clone(slot.insert(Arc::new(connection))))
    }
}

fn failed(about: &str, why: Failure, message: String) -> Error {
    let (path, source) = (about.to_owned(), message.into());
    match why {
        Failure::NotFound => Error::NotFound { path, source },
        Failure::Changed => Error::Precondition { path, source },
        Failure::Denied => Error::PermissionDenied { path, source },
        Failure::Invalid => Error::NotSupported { source },
        Failure::Failed => Error::Generic { store: NAME, source },
    }
}

pub(super) fn odd(answer: &Answer) -> Error {
    generic(format!("an answer that does not fit: {answer:?}"))
}

pub(super) fn generic(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: NAME, source: why.into() }
}
