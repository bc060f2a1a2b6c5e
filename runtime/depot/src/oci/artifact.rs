use super::{Package, json, package};
use crate::Digest;
use serde::Serialize;

/// Media type of the config.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the component.
pub(super) const LAYER: &str = "application/wasm";
/// Neither the day nor the machine is part of it.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
}

/// The component as a wasm artifact: the layout that the CNCF's working group describes.
#[must_use]
pub fn artifact(component: Vec<u8>) -> Package {
    let digest = Digest::of(&component);
    let os = if is_core_module(&component) { "wasip1" } else { "wasip2" };
    let config = json(&Config { created: CREATED, architecture: "wasm", os, layer_digests: [digest.to_string()] });
    package(CONFIG, config, LAYER, component, &digest)
}

/// Whether the layer field of the binary's version says module.
fn is_core_module(bytes: &[u8]) -> bool {
    bytes.get(6..8) == Some(&[0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_follows_from_the_component_alone() {
        let package = artifact(b"\0asm\x0d\0\x01\0".to_vec());
        let config = String::from_utf8(package.config.clone()).unwrap();
        let layer = Digest::of(&package.layer);
        let expect =
            r#"{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["LAYER"]}"#;
        assert_eq!(config, expect.replace("LAYER", &layer.to_string()));
        let manifest: serde_json::Value = serde_json::from_slice(&package.manifest).unwrap();
        assert_eq!(
            manifest,
            serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.wasm.config.v0+json",
                    "digest": Digest::of(&package.config).to_string(),
                    "size": package.config.len(),
                },
                "layers": [{
                    "mediaType": "application/wasm",
                    "digest": Digest::of(&package.layer).to_string(),
                    "size": 8,
                }],
            })
        );
        assert_eq!(package, artifact(package.layer.clone()));
        let module = artifact(b"\0asm\x01\0\0\0".to_vec());
        assert!(String::from_utf8(module.config).unwrap().contains(r#""os":"wasip1""#));
    }
}
