//! A component from where the operator keeps it to a sealed one in the operator's store.

use super::{Args, inputs};
use std::path::{Path, PathBuf};
use wharf_contract::Cause;
use wharf_contract::pod::{CompileOrder, ComponentSource, StoredObject};
use wharf_depot::oci::Registry;
use wharf_depot::{Depot, Digest, Error, keys};
use wharf_runtime::{
    Cache, CompileLimits, Cpus, MAX_ENTRY, MAX_WASM, PublicKey, Purpose, Refusal, compiler, ensure, fingerprint,
    parse_digest,
};

/// Compiles the component of this order, unless the store has it, and says where it is kept.
pub(super) async fn compile(args: &Args, order: &CompileOrder) -> Result<StoredObject, Refusal> {
    let digest = parse_digest(&order.digest)?;
    let keys_dir = &args.compiler_keys;
    let public = PublicKey::read(keys_dir)
        .ok_or_else(|| Refusal::internal("there is no compiler.pub of 32 bytes in", keys_dir.display()))?;
    let engine = compiler(Cpus::Baseline)
        .map(|engine| fingerprint(&engine))
        .map_err(|e| Refusal::internal("cannot make the engine", format_args!("{e:#}")))?;
    let cache = Cache::sealed(args.cache(), engine, public);
    let key = keys::compiled(cache.fingerprint(), &digest);
    let store = args.store(order.store.clone());
    let depot = store.depot().map_err(kept)?;
    if let Some(object) = there(depot, &key, &cache, &digest).await? {
        return Ok(object);
    }

    let component = fetch(args, order, depot, &digest).await?;
    let limits = CompileLimits { memory: order.memory, ..CompileLimits::default() };
    let purpose = Purpose::Cluster { keys: keys_dir.clone() };
    ensure(&cache, &component, &digest, limits, &purpose).await?;

    let path = cache.path(&digest);
    let object = object(&key, &path)?;
    depot.put_file(&key, &path, &parse_digest(&object.digest)?).await.map_err(kept)?;
    Ok(object)
}

/// The compiled component that the store has already, if it bears our seal. Anything else there is written over.
async fn there(depot: &Depot, key: &str, cache: &Cache, digest: &Digest) -> Result<Option<StoredObject>, Refusal> {
    let Some(found) = depot.head(key).await.map_err(kept)? else { return Ok(None) };
    if found.size > MAX_ENTRY {
        return Ok(None);
    }
    let path = cache.path(digest);
    make_parent(&path)?;
    let bytes = depot.get(key, MAX_ENTRY).await.map_err(kept)?;
    std::fs::write(&path, bytes).map_err(|e| Refusal::internal(format_args!("cannot write {}", path.display()), e))?;
    if cache.has(digest) {
        return object(key, &path).map(Some);
    }
    drop(std::fs::remove_file(&path));
    Ok(None)
}

/// The component as a file. Its content is verified by the compiler, whatever the source.
async fn fetch(args: &Args, order: &CompileOrder, depot: &Depot, digest: &Digest) -> Result<PathBuf, Refusal> {
    let path = args.scratch.join("component.wasm");
    let done = match &order.source {
        ComponentSource::File { path } => return Ok(path.clone()),
        ComponentSource::Store { key } => {
            make_parent(&path)?;
            depot.get_file(key, &path, MAX_WASM, digest).await
        }
        ComponentSource::Registry { reference, insecure } => {
            make_parent(&path)?;
            let credentials = args.registry_credentials.is_dir().then_some(args.registry_credentials.as_path());
            match Registry::open(reference, credentials, *insecure) {
                Ok(registry) => registry.pull(&path, MAX_WASM, digest).await,
                Err(e) => Err(e),
            }
        }
    };
    done.map_err(inputs::unusable).map(|()| path)
}

fn object(key: &str, path: &Path) -> Result<StoredObject, Refusal> {
    let digest = Digest::of_file(path).map_err(kept)?.to_string();
    let size = path.metadata().map_err(|e| Refusal::internal(format_args!("cannot read {}", path.display()), e))?.len();
    Ok(StoredObject { key: key.to_owned(), digest, size })
}

fn make_parent(path: &Path) -> Result<(), Refusal> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| Refusal::internal(format_args!("cannot make {}", folder.display()), e))
}

fn kept(error: Error) -> Refusal {
    Refusal::new(Cause::Internal, format!("the operator's store cannot be used: {error}"))
}
