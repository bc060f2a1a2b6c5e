//! A coordinator behind a URL: who asks shows a token, which is read anew for each request, since those of a pod are renewed.

use hyper::header::HeaderValue;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Position, Url};

/// Largest file of a token, or of certificates, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where it is, and what is shown to it.
#[derive(Clone)]
pub struct Remote {
    url: Url,
    token_file: Option<PathBuf>,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Anything that bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Remote {
    /// Behind `http://host:port` or `https://host:port`, with a path before the API's own where a proxy wants one. Of an
    /// `https` server the certificate is checked: by the authorities in `authority` (PEM), else by those that browsers trust.
    ///
    /// # Errors
    /// In words: the URL is no such one, or the file holds no certificates.
    pub fn new(url: &str, token_file: Option<PathBuf>, authority: Option<&Path>) -> Result<Remote, String> {
        // What cannot be parsed is not repeated whole: it may hold a password.
        let url: Url = url.parse().map_err(|e| format!("the server's address is no URL: {e}"))?;
        let plain = url.username().is_empty() && url.password().is_none();
        if !plain || url.query().is_some() || url.fragment().is_some() {
            return Err("the server's address holds more than scheme, host, port and path".to_owned());
        }
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("the server's address begins with `{}:`, not http: or https:", url.scheme()));
        }
        let host = url.host_str().unwrap_or_default();
        let tls = match (url.scheme(), authority) {
            ("http", None) => None,
            ("http", Some(_)) => return Err(format!("{url} is not https: there is no certificate to check")),
            _ => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                let name = name.map_err(|_| format!("`{host}` is no name that a certificate could be for"))?;
                Some(Tls { config: trust(authority)?, name })
            }
        };
        Ok(Remote { url, token_file, tls })
    }

    /// The value of the header `Host`.
    pub(super) fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Where a path of the API is on that server.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url.path().trim_end_matches('/'))
    }

    /// What says who asks; none: nobody in particular.
    ///
    /// # Errors
    /// In words: the file of the token cannot be read, or holds none.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = String::from_utf8(read(path)?).unwrap_or_default();
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("there is no token in {}", path.display()));
        }
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| format!("there is no token in {}", path.display()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(Tls { config, name }) => {
                let connector = TlsConnector::from(Arc::clone(config));
                Ok(Box::new(connector.connect(name.clone(), stream).await?))
            }
        }
    }
}

/// The URL.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url.as_str()).field("token_file", &self.token_file).finish()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: io::Error| format!("cannot read {}: {e}", path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(format!("{} is larger than {LARGEST} bytes", path.display())),
        false => Ok(bytes),
    }
}

/// Which servers are believed to be who they say.
fn trust(authority: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match authority {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in CertificateDer::pem_slice_iter(&read(path)?) {
                let certificate = certificate.map_err(|e| format!("{} cannot be used: {e}", path.display()))?;
                roots.add(certificate).map_err(|e| format!("{} cannot be used: {e}", path.display()))?;
            }
            if roots.is_empty() {
                return Err(format!("there is no certificate in {}", path.display()));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let check = |url: &str, host: &str, path: &str, shown: &str| {
            let remote = Remote::new(url, None, None).unwrap();
            assert_eq!((remote.host(), remote.path("/v1/runs").as_str()), (host, path), "{url}");
            assert_eq!(remote.to_string(), shown);
        };
        check("http://127.0.0.1:8080", "127.0.0.1:8080", "/v1/runs", "http://127.0.0.1:8080");
        check("http://[::1]:8080/", "[::1]:8080", "/v1/runs", "http://[::1]:8080");
        check("https://wharf.example.org", "wharf.example.org", "/v1/runs", "https://wharf.example.org");
        check("https://e.org:8443/wharf/", "e.org:8443", "/wharf/v1/runs", "https://e.org:8443/wharf");
    }

    #[test]
    fn what_is_no_address_of_a_server_is_said_without_its_password() {
        let check = |url: &str, authority: Option<&str>, expect: &str| {
            let why = Remote::new(url, None, authority.map(Path::new)).unwrap_err();
            assert!(why.contains(expect) && !why.contains("hunter2"), "{url}: {why}");
        };
        check("wharf:8080", None, "begins with `wharf:`");
        check("127.0.0.1:8080", None, "no URL");
        check("ftp://e.org", None, "begins with `ftp:`");
        check("http://me:hunter2@e.org", None, "more than scheme, host, port and path");
        check("http://e.org/?token=hunter2", None, "more than scheme, host, port and path");
        check("http://e.org", Some("ca.pem"), "is not https");
        check("https://e.org", Some("/nowhere/ca.pem"), "cannot read /nowhere/ca.pem");
        check("https://e.org", Some("/dev/null"), "there is no certificate in /dev/null");
    }

    #[test]
    fn a_token_is_read_each_time_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let remote = Remote::new("http://e.org", Some(file.clone()), None).unwrap();
        assert!(remote.authorization().unwrap_err().contains("cannot read"));
        for token in ["hunter2", "hunter3\n"] {
            std::fs::write(&file, token).unwrap();
            let value = remote.authorization().unwrap().unwrap();
            assert_eq!(value.to_str().unwrap(), format!("Bearer {}", token.trim()));
            assert!(!format!("{value:?} {remote:?}").contains("hunter"));
        }
        for bad in ["", " \n", "two hunter2", "hunter2ü"] {
            std::fs::write(&file, bad).unwrap();
            let why = remote.authorization().unwrap_err();
            assert!(why.contains("there is no token in") && !why.contains("hunter2"), "{why}");
        }
        assert_eq!(Remote::new("http://e.org", None, None).unwrap().authorization(), Ok(None));
    }
}
