//! Components in an OCI registry, in two forms: as a wasm artifact, which the runtime pulls by itself, and as an image
//! that holds `task.wasm`, which a node mounts as a volume.
//!
//! Both forms are pure functions of the component, so that the digest by which it is pulled is known without asking
//! the registry.

mod artifact;
mod credentials;
mod image;
mod registry;

pub use artifact::artifact;
pub use image::{FILE, image};
pub use registry::Registry;

use crate::Digest;
use serde::Serialize;

/// Media type of a manifest, whatever it is of.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A manifest and the blobs that it names, ready to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// JSON.
    pub manifest: Vec<u8>,
    /// JSON.
    pub config: Vec<u8>,
    /// The only layer.
    pub layer: Vec<u8>,
    /// The tag under which it is kept, so that a registry does not collect it: the component's 64 hex digits.
    pub tag: String,
}

impl Package {
    /// By which it is pulled.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: usize,
}

impl<'a> Descriptor<'a> {
    fn of(media_type: &'a str, blob: &[u8]) -> Descriptor<'a> {
        Descriptor { media_type, digest: Digest::of(blob).to_string(), size: blob.len() }
    }
}

/// A package of one layer.
fn package(config_type: &str, config: Vec<u8>, layer_type: &str, layer: Vec<u8>, component: &Digest) -> Package {
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: Descriptor::of(config_type, &config),
        layers: [Descriptor::of(layer_type, &layer)],
    };
    Package { manifest: json(&manifest), config, layer, tag: component.hex() }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers only: nothing of it can fail.
    serde_json::to_vec(value).unwrap_or_default()
}
