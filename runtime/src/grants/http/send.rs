use super::policy::{Destination, is_public};
use super::{Answer, Io};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Uri};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Longest wait for a connection, where the guest names none.
const CONNECT: Duration = Duration::from_secs(30);
/// Longest wait for bytes, where the guest names none; the attempt's own timeout holds besides.
const BYTES: Duration = Duration::from_secs(600);
/// Most bytes of a response's header section.
const MAX_HEAD: usize = 64 << 10;

/// Sends a request that was allowed.
pub(super) async fn send(
    mut request: Request<WasiBody>,
    to: &Destination,
    private: bool,
    options: RequestOptions,
) -> Answer {
    let connect = options.connect_timeout.unwrap_or(CONNECT);
    let stream = timeout(connect, dial(to, private)).await.map_err(|_| Error::ConnectionTimeout)??;
    // The request line names no host: it goes to the origin itself.
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Error::HttpRequestUriInvalid)?;

    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake::<_, WasiBody>(TokioIo::new(stream)).await?;
    // Ended when the guest lets go of the response.
    let connection = wasmtime_wasi::runtime::spawn(connection);
    let first = options.first_byte_timeout.unwrap_or(BYTES);
    let response = timeout(first, sender.send_request(request)).await.map_err(|_| Error::ConnectionReadTimeout)??;
    let between = options.between_bytes_timeout.unwrap_or(BYTES);
    let body = |incoming| Timed { incoming, between, sleep: Box::pin(tokio::time::sleep(between)) }.boxed_unsync();
    let io: Io = Box::new(async move {
        // The sender must live as long: hyper ends a connection that nobody can use again.
        let _sender = sender;
        connection.await.map_err(Error::from)
    });
    Ok((response.map(body), io))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn dial(to: &Destination, private: bool) -> Result<Box<dyn Stream>, Error> {
    let addresses = resolve(to).await?;
    let allowed = addresses.into_iter().filter(|a| private || is_public(a.ip()));
    let mut failed = Error::DestinationIpProhibited;
    for address in allowed {
        match TcpStream::connect(address).await {
            Ok(tcp) => return encrypt(tcp, to).await,
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => failed = Error::ConnectionRefused,
            Err(e) => failed = Error::Connect(e),
        }
    }
    Err(failed)
}

async fn resolve(to: &Destination) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(ip) = to.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, to.port)]);
    }
    let unknown = |e: io::Error| Error::DnsError { rcode: Some(e.to_string()), info_code: None };
    Ok(tokio::net::lookup_host((to.host.as_str(), to.port)).await.map_err(unknown)?.collect())
}

async fn encrypt(tcp: TcpStream, to: &Destination) -> Result<Box<dyn Stream>, Error> {
    if !to.tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(to.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Box::new(tls()?.connect(name, tcp).await.map_err(Error::Tls)?))
}

fn tls() -> Result<TlsConnector, Error> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    });
    config.clone().map(TlsConnector::from).ok_or(Error::ConfigurationError)
}

/// A response's body that fails when the next bytes take too long.
struct Timed {
    incoming: Incoming,
    between: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                let next = Instant::now() + self.between.min(BYTES);
                self.sleep.as_mut().reset(next);
                Poll::Ready(frame.map(|f| f.map_err(Error::from)))
            }
            Poll::Pending => self.sleep.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Empty;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn destination(port: u16) -> Destination {
        Destination { method: "GET".into(), tls: false, host: "localhost".into(), port }
    }

    fn get(to: &Destination, private: bool) -> Result<(u16, Bytes), Error> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio.block_on(async {
            let body = Empty::new().map_err(|e| match e {}).boxed_unsync();
            let uri = format!("http://localhost:{}/a?b", to.port);
            let request = Request::get(uri).header("host", "localhost").body(body).unwrap();
            let (response, io) = send(request, to, private, RequestOptions::default()).await?;
            let io = tokio::spawn(Pin::from(io));
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            io.abort();
            Ok((status, body))
        })
    }

    #[test]
    fn a_private_address_is_dialled_only_where_granted_and_a_redirect_is_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = destination(listener.local_addr().unwrap().port());
        assert!(matches!(get(&to, false), Err(Error::DestinationIpProhibited)));

        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let answer = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 2\r\n\r\nhi";
            stream.write_all(answer).unwrap();
            String::from_utf8(head).unwrap()
        });
        assert_eq!(get(&to, true).unwrap(), (302, Bytes::from("hi")));
        assert!(served.join().unwrap().starts_with("GET /a?b HTTP/1.1\r\n"));
        // Nobody listens any more.
        assert!(matches!(get(&to, true), Err(Error::ConnectionRefused)));
    }
}
