use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// Files of an image. All belong to root and carry no time, so that the same files give the same bytes.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    files: BTreeMap<String, File>,
}

#[derive(Debug, Clone)]
struct File {
    mode: u32,
    bytes: Vec<u8>,
}

impl Layer {
    /// A layer without files.
    #[must_use]
    pub fn new() -> Layer {
        Layer::default()
    }

    /// Adds a file that anyone may read and run. `path` is relative to the image's root: `bin/tool`.
    #[must_use]
    pub fn program(self, path: &str, bytes: Vec<u8>) -> Layer {
        self.with(path, 0o755, bytes)
    }

    /// Adds a file that anyone may read. `path` is relative to the image's root: `task.wasm`.
    #[must_use]
    pub fn file(self, path: &str, bytes: Vec<u8>) -> Layer {
        self.with(path, 0o644, bytes)
    }

    fn with(mut self, path: &str, mode: u32, bytes: Vec<u8>) -> Layer {
        self.files.insert(path.to_owned(), File { mode, bytes });
        self
    }

    /// The files as a tar archive, sorted by path, each behind the folders that it lies in.
    pub(crate) fn tar(&self) -> io::Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        let mut folders: Vec<&Path> = self.files.keys().flat_map(|path| Path::new(path).ancestors().skip(1)).collect();
        folders.retain(|folder| !folder.as_os_str().is_empty());
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            append(&mut tar, &folder.join(""), EntryType::Directory, 0o755, &[])?;
        }
        for (path, file) in &self.files {
            append(&mut tar, Path::new(path), EntryType::Regular, file.mode, &file.bytes)?;
        }
        tar.into_inner()
    }
}

fn append(tar: &mut Builder<Vec<u8>>, path: &Path, entry: EntryType, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(entry);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, path, bytes)
}

/// Compressed as densely as gzip does, without a time or a system's name in the header.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn lists_folders_first_then_files_by_path_all_without_owner_and_time() {
        let layer = Layer::new().program("b/c/tool", b"tool".to_vec()).file("a.txt", b"text".to_vec());
        let bytes = layer.tar().unwrap();
        let mut seen = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            seen.push((entry.path().unwrap().display().to_string(), header.mode().unwrap(), content));
        }
        let expect = [("b/", 0o755, ""), ("b/c/", 0o755, ""), ("a.txt", 0o644, "text"), ("b/c/tool", 0o755, "tool")];
        assert_eq!(seen, expect.map(|(path, mode, content)| (path.to_owned(), mode, content.to_owned())));
    }

    #[test]
    fn refuses_a_path_that_leaves_the_image() {
        for path in ["../etc/passwd", "a/../../b"] {
            assert!(Layer::new().file(path, Vec::new()).tar().is_err(), "{path}");
        }
    }
}
