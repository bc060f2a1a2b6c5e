//! The cache of compiled components: `DIR/<fingerprint>/<64 hex digits of the component>.cwasm`, each file signed.
//!
//! Compiled code is native code, so the only thing that is ever loaded is what our own compiler signed for exactly this
//! component and this engine. Whatever else lies there is a miss.

mod entry;
mod keys;

use crate::Digest;
use crate::engine::fingerprint;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;

pub(crate) use entry::Subject;
pub use keys::PublicKey;
pub(crate) use keys::Signer;

/// Largest compiled component that is read, in bytes.
pub const MAX_ENTRY: u64 = 1 << 30;

/// The cache of one engine.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    fingerprint: String,
    /// None: the one that lies in the folder.
    key: Option<PublicKey>,
}

impl Cache {
    /// The cache in this folder, for this engine. The folder is made by whoever first compiles.
    #[must_use]
    pub fn new(dir: PathBuf, engine: &Engine) -> Cache {
        Cache { dir, fingerprint: fingerprint(engine), key: None }
    }

    /// The cache in this folder, of what a compiler elsewhere sealed with this key for an engine of this fingerprint.
    #[must_use]
    pub fn sealed(dir: PathBuf, fingerprint: String, key: PublicKey) -> Cache {
        Cache { dir, fingerprint, key: Some(key) }
    }

    /// The fingerprint of its engine.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the compiled form of a component is kept.
    #[must_use]
    pub fn path(&self, component: &Digest) -> PathBuf {
        self.dir.join(&self.fingerprint).join(format!("{}.cwasm", component.hex()))
    }

    /// Whether it holds the compiled form of a component, signed by our compiler.
    #[must_use]
    pub fn has(&self, component: &Digest) -> bool {
        self.load(component).is_some()
    }

    /// Reads the compiled form of a component, once, and gives it only if our compiler signed it.
    pub(crate) fn load(&self, component: &Digest) -> Option<Vec<u8>> {
        let mut bytes = read_bounded(&self.path(component), MAX_ENTRY).ok()?;
        let key = self.key.or_else(|| PublicKey::read(&self.dir))?;
        let code = entry::open(&bytes, &self.subject(component), &key)?.len();
        bytes.truncate(code);
        Some(bytes)
    }

    /// Keeps a compiled component.
    pub(crate) fn store(&self, component: &Digest, code: &[u8], signer: &Signer) -> io::Result<()> {
        let path = self.path(component);
        let seal = entry::seal(code, &self.subject(component), signer);
        write_atomic(&path, 0o644, &[code, &seal])
    }

    /// The file whose lock the one holds that compiles this component.
    pub(crate) fn lock_file(&self, component: &Digest) -> io::Result<File> {
        let dir = self.dir.join("lock");
        fs::create_dir_all(&dir)?;
        let name = format!("{}-{}", self.fingerprint, component.hex());
        fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join(name))
    }

    fn subject<'a>(&'a self, component: &'a Digest) -> Subject<'a> {
        Subject { component, fingerprint: &self.fingerprint }
    }
}

/// Reads a whole file that is no longer than `max`.
pub(crate) fn read_bounded(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(max)).unwrap_or(0) + 1);
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max} bytes")));
    }
    Ok(bytes)
}

/// Writes a file so that a reader sees all of it or none.
pub(crate) fn write_atomic(path: &Path, mode: u32, parts: &[&[u8]]) -> io::Result<()> {
    let temp = write_temp(path, mode, parts)?;
    fs::rename(&temp, path).inspect_err(|_| drop(fs::remove_file(&temp)))
}

fn write_temp(path: &Path, mode: u32, parts: &[&[u8]]) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let temp = dir.join(format!(".tmp-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    // One that a killed process of the same number left behind.
    drop(fs::remove_file(&temp));
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(&temp)?;
    let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&temp)))?;
    Ok(temp)
}
