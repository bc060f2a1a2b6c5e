use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use wharf_contract::{Cause, Secret};
use wharf_runtime::Refusal;

/// Largest secret in bytes: what Kubernetes keeps of one.
const MAX: u64 = 1 << 20;

/// The values of secrets, by the files that they lie in. One trailing line end is dropped, as of any secret from a file.
pub(super) fn read(files: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, Secret>, Refusal> {
    files.iter().map(|(name, path)| Ok((name.clone(), one(name, path)?))).collect()
}

fn one(name: &str, path: &Path) -> Result<Secret, Refusal> {
    let cannot = |e: &dyn std::fmt::Display| {
        Refusal::new(Cause::Internal, format!("cannot read the secret `{name}` in {}: {e}", path.display()))
    };
    let mut value = String::new();
    let file = File::open(path).map_err(|e| cannot(&e))?;
    file.take(MAX + 1).read_to_string(&mut value).map_err(|e| cannot(&e))?;
    if value.len() as u64 > MAX {
        return Err(cannot(&format_args!("it is larger than {MAX} bytes")));
    }
    if value.ends_with('\n') {
        value.pop();
    }
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is_and_named_without_being_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            BTreeMap::from([(name.to_owned(), path)])
        };
        let value = |files| read(&files).map(|mut s| s.pop_first().unwrap().1.expose().to_owned());
        assert_eq!(value(file("a", b"hush\n\n")).unwrap(), "hush\n");
        assert_eq!(value(file("b", b"")).unwrap(), "");
        let refused = value(file("c", b"hush\xff")).unwrap_err();
        assert!(refused.message.contains("`c`") && !refused.message.contains("hush"), "{refused}");
        assert!(value(BTreeMap::from([("d".into(), dir.path().join("none"))])).is_err());
    }
}
