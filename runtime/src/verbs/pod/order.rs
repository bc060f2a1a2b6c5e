use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use wharf_contract::Cause;
use wharf_contract::pod::{MAX_STORED_ORDER, PodInvocation, PodOrder, StoredObject};
use wharf_runtime::{Refusal, Store, parse_digest};

/// Longest UID of a pod in bytes; Kubernetes makes them of 36.
const MAX_UID: u64 = 64;

/// The order in this file.
pub(super) fn read(path: &Path, max: u64) -> Result<PodOrder, String> {
    let shown = path.display();
    let text = text(path, max).map_err(|e| format!("cannot read the order {shown}: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("{shown} holds no order: {e}"))
}

/// The invocation that lies in the store.
pub(super) async fn fetch(store: &Store, object: &StoredObject) -> Result<PodInvocation, Refusal> {
    let cannot = |e: &dyn std::fmt::Display| Refusal::new(Cause::Internal, format!("cannot fetch the order: {e}"));
    let digest = parse_digest(&object.digest).map_err(|e| cannot(&e))?;
    let depot = store.depot().map_err(|e| cannot(&e))?;
    let bytes = depot.get_checked(&object.key, MAX_STORED_ORDER, &digest).await.map_err(|e| cannot(&e))?;
    serde_json::from_slice(&bytes).map_err(|e| cannot(&format_args!("{} holds no invocation: {e}", object.key)))
}

/// The pod's UID, which becomes part of a key.
pub(super) fn uid(path: &Path) -> Result<String, Refusal> {
    let cannot = |e: &dyn std::fmt::Display| {
        Refusal::new(Cause::Internal, format!("cannot read the pod's UID in {}: {e}", path.display()))
    };
    let uid = text(path, MAX_UID).map_err(|e| cannot(&e))?;
    let uid = uid.trim();
    if uid.is_empty() || !uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(cannot(&"it has other characters than letters, digits and dashes"));
    }
    Ok(uid.to_owned())
}

fn text(path: &Path, max: u64) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(max + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if text.len() as u64 > max {
        return Err(format!("it is larger than {max} bytes"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uid_becomes_part_of_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("uid");
        let check = |text: &str, expect: Option<&str>| {
            std::fs::write(&path, text).unwrap();
            assert_eq!(uid(&path).ok().as_deref(), expect, "{text:?}");
        };
        check("0b1e-2f\n", Some("0b1e-2f"));
        for bad in ["", "\n", "a/b", "..", "ü", &"a".repeat(65)] {
            check(bad, None);
        }
        assert!(uid(&dir.path().join("none")).is_err());
    }
}
