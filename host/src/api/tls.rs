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
        Tls::looking(files, AGAIN)
    }

    fn looking(files: TlsFiles, again: Duration) -> Result<Tls, String> {
        let mut before = read(&files)?;
        let (sender, receiver) = watch::channel(config(&files, &before)?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(again) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::CertifiedKey;

    /// A certificate and its key as PEM, like no other.
    fn made() -> [String; 2] {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["wharf.example.org".into()]).unwrap();
        [cert.pem(), signing_key.serialize_pem()]
    }

    fn write(files: &TlsFiles, [certificate, key]: &[String; 2]) {
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
    }

    #[tokio::test]
    async fn a_certificate_that_has_changed_is_taken_over_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: dir.path().join("tls.crt"), key: dir.path().join("tls.key") };
        write(&files, &made());
        let mut tls = Tls::looking(files.clone(), Duration::from_millis(5)).unwrap();
        let first = Arc::clone(&tls.0.borrow_and_update());
        let next = made();
        // Half of it is there: the one before stays in use.
        std::fs::write(&files.certificate, &next[0]).unwrap();
        tokio::time::timeout(Duration::from_millis(100), tls.0.changed()).await.unwrap_err();
        write(&files, &next);
        tokio::time::timeout(Duration::from_secs(60), tls.0.changed()).await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&first, &tls.0.borrow()));
    }

    #[tokio::test]
    async fn files_that_are_no_certificate_with_its_key_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: dir.path().join("tls.crt"), key: dir.path().join("tls.key") };
        let ([certificate, key], [_, of_another]) = (made(), made());
        let text = |text: &str| text.to_owned();
        for (pair, expect) in [
            ([text(""), key.clone()], "there is no certificate in"),
            ([text("-----BEGIN CERTIFICATE-----\n!"), key.clone()], "is no PEM file of certificates"),
            ([certificate.clone(), text("hunter2")], "there is no private key in"),
            ([certificate.clone(), of_another], "is not the key of"),
            ([certificate.clone(), "x".repeat(LARGEST as usize + 1)], "is larger than"),
        ] {
            write(&files, &pair);
            let why = Tls::open(files.clone()).unwrap_err();
            assert!(why.contains(expect) && !why.contains("hunter2"), "{why}");
        }
        std::fs::remove_file(&files.key).unwrap();
        assert!(Tls::open(files).unwrap_err().contains("cannot read"));
    }
}
