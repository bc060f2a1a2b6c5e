use super::listen::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Largest file of certificates, or of a key, in bytes.
const LARGEST: u64 = 1 << 20;
/// Between two looks at whether the files have changed: a mounted Secret follows within a minute or so itself.
const AGAIN: Duration = Duration::from_secs(30);

/// A certificate and its key. Files that have changed are taken over for new connections.
#[derive(Debug, Clone)]
pub(super) struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the files, and goes on to look at them until the last clone is dropped.
    ///
    /// # Errors
    /// In words: a file cannot be read, or the two are no certificate with its key.
    pub(super) fn open(files: TlsFiles) -> Result<Tls, String> {
        let mut before = read(&files)?;
        let (sender, receiver) = watch::channel(config(&files, &before)?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(AGAIN) => {}
                }
                // Small files, each a moment's work.
                let next = read(&files).and_then(|next| match next == before {
                    true => Ok(None),
                    false => config(&files, &next).map(|config| Some((next, config))),
                });
                match next {
                    Ok(None) => {}
                    Ok(Some((read, config))) => {
                        tracing::info!("the certificate in {} is taken over", files.certificate.display());
                        before = read;
                        sender.send_replace(config);
                    }
                    // Both may just be being replaced.
                    Err(why) => tracing::warn!("{why}; the certificate before stays in use"),
                }
            }
        });
        Ok(Tls(receiver))
    }

    /// Makes a connection one of TLS.
    pub(super) fn accept(&self, stream: TcpStream) -> tokio_rustls::Accept<TcpStream> {
        TlsAcceptor::from(Arc::clone(&self.0.borrow())).accept(stream)
    }
}

/// What is in the two files.
fn read(files: &TlsFiles) -> Result<[Vec<u8>; 2], String> {
    Ok([bytes(&files.certificate)?, bytes(&files.key)?])
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(format!("{} is larger than {LARGEST} bytes", path.display())),
        false => Ok(bytes),
    }
}

fn config(files: &TlsFiles, [certificate, key]: &[Vec<u8>; 2]) -> Result<Arc<ServerConfig>, String> {
    let (of_certificate, of_key) = (files.certificate.display(), files.key.display());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{of_certificate} is no PEM file of certificates: {e}"))?;
    if chain.is_empty() {
        return Err(format!("there is no certificate in {of_certificate}"));
    }
    // The parser's own words might show a piece of it.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| format!("there is no private key in {of_key}"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| format!("{of_key} is not the key of {of_certificate}: {e}"))?;
    Ok(Arc::new(config))
}
