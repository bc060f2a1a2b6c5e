//! Connections over TCP: bounded in number, and in how long one may take to say what it wants.

use super::tls::Tls;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at one time; more wait in the system's queue.
const MOST: usize = 512;
/// Until a TLS connection stands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Until a request's head is there, and how long a connection may be idle before.
const HEAD: Duration = Duration::from_secs(30);
/// Largest head of a request in bytes.
const LARGEST_HEAD: usize = 64 << 10;
/// After the system had no connection to give.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins to listen. The answer says where: port 0 is one that the system chooses.
///
/// # Errors
/// In words: the address is taken, or not this machine's.
pub(super) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |e: std::io::Error| format!("cannot listen on {address}: {e}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Answers what comes until `stop`, and then until what was asked is answered.
pub(super) async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router, stop: CancellationToken) {
    let (room, connections) = (Arc::new(Semaphore::new(MOST)), TaskTracker::new());
    loop {
        let next = async { (Arc::clone(&room).acquire_owned().await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let talk = connection(stream, tls.clone(), router.clone(), stop.clone());
                connections.spawn(async move {
                    let _permit = permit;
                    talk.await;
                });
            }
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(e) => {
                tracing::warn!("cannot take a connection: {e}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, tls: Option<Tls>, router: Router, stop: CancellationToken) {
    // Each event of a stream is a small packet that somebody waits for. What cannot be set makes it slower, not wrong.
    let _ = stream.set_nodelay(true);
    match tls {
        None => talk(stream, router, stop).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, router, stop).await,
            Ok(Err(e)) => tracing::debug!("a TLS connection does not come about: {e}"),
            Err(_) => tracing::debug!("a TLS connection does not come about within {HANDSHAKE:?}"),
        },
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let talk = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(talk);
    let ended = tokio::select! {
        ended = talk.as_mut() => ended,
        () = stop.cancelled() => {
            talk.as_mut().graceful_shutdown();
            talk.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("a connection broke: {e}");
    }
}
