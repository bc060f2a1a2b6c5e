//! Folders: those that `grants.mounts` names, confined by wasmtime-wasi's descriptors, so that no path leads out.

use crate::Refusal;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};
use wharf_contract::{Cause, Mount};

/// Opens the folders for a guest.
pub(super) fn add(builder: &mut WasiCtxBuilder, mounts: &[Mount]) -> Result<(), Refusal> {
    for mount in mounts {
        let perms = if mount.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
        builder.preopened_dir(&mount.source, &mount.path, perms).map_err(|e| {
            let (source, path) = (mount.source.display(), &mount.path);
            Refusal::new(Cause::NotGranted, format!("cannot mount {source} at {path}: {e:#}"))
        })?;
    }
    Ok(())
}
