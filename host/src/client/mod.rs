//! Speaks to a coordinator, over its unix socket or a network: the same types as [`crate::api`], the other end of the wire.

mod download;
mod events;
mod place;
mod query;
mod remote;

pub use download::Download;
pub use events::{Events, ServerEvent};
pub use place::Place;
pub use query::Query;
pub use remote::Remote;

use crate::api::types::{ErrorAnswer, ErrorBody};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use remote::Stream;
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// Largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 256 << 20;
/// How long a coordinator may take to accept a connection before it counts as one that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a coordinator. Requests go one after another over one connection; each stream has its own.
#[derive(Debug)]
pub struct Client {
    place: Place,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// Why a request got no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no coordinator answers on {0}")]
    NotRunning(Place),
    /// The connection broke or could not be used.
    #[error("the connection to the coordinator at {place} broke: {why}")]
    Broken {
        /// Where it is.
        place: Place,
        /// What the system or the protocol said.
        why: String,
    },
    /// There is nothing to show who asks; in words, why.
    #[error("{0}")]
    Token(String),
    /// The coordinator said no.
    #[error("{}", .0.message)]
    Api(ErrorBody),
    /// The answer cannot be read.
    #[error("the coordinator's answer to {request} cannot be read: {why}")]
    Malformed {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Client {
    /// For the coordinator that listens on this socket. Connects with the first request.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Client {
        Client::at(Place::Socket(socket.into()))
    }

    /// For the coordinator at this place. Connects with the first request.
    #[must_use]
    pub fn at(place: Place) -> Client {
        Client { place, connection: Mutex::new(None) }
    }

    /// Reads.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.exchange(Method::GET, path, Bytes::new()).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body)
            .map_err(|e| ClientError::Malformed { request: format!("POST {path}"), why: e.to_string() })?;
        self.exchange(Method::POST, path, Bytes::from(body)).await
    }

    /// Reads as text.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let body = self.bytes(Method::GET, path, Bytes::new()).await?;
        String::from_utf8(body.into()).map_err(|e| self.malformed(&Method::GET, path, &e))
    }

    /// Follows a stream of server-sent events.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn events(&self, path: &str) -> Result<Events, ClientError> {
        let mut sender = self.connect().await?;
        let mut request = self.request(Method::GET, path, Bytes::new())?;
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("text/event-stream"));
        let response = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
        let response = self.accepted(&Method::GET, path, response).await?;
        Ok(Events::new(self.place.clone(), sender, response.into_body()))
    }

    /// Reads bytes of any number.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn download(&self, path: &str) -> Result<Download, ClientError> {
        let mut sender = self.connect().await?;
        let request = self.request(Method::GET, path, Bytes::new())?;
        let response = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
        let response = self.accepted(&Method::GET, path, response).await?;
        Ok(Download::new(self.place.clone(), sender, response.into_body()))
    }

    async fn exchange<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let body = self.bytes(method.clone(), path, body).await?;
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|e| self.malformed(&method, path, &e))
    }

    async fn bytes(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let mut connection = self.connection.lock().await;
        // The connection is put back only once the answer was read whole: one that was left halfway is never used again.
        let mut open = connection.take().filter(|c| !c.is_closed());
        if let Some(sender) = &mut open
            && sender.ready().await.is_err()
        {
            open = None;
        }
        let mut sender = match open {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let request = self.request(method.clone(), path, body)?;
        let response = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
        let response = self.accepted(&method, path, response).await?;
        let body = self.read(&method, path, response.into_body()).await?;
        *connection = Some(sender);
        Ok(body)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
        let request = Request::builder().method(method.clone()).header(header::CONTENT_TYPE, "application/json");
        let request = match &self.place {
            Place::Socket(_) => request.uri(path).header(header::HOST, "wharf"),
            Place::Remote(remote) => {
                let request = request.uri(remote.path(path)).header(header::HOST, remote.host());
                match remote.authorization().map_err(ClientError::Token)? {
                    Some(shown) => request.header(header::AUTHORIZATION, shown),
                    None => request,
                }
            }
        };
        request.body(Full::new(body)).map_err(|e| self.malformed(&method, path, &e))
    }

    /// The response if it is a good one, else the error that its body tells of.
    async fn accepted(
        &self,
        method: &Method,
        path: &str,
        response: Response<Incoming>,
    ) -> Result<Response<Incoming>, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read(method, path, response.into_body()).await?;
        match serde_json::from_slice::<ErrorAnswer>(&body) {
            Ok(answer) => Err(ClientError::Api(answer.error)),
            Err(_) => Err(self.malformed(method, path, &unreadable(status, &body))),
        }
    }

    async fn read(&self, method: &Method, path: &str, body: Incoming) -> Result<Bytes, ClientError> {
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|e| self.malformed(method, path, &e))?;
        Ok(body.to_bytes())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let connect = async {
            match &self.place {
                Place::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>),
                Place::Remote(remote) => remote.connect().await,
            }
        };
        let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Err(ClientError::NotRunning(self.place.clone()));
            }
            Ok(Err(e)) => return Err(self.broken(&e)),
            Err(_) => return Err(self.broken(&"it did not accept a connection within 5 seconds")),
        };
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(&e))?;
        // Ends by itself when the sender is dropped or the other side closes.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn broken(&self, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Broken { place: self.place.clone(), why: why.to_string() }
    }

    fn malformed(&self, method: &Method, path: &str, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Malformed { request: format!("{method} {path}"), why: why.to_string() }
    }
}

fn unreadable(status: StatusCode, body: &[u8]) -> String {
    let start: String = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    format!("status {status}, body `{start}`")
}
