use crate::Error;
use std::sync::Once;

/// Has every TLS connection of this process use ring. Whoever was first to choose another keeps it.
pub(crate) fn provide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// The roots that are trusted besides Mozilla's: those of a bundle in PEM.
pub(crate) fn bundle(pem: Option<&str>) -> Result<Vec<object_store::Certificate>, Error> {
    let unusable = |why: String| Error::Settings(format!("the setting CA_BUNDLE holds no usable certificates: {why}"));
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let found = object_store::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| unusable(e.to_string()))?;
    if found.is_empty() {
        return Err(unusable("there is no `-----BEGIN CERTIFICATE-----` in it".into()));
    }
    Ok(found)
}
