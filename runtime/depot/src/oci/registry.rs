use super::artifact::LAYER;
use super::{MANIFEST, Package, credentials};
use crate::error::{chain, plain};
use crate::settings::Settings;
use crate::{Digest, Error, Hasher, tls};
use futures_util::StreamExt as _;
use oci_client::client::{Certificate, CertificateEncoding, Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// What a manifest may have in bytes.
const MAX_MANIFEST: usize = 4 << 20;
/// Longest time without a byte of an answer.
const SILENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between the tries of what failed and may pass.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
];

/// One repository of a registry.
pub struct Registry {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.reference.whole()).finish()
    }
}

impl Registry {
    /// The repository that this reference (`registry/repository`, with a tag or a digest) names. `credentials` is a file
    /// as Docker writes it, or the folder of a Secret of type `kubernetes.io/dockerconfigjson`, which may hold a
    /// `CA_BUNDLE` too: certificates in PEM that are trusted besides Mozilla's. `insecure` speaks plain HTTP.
    ///
    /// # Errors
    /// [`Error::Settings`] or [`Error::Local`].
    pub fn open(reference: &str, credentials: Option<&Path>, insecure: bool) -> Result<Registry, Error> {
        let reference: Reference = reference
            .parse()
            .map_err(|e| Error::Settings(format!("`{}` is no reference of a registry: {e}", plain(reference))))?;
        let auth = match credentials {
            Some(path) => credentials::read(path, reference.registry())?,
            None => RegistryAuth::Anonymous,
        };
        tls::provide();
        let folder = credentials.filter(|path| path.is_dir());
        let config = ClientConfig {
            protocol: if insecure { ClientProtocol::Http } else { ClientProtocol::Https },
            tls_certs_only: roots(&Settings::read(folder)?)?,
            read_timeout: Some(SILENCE),
            connect_timeout: Some(CONNECT),
            user_agent: concat!("wharf/", env!("CARGO_PKG_VERSION")),
            platform_resolver: None,
            ..ClientConfig::default()
        };
        let unusable = |why: &str| Error::Settings(format!("the registry's client cannot be made: {why}"));
        // It makes a client with the system's certificates beside ours, and panics where there are none.
        let client = std::panic::catch_unwind(AssertUnwindSafe(|| Client::try_from(config)))
            .map_err(|_| unusable("this system or image has no certificate authorities (/etc/ssl/certs)"))?
            .map_err(|e| unusable(&plain(&chain(&e))))?;
        Ok(Registry { client, reference, auth })
    }

    /// Pushes a package, without what is there already, and gives the reference by which it is pulled:
    /// `registry/repository@sha256:...`. Its tag is the reference's own, else the package's.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unavailable`], [`Error::NotFound`] where the registry does not know the repository.
    pub async fn push(&self, package: &Package) -> Result<String, Error> {
        let r = &self.reference;
        let tag = r.tag().filter(|t| *t != "latest").unwrap_or(&package.tag);
        let target = Reference::with_tag(r.registry().to_owned(), r.repository().to_owned(), tag.to_owned());
        self.again(|| async {
            self.client.auth(&target, &self.auth, RegistryOperation::Push).await?;
            for blob in [&package.layer, &package.config] {
                let digest = Digest::of(blob).to_string();
                if !self.client.blob_exists(&target, &digest).await? {
                    self.client.push_blob(&target, blob.clone(), &digest).await?;
                }
            }
            let content_type = reqwest::header::HeaderValue::from_static(MANIFEST);
            self.client.push_manifest_raw(&target, package.manifest.clone(), content_type).await
        })
        .await?;
        Ok(format!("{}/{}@{}", r.registry(), r.repository(), package.digest()))
    }

    /// Pulls the component of a wasm artifact into a file. The reference must name its digest, and everything is
    /// verified: the manifest by it, the component by the manifest and by `expected`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Different`], [`Error::TooLarge`], [`Error::Settings`] where it is no wasm artifact,
    /// [`Error::Local`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn pull(&self, path: &Path, max: u64, expected: &Digest) -> Result<(), Error> {
        let shown = self.reference.whole();
        let Some(pinned) = self.reference.digest().and_then(Digest::parse) else {
            return Err(Error::Settings(format!("the reference {shown} names no digest (`@sha256:...`)")));
        };
        let (manifest, _) = self
            .again(|| async { self.client.pull_manifest_raw(&self.reference, &self.auth, &[MANIFEST]).await })
            .await?;
        let found = Digest::of(&manifest);
        if found != pinned {
            return Err(Error::Different { key: shown, expected: pinned, found });
        }
        let no_artifact = |why: &str| Error::Settings(format!("{shown} is no wasm artifact: {why}"));
        if manifest.len() > MAX_MANIFEST {
            return Err(no_artifact("its manifest is too large"));
        }
        let manifest: OciImageManifest =
            serde_json::from_slice(&manifest).map_err(|e| no_artifact(&format!("its manifest cannot be read: {e}")))?;
        let layer = match &manifest.layers[..] {
            [layer] if layer.media_type == LAYER => layer,
            [layer] => return Err(no_artifact(&format!("its layer is of the type {}", plain(&layer.media_type)))),
            more => return Err(no_artifact(&format!("it has {} layers, not one", more.len()))),
        };
        let claimed = Digest::parse(&layer.digest).ok_or_else(|| no_artifact("its layer's digest is no SHA-256"))?;
        if claimed != *expected {
            return Err(Error::Different { key: shown, expected: *expected, found: claimed });
        }
        if u64::try_from(layer.size).is_ok_and(|size| size > max) {
            return Err(Error::TooLarge { key: shown, max });
        }
        let mut pauses = PAUSES.iter();
        loop {
            match self.fetch(layer, path, max, expected).await {
                Err(e) if e.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(e),
                },
                done => return done,
            }
        }
    }

    async fn fetch(
        &self,
        layer: &oci_client::manifest::OciDescriptor,
        path: &Path,
        max: u64,
        expected: &Digest,
    ) -> Result<(), Error> {
        let shown = || self.reference.whole();
        let cannot = |e: std::io::Error| Error::local("write", path, e);
        let mut blob = self.client.pull_blob_stream(&self.reference, layer).await.map_err(|e| self.error(e))?;
        let mut file = tokio::fs::File::create(path).await.map_err(cannot)?;
        let (mut hasher, mut left) = (Hasher::new(), max);
        while let Some(chunk) = blob.stream.next().await {
            let chunk = chunk.map_err(|e| Error::Unavailable { key: shown(), why: plain(&chain(&e)) })?;
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| Error::TooLarge { key: shown(), max })?;
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(cannot)?;
        }
        file.flush().await.map_err(cannot)?;
        let found = hasher.finish();
        if found != *expected {
            return Err(Error::Different { key: shown(), expected: *expected, found });
        }
        Ok(())
    }

    /// Tries, and tries again while that may help.
    async fn again<T, F>(&self, mut once: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match once().await {
                Ok(done) => return Ok(done),
                Err(e) => self.error(e),
            };
            match pauses.next() {
                Some(pause) if error.is_transient() => tokio::time::sleep(*pause).await,
                _ => return Err(error),
            }
        }
    }

    fn error(&self, error: OciDistributionError) -> Error {
        use OciDistributionError as E;
        let key = self.reference.whole();
        let why = plain(&chain(&error));
        match &error {
            E::AuthenticationFailure(_) | E::UnauthorizedError { .. } => Error::Denied { key, why },
            E::ServerError { code: 401 | 403, .. } => Error::Denied { key, why },
            E::RequestError(e) if matches!(e.status().map(|s| s.as_u16()), Some(401 | 403)) => {
                Error::Denied { key, why }
            }
            E::ImageManifestNotFoundError(_) | E::ServerError { code: 404, .. } => Error::NotFound { key },
            E::RegistryError { envelope, .. } => {
                let has = |codes: &[OciErrorCode]| envelope.errors.iter().any(|e| codes.contains(&e.code));
                if has(&[OciErrorCode::ManifestUnknown, OciErrorCode::BlobUnknown, OciErrorCode::NameUnknown]) {
                    Error::NotFound { key }
                } else if has(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                    Error::Denied { key, why }
                } else {
                    Error::Unavailable { key, why }
                }
            }
            _ => Error::Unavailable { key, why },
        }
    }
}

fn roots(settings: &Settings) -> Result<Vec<Certificate>, Error> {
    // The same check that a store's bundle goes through.
    tls::bundle(settings.ca_bundle())?;
    let of = |encoding, data: &[u8]| Certificate { encoding, data: data.to_vec() };
    let own = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| of(CertificateEncoding::Der, der));
    const END: &str = "-----END CERTIFICATE-----";
    let bundle = settings.ca_bundle().unwrap_or_default().split_inclusive(END).filter(|part| part.contains(END));
    Ok(own.chain(bundle.map(|pem| of(CertificateEncoding::Pem, pem.as_bytes()))).collect())
}
