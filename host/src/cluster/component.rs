//! Components as they are brought to a cluster: by their content and, in a registry or a volume, by their name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use wharf_core::plan::Component;
use wharf_depot::Digest;

/// Largest component in bytes: what the runtime compiles at the most.
pub(crate) const MAX_COMPONENT: u64 = 128 << 20;

/// Why a component's file cannot be brought to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ComponentError {
    /// It cannot be read, in words.
    Missing(String),
    /// It is not what the configuration was made with, in words.
    Different(String),
}

/// The name that a component has in registries and volumes: its file's without `.wasm`.
pub(crate) fn name(component: &Component) -> String {
    let name = component.path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".wasm").unwrap_or(&name).to_owned()
}

/// A component's file, if it still is the one of the plan. Blocks.
pub(crate) fn read(component: &Component) -> Result<Vec<u8>, ComponentError> {
    let shown = component.path.display();
    let bytes = read_bounded(&component.path)
        .map_err(|e| ComponentError::Missing(format!("the component {shown} cannot be read: {e}")))?;
    let found = Digest::of(&bytes).to_string();
    if found != component.digest {
        return Err(ComponentError::Different(format!(
            "the component {shown} has changed since the configuration was read: it is {found}, not {}",
            component.digest
        )));
    }
    Ok(bytes)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_COMPONENT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_COMPONENT {
        let why = format!("it is larger than {} MiB", MAX_COMPONENT >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(path: impl AsRef<Path>, content: &[u8]) -> Component {
        Component {
            path: path.as_ref().to_owned(),
            digest: Digest::of(content).to_string(),
            size: content.len() as u64,
        }
    }

    #[test]
    fn a_name_is_the_file_without_its_end() {
        for (path, expect) in
            [("/a/weather-clean.wasm", "weather-clean"), ("b.wasm.wasm", "b.wasm"), ("/c/plain", "plain")]
        {
            assert_eq!(name(&component(path, b"")), expect);
        }
    }

    #[test]
    fn only_the_file_of_the_plan_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        assert!(matches!(read(&component(&path, b"x")), Err(ComponentError::Missing(_))));
        std::fs::write(&path, b"x").unwrap();
        assert_eq!(read(&component(&path, b"x")), Ok(b"x".to_vec()));
        assert!(matches!(read(&component(&path, b"y")), Err(ComponentError::Different(_))));
        let large = dir.path().join("large.wasm");
        File::create(&large).unwrap().set_len(MAX_COMPONENT + 1).unwrap();
        let why = read(&component(&large, b"x")).unwrap_err();
        assert!(matches!(&why, ComponentError::Missing(why) if why.ends_with("it is larger than 128 MiB")), "{why:?}");
    }
}
