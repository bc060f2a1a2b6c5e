//! What an attempt needs before its guest starts: the compiled component and the artifacts that its input names.

use futures_util::TryStreamExt as _;
use std::fs;
use std::path::Path;
use wharf_contract::pod::CompiledComponent;
use wharf_contract::{Artifact, Cause};
use wharf_depot::{Digest, Error, keys};
use wharf_runtime::{Cache, MAX_ENTRY, PublicKey, Refusal, Store, parse_digest};

/// Artifacts that are fetched at a time.
const AT_ONCE: usize = 8;

/// The cache in this folder, made for what this order names.
pub(super) fn cache(folder: &Path, compiled: &CompiledComponent, component: &Digest) -> Result<Cache, Refusal> {
    let key = &compiled.object.key;
    let Some((engine, of)) = keys::compiled_of(key) else {
        return Err(Refusal::new(Cause::Internal, format!("`{key}` is no key of a compiled component")));
    };
    if of != *component {
        let message = format!("the order has {component} run and names the compiled form of {of}");
        return Err(Refusal::new(Cause::DigestMismatch, message));
    }
    let public = PublicKey::parse(&compiled.public_key)
        .ok_or_else(|| Refusal::new(Cause::Internal, "the order's public key is not 64 hex digits of a key"))?;
    Ok(Cache::sealed(folder.to_owned(), engine.to_owned(), public))
}

/// Sees to it that the cache holds the compiled component. One that lies there already is taken: its seal says what it is.
pub(super) async fn component(
    store: &Store,
    cache: &Cache,
    compiled: &CompiledComponent,
    component: &Digest,
) -> Result<(), Refusal> {
    let path = cache.path(component);
    if path.exists() {
        return Ok(());
    }
    let object = &compiled.object;
    let digest = parse_digest(&object.digest)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|e| Refusal::internal(format_args!("cannot make {}", folder.display()), e))?;
    }
    let depot = store.depot().map_err(unusable)?;
    depot.get_file(&object.key, &path, MAX_ENTRY, &digest).await.map_err(unusable)
}

/// Why a component cannot be had from where it is kept.
pub(super) fn unusable(error: Error) -> Refusal {
    let cause = match &error {
        Error::NotFound { .. } | Error::Denied { .. } | Error::Settings(_) => Cause::ComponentMissing,
        Error::Different { .. } => Cause::DigestMismatch,
        Error::TooLarge { .. } => Cause::InvalidComponent,
        Error::Unavailable { .. } | Error::Changed { .. } | Error::Local(_) => Cause::Internal,
    };
    Refusal::new(cause, format!("cannot fetch the component: {error}"))
}

/// Fetches the artifacts into a folder that has the layout of a store of artifacts.
pub(super) async fn artifacts(store: &Store, folder: &Path, artifacts: &[Artifact]) -> Result<(), Refusal> {
    if artifacts.is_empty() {
        return Ok(());
    }
    let depot = store.depot().map_err(|e| Refusal::internal("cannot fetch the input", e))?;
    let mut wanted: Vec<(Digest, u64, &str)> = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        wanted.push((parse_digest(&artifact.digest)?, artifact.size, &artifact.name));
    }
    wanted.sort_unstable();
    wanted.dedup_by_key(|(digest, ..)| *digest);
    futures_util::stream::iter(wanted.into_iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, async |(digest, size, name)| {
            let path = folder.join(&digest.hex()[..2]).join(digest.hex());
            let cannot = |e: &dyn std::fmt::Display| {
                Refusal::internal(format_args!("cannot fetch the input's artifact `{name}`"), e)
            };
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|e| cannot(&e))?;
            }
            depot.get_file(&keys::artifact(&digest), &path, size, &digest).await.map_err(|e| cannot(&e))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_contract::pod::StoredObject;

    #[test]
    fn an_order_is_held_to_itself() {
        let (component, other) = (Digest::of(b"a"), Digest::of(b"b"));
        let check = |key: String, public_key: &str, expect: Result<(), Cause>| {
            let object = StoredObject { key, digest: String::new(), size: 0 };
            let compiled = CompiledComponent { object, public_key: public_key.into() };
            let got = cache(Path::new("/c"), &compiled, &component).map(drop).map_err(|r| r.cause);
            assert_eq!(got, expect, "{compiled:?}");
        };
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        check(keys::compiled("x86_64-1", &component), public, Ok(()));
        check(keys::compiled("x86_64-1", &other), public, Err(Cause::DigestMismatch));
        check("compiled/x".into(), public, Err(Cause::Internal));
        check(keys::compiled("x86_64-1", &component), "d75a", Err(Cause::Internal));
    }

    #[test]
    fn each_reason_why_a_component_cannot_be_fetched_has_its_cause() {
        let key = || "k".to_owned();
        let d = Digest::of(b"");
        let check = |e: Error, cause: Cause| assert_eq!(unusable(e).cause, cause);
        check(Error::NotFound { key: key() }, Cause::ComponentMissing);
        check(Error::Denied { key: key(), why: key() }, Cause::ComponentMissing);
        check(Error::Different { key: key(), expected: d, found: d }, Cause::DigestMismatch);
        check(Error::TooLarge { key: key(), max: 1 }, Cause::InvalidComponent);
        check(Error::Unavailable { key: key(), why: key() }, Cause::Internal);
        check(Error::Local(key()), Cause::Internal);
    }
}
