use super::{read_bounded, write_atomic, write_temp};
use crate::Digest;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Private key of the compiler: 32 bytes, readable by its owner alone.
const PRIVATE: &str = "compiler.key";
/// Public key of the compiler: 32 bytes.
const PUBLIC: &str = "compiler.pub";

/// The key that a seal must open with: the compiler's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 64 hex digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<PublicKey> {
        let bytes = Digest::parse(&format!("sha256:{hex}"))?;
        VerifyingKey::from_bytes(bytes.bytes()).ok().map(PublicKey)
    }

    /// The one in a folder of keys, where there is one.
    #[must_use]
    pub fn read(dir: &Path) -> Option<PublicKey> {
        let bytes = read_bounded(&dir.join(PUBLIC), 32).ok()?;
        VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok().map(PublicKey)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(message, signature).is_ok()
    }
}

/// Signs what the compiler made. Only the compiler has one.
pub(crate) struct Signer(SigningKey);

impl Signer {
    /// The signer of a cache; its keys are made on first use. Two processes that make them at once end with the same.
    pub(crate) fn open(dir: &Path) -> io::Result<Signer> {
        let path = dir.join(PRIVATE);
        if !path.exists() {
            create(&path)?;
        }
        let signer = Signer::read(dir)?;
        if PublicKey::read(dir) != Some(signer.public()) {
            write_atomic(&dir.join(PUBLIC), 0o644, &[signer.public().0.as_bytes()])?;
        }
        Ok(signer)
    }

    /// The signer of a folder of keys that somebody else made.
    pub(crate) fn read(dir: &Path) -> io::Result<Signer> {
        let path = dir.join(PRIVATE);
        let bytes = read_bounded(&path, 32)?;
        let seed = <[u8; 32]>::try_from(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{} is not 32 bytes", path.display())))?;
        Ok(Signer::from_seed(seed))
    }

    pub(super) fn from_seed(seed: [u8; 32]) -> Signer {
        Signer(SigningKey::from_bytes(&seed))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let temp = write_temp(path, 0o600, &[&seed])?;
    // A link fails where the name is taken: whoever is first wins, and no half-written key is ever seen.
    let linked = fs::hard_link(&temp, path);
    drop(fs::remove_file(&temp));
    match linked {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_made_by_many_at_once_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|s| {
            let threads: Vec<_> = (0..8).map(|_| s.spawn(|| Signer::open(dir.path()).unwrap().public())).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|k| *k == keys[0]));
        assert_eq!(PublicKey::read(dir.path()), Some(keys[0]));
        let hex: String = fs::read(dir.path().join(PUBLIC)).unwrap().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(PublicKey::parse(&hex), Some(keys[0]));
        for bad in ["", &hex[1..], &hex.to_uppercase(), "zz"] {
            assert_eq!(PublicKey::parse(bad), None, "{bad}");
        }
        let mode = fs::metadata(dir.path().join(PRIVATE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }
}
