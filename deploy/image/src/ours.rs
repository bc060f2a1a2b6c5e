//! What is in the project's own images.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use wharf_image::{Image, Layer, Platform};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// No one's, and the one that distroless images use too.
const USER: &str = "65532:65532";

/// One image of the project.
pub(crate) struct Ours {
    /// The last part of its reference, and its archive's name.
    pub(crate) name: &'static str,
    /// The size that it should stay under, in MB of compressed blobs.
    pub(crate) most_mb: u32,
    description: &'static str,
    /// The first one is the entry point.
    binaries: &'static [&'static str],
}

/// The image of every attempt's pod: runs guests, knows no cluster.
pub(crate) const RUNTIME: Ours = Ours {
    name: "runtime",
    most_mb: 15,
    description: "Runs one sandboxed attempt of a WebAssembly task",
    binaries: &["wharf-runtime"],
};

/// The coordinator, with the runtime that inspects components for it.
pub(crate) const COORDINATOR: Ours = Ours {
    name: "coordinator",
    most_mb: 20,
    description: "Schedules data tasks shipped as WebAssembly components",
    binaries: &["wharf", "wharf-runtime"],
};

impl Ours {
    /// The whole reference.
    pub(crate) fn reference(&self) -> String {
        format!("wharf.dev/{}:{VERSION}", self.name)
    }

    /// The image of these binaries.
    pub(crate) fn image(&self, binaries: &Path, platform: Platform) -> Result<Image> {
        let mut layers = Vec::new();
        for name in self.binaries {
            layers.push(Layer::new().program(name, stripped(&binaries.join(name))?));
        }
        // Names are looked up in the pod's own /etc/hosts first, whatever the C library's default is.
        layers.insert(0, Layer::new().file("etc/nsswitch.conf", b"hosts: files dns\n".to_vec()));
        layers.insert(1, crate::authorities::authorities());
        let mut image = Image::of(platform, layers);
        image.user = Some(USER);
        image.entrypoint = self.binaries.iter().take(1).map(|name| format!("/{name}")).collect();
        for (label, value) in [
            ("title", format!("wharf {}", self.name)),
            ("description", self.description.to_owned()),
            ("version", VERSION.to_owned()),
            ("licenses", env!("CARGO_PKG_LICENSE").to_owned()),
        ] {
            image.labels.insert(format!("org.opencontainers.image.{label}"), value);
        }
        Ok(image)
    }
}

/// The program without symbols and debug information: those name this machine's paths, and no one reads them in a pod.
fn stripped(path: &Path) -> Result<Vec<u8>> {
    let file = tempfile::NamedTempFile::new()?;
    let mut strip = Command::new("strip");
    strip.args(["--strip-all", "--remove-section=.note.gnu.build-id", "--remove-section=.comment", "-o"]);
    let output = strip.arg(file.path()).arg(path).output().context("cannot start `strip` (package binutils)")?;
    ensure!(output.status.success(), "cannot strip {}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(file.path())?;
    ensure!(is_static(&bytes), "{} needs a dynamic linker, and an image from scratch has none", path.display());
    Ok(bytes)
}

/// Whether an ELF file of 64 bits, little endian, asks for no interpreter; anything else is no such program.
fn is_static(elf: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let (Some([0x7f, b'E', b'L', b'F', 2, 1]), Some(table), Some(size), Some(count)) =
        (elf.first_chunk(), u64_at(elf, 0x20), u16_at(elf, 0x36), u16_at(elf, 0x38))
    else {
        return false;
    };
    (0..u64::from(count)).all(|i| {
        let entry = usize::try_from(table + i * u64::from(size)).ok();
        entry.and_then(|at| elf.get(at..)?.first_chunk()).is_some_and(|kind| u32::from_le_bytes(*kind) != INTERPRETER)
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_program_that_needs_a_dynamic_linker() {
        // What this machine's shell is linked against is not ours to say, so the heads are made by hand.
        let elf = |kinds: &[u32]| {
            let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1];
            elf.resize(64, 0);
            elf[0x20] = 64;
            elf[0x36] = 56;
            elf[0x38] = u8::try_from(kinds.len()).unwrap();
            for kind in kinds {
                elf.extend(kind.to_le_bytes());
                elf.resize(elf.len() + 52, 0);
            }
            elf
        };
        assert!(is_static(&elf(&[1, 2, 6])));
        assert!(!is_static(&elf(&[1, 3, 2])));
        assert!(!is_static(&elf(&[1, 2])[..100]), "cut short");
        assert!(!is_static(b"#!/bin/sh\n"));
    }
}
