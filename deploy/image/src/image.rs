use crate::blob::{Blob, MediaType, digest};
use crate::layer::{Layer, gzip};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;

/// What an image's programs were built for, in the words of the OCI format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// 64-bit x86 under Linux.
    LinuxAmd64,
    /// 64-bit ARM under Linux.
    LinuxArm64,
}

impl Platform {
    /// The one that this program runs on; none where no image is made for it.
    #[must_use]
    pub fn here() -> Option<Platform> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Platform::LinuxAmd64),
            "aarch64" => Some(Platform::LinuxArm64),
            _ => None,
        }
    }

    fn architecture(self) -> &'static str {
        match self {
            Platform::LinuxAmd64 => "amd64",
            Platform::LinuxArm64 => "arm64",
        }
    }
}

/// Files, and how to start them.
#[derive(Debug, Clone)]
pub struct Image {
    /// What its programs were built for.
    pub platform: Platform,
    /// `uid:gid` in numbers, so that a cluster can tell that it is not root; none is root.
    pub user: Option<&'static str>,
    /// The program and its first arguments; empty for an image that only holds files.
    pub entrypoint: Vec<String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The files: a later layer covers an earlier one.
    pub layers: Vec<Layer>,
}

impl Image {
    /// An image of these layers that starts nothing.
    #[must_use]
    pub fn of(platform: Platform, layers: Vec<Layer>) -> Image {
        Image { platform, user: None, entrypoint: Vec::new(), labels: BTreeMap::new(), layers }
    }

    /// Packs it; the same image gives the same bytes.
    ///
    /// # Errors
    /// Where a file's path leaves the image or is too long for a tar archive.
    pub fn pack(&self) -> io::Result<Packed> {
        let mut layers = Vec::with_capacity(self.layers.len());
        let mut diffs = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let tar = layer.tar()?;
            diffs.push(digest(&tar));
            layers.push(Blob::new(MediaType::Layer, gzip(&tar)?));
        }
        let config = Blob::json(MediaType::Config, &self.config(&diffs));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::Manifest.name(),
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        Ok(Packed { manifest: Blob::json(MediaType::Manifest, &manifest), config, layers, platform: self.platform })
    }

    fn config(&self, diffs: &[String]) -> Value {
        let mut start = json!({"WorkingDir": "/"});
        if let Some(user) = self.user {
            start["User"] = user.into();
        }
        if !self.entrypoint.is_empty() {
            start["Entrypoint"] = json!(self.entrypoint);
        }
        if !self.labels.is_empty() {
            start["Labels"] = json!(self.labels);
        }
        json!({
            "architecture": self.platform.architecture(),
            "os": "linux",
            "config": start,
            "rootfs": {"type": "layers", "diff_ids": diffs},
        })
    }
}

/// An image as blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) layers: Vec<Blob>,
    platform: Platform,
}

impl Packed {
    /// The image's digest: that of its manifest.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.manifest.digest()
    }

    /// Bytes to transfer: all blobs.
    #[must_use]
    pub fn size(&self) -> usize {
        self.blobs().map(|blob| blob.bytes().len()).sum()
    }

    /// The blobs in the order in which a registry takes them: what is referred to comes first.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config, &self.manifest])
    }

    /// How an index refers to it.
    pub(crate) fn descriptor(&self) -> Value {
        let mut descriptor = self.manifest.descriptor();
        descriptor["platform"] = json!({"architecture": self.platform.architecture(), "os": "linux"});
        descriptor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(layer: Layer) -> Image {
        let mut image = Image::of(Platform::LinuxAmd64, vec![layer]);
        image.user = Some("65532:65532");
        image.entrypoint = vec!["/tool".into()];
        image.labels.insert("org.opencontainers.image.title".into(), "tool".into());
        image
    }

    #[test]
    fn the_same_files_give_the_same_digest_in_whatever_order_they_came() {
        let one = image(Layer::new().program("tool", vec![1; 100_000]).file("a/b", b"x".to_vec()));
        let two = image(Layer::new().file("a/b", b"x".to_vec()).program("tool", vec![1; 100_000]));
        assert_eq!(one.pack().unwrap(), two.pack().unwrap());
    }

    #[test]
    fn whatever_changes_the_image_changes_its_digest() {
        let base = image(Layer::new().program("tool", b"1".to_vec()));
        let digest = |change: fn(&mut Image)| {
            let mut image = base.clone();
            change(&mut image);
            image.pack().unwrap().digest().to_owned()
        };
        let same = digest(|_| ());
        for (what, other) in [
            ("content", digest(|i| i.layers = vec![Layer::new().program("tool", b"2".to_vec())])),
            ("mode", digest(|i| i.layers = vec![Layer::new().file("tool", b"1".to_vec())])),
            ("path", digest(|i| i.layers = vec![Layer::new().program("tools", b"1".to_vec())])),
            ("user", digest(|i| i.user = None)),
            ("entry point", digest(|i| i.entrypoint.push("pod".into()))),
            ("labels", digest(|i| i.labels.clear())),
            ("platform", digest(|i| i.platform = Platform::LinuxArm64)),
        ] {
            assert_ne!(same, other, "{what}");
        }
    }

    #[test]
    fn each_blob_is_named_by_the_one_that_needs_it() {
        let packed = image(Layer::new().program("tool", b"1".to_vec())).pack().unwrap();
        let manifest: Value = serde_json::from_slice(packed.manifest.bytes()).unwrap();
        let config: Value = serde_json::from_slice(packed.config.bytes()).unwrap();
        assert_eq!(manifest["config"]["digest"], packed.config.digest());
        assert_eq!(manifest["layers"][0]["digest"], packed.layers[0].digest());
        assert_eq!(manifest["layers"][0]["size"], packed.layers[0].bytes().len());
        let mut tar = Vec::new();
        io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.layers[0].bytes()), &mut tar).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&tar)]));
        assert_eq!(config["config"]["Entrypoint"], json!(["/tool"]));
        assert_eq!(config["config"]["User"], "65532:65532");
    }
}
