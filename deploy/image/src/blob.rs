use sha2::{Digest as _, Sha256};

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// The list of an archive's images.
    Index,
    /// One image: its configuration and its layers, by digest.
    Manifest,
    /// How to start it.
    Config,
    /// Files.
    Layer,
}

impl MediaType {
    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MediaType::Index => "application/vnd.oci.image.index.v1+json",
            MediaType::Manifest => "application/vnd.oci.image.manifest.v1+json",
            MediaType::Config => "application/vnd.oci.image.config.v1+json",
            MediaType::Layer => "application/vnd.oci.image.layer.v1.tar+gzip",
        }
    }
}

/// Bytes that others name by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    media: MediaType,
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media: MediaType, bytes: Vec<u8>) -> Blob {
        Blob { media, digest: digest(&bytes), bytes }
    }

    pub(crate) fn json(media: MediaType, value: &serde_json::Value) -> Blob {
        // A `Value` keeps its keys sorted, so the same value gives the same bytes.
        Blob::new(media, value.to_string().into_bytes())
    }

    /// What it is.
    #[must_use]
    pub fn media(&self) -> MediaType {
        self.media
    }

    /// `sha256:` and 64 hex digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How others refer to it.
    pub(crate) fn descriptor(&self) -> serde_json::Value {
        serde_json::json!({"mediaType": self.media.name(), "digest": self.digest, "size": self.bytes.len()})
    }
}

/// `sha256:` and 64 hex digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
