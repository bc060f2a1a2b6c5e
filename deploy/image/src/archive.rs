use crate::blob::{Blob, MediaType};
use crate::image::Packed;
use crate::layer::Layer;
use serde_json::json;
use std::io;

impl Packed {
    /// The image as one file, an OCI layout in a tar archive, which `ctr images import`, `docker load` and `skopeo` read.
    /// `name` is the whole reference that it has from then on: `registry.example/team/tool:1.0`.
    ///
    /// # Errors
    /// None is known: the paths are short.
    pub fn archive(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut entry = self.descriptor();
        entry["annotations"] = json!({
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": tag(name),
        });
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::Index.name(), "manifests": [entry]});
        let layout = json!({"imageLayoutVersion": "1.0.0"});
        let mut files = Layer::new()
            .file("oci-layout", layout.to_string().into_bytes())
            .file("index.json", Blob::json(MediaType::Index, &index).bytes().to_vec());
        for blob in self.blobs() {
            files = files.file(&format!("blobs/{}", blob.digest().replace(':', "/")), blob.bytes().to_vec());
        }
        files.tar()
    }
}

/// What follows the last colon of a reference, unless that colon parts a host from its port.
fn tag(name: &str) -> &str {
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/')).unwrap_or("latest")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::digest;
    use crate::{Image, Platform};
    use std::collections::BTreeMap;
    use std::io::Read;

    #[test]
    fn holds_the_layout_the_index_and_each_blob_under_its_digest() {
        let packed =
            Image::of(Platform::LinuxAmd64, vec![Layer::new().file("task.wasm", b"wasm".to_vec())]).pack().unwrap();
        let bytes = packed.archive("registry.example:5000/team/task:1.0").unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
        let index: serde_json::Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let entry = &index["manifests"][0];
        assert_eq!(entry["digest"], packed.digest());
        assert_eq!(entry["annotations"]["io.containerd.image.name"], "registry.example:5000/team/task:1.0");
        assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "1.0");
        let blobs: Vec<_> =
            files.iter().filter_map(|(path, b)| Some((path.strip_prefix("blobs/sha256/")?, b))).collect();
        assert_eq!(blobs.iter().filter(|(name, _)| !name.is_empty()).count(), 3);
        for (name, content) in blobs.into_iter().filter(|(name, _)| !name.is_empty()) {
            assert_eq!(digest(content), format!("sha256:{name}"));
        }
    }

    #[test]
    fn reads_the_tag_of_a_reference() {
        for (name, expect) in [("a/b:1.0", "1.0"), ("host:5000/b", "latest"), ("host:5000/b:x", "x"), ("b", "latest")] {
            assert_eq!(tag(name), expect, "{name}");
        }
    }
}
