use super::{Package, json, package};
use crate::Digest;
use serde::Serialize;

/// Name of the component in the image.
pub const FILE: &str = "task.wasm";

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Not compressed: what a compressor makes of the same bytes changes with its version, and with it the digest.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Blocks of a tar archive, in bytes.
const BLOCK: usize = 512;

#[derive(Serialize)]
struct Config<'a> {
    architecture: &'a str,
    os: &'static str,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [String; 1],
}

/// The component as an image from scratch that holds [`FILE`] and nothing else. `architecture` is the nodes', as OCI
/// names it (`amd64`): a node refuses an image of another.
#[must_use]
pub fn image(component: &[u8], architecture: &str) -> Package {
    let layer = tar(component);
    let rootfs = RootFs { r#type: "layers", diff_ids: [Digest::of(&layer).to_string()] };
    let config = json(&Config { architecture, os: "linux", rootfs });
    package(CONFIG, config, LAYER, layer, &Digest::of(component))
}

/// A tar archive of one file, readable by all.
fn tar(content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, FILE);
    put(100, "0000444\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The sum is taken with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());

    let padded = content.len().next_multiple_of(BLOCK);
    let mut out = Vec::with_capacity(padded + 3 * BLOCK);
    out.extend_from_slice(&header);
    out.extend_from_slice(content);
    // Two empty blocks end an archive.
    out.resize(BLOCK + padded + 2 * BLOCK, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn tar_reads_what_the_layer_holds() {
        for content in [&b""[..], b"x", &[7; 512], &[9; 1025]] {
            let package = image(content, "amd64");
            let mut child = Command::new("tar")
                .args(["-xOf", "-", FILE])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&package.layer).unwrap();
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success());
            assert_eq!(out.stdout, content);
            assert_eq!(package, image(content, "amd64"));
            assert_ne!(package.digest(), image(content, "arm64").digest());
        }
    }
}
