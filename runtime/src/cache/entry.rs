use super::{PublicKey, Signer};
use crate::Digest;
use ed25519_dalek::Signature;

/// Last bytes of every entry.
const MAGIC: &[u8; 8] = b"wharfao1";
const SIGNATURE: usize = 64;

/// What an entry is the compiled form of; signed with it, so that an entry cannot stand in for another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub component: &'a Digest,
    pub fingerprint: &'a str,
}

impl Subject<'_> {
    fn message(&self, code: &[u8]) -> Vec<u8> {
        let mut m = b"wharf compiled component 1\0".to_vec();
        m.extend_from_slice(self.component.bytes());
        m.extend_from_slice(Digest::of(code).bytes());
        m.extend_from_slice(self.fingerprint.as_bytes());
        m
    }
}

/// What follows the code in an entry: the signature and the magic.
pub(super) fn seal(code: &[u8], subject: &Subject<'_>, signer: &Signer) -> Vec<u8> {
    let mut seal = signer.sign(&subject.message(code)).to_vec();
    seal.extend_from_slice(MAGIC);
    seal
}

/// The code of an entry that was sealed for this subject; `None` for anything else.
pub(super) fn open<'a>(entry: &'a [u8], subject: &Subject<'_>, key: &PublicKey) -> Option<&'a [u8]> {
    let rest = entry.strip_suffix(MAGIC)?;
    let (code, signature) = rest.split_at_checked(rest.len().checked_sub(SIGNATURE)?)?;
    let signature = Signature::from_slice(signature).ok()?;
    key.verifies(&subject.message(code), &signature).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_entry_opens() {
        let signer = Signer::from_seed([7; 32]);
        let key = signer.public();
        let digest = Digest::of(b"component");
        let subject = Subject { component: &digest, fingerprint: "x" };
        let mut entry = b"code".to_vec();
        entry.extend(seal(b"code", &subject, &signer));
        assert_eq!(open(&entry, &subject, &key), Some(&b"code"[..]));

        let other = Digest::of(b"other");
        assert_eq!(open(&entry, &Subject { component: &other, fingerprint: "x" }, &key), None);
        assert_eq!(open(&entry, &Subject { component: &digest, fingerprint: "y" }, &key), None);
        assert_eq!(open(&entry, &subject, &Signer::from_seed([8; 32]).public()), None);
        for i in 0..entry.len() {
            let mut bad = entry.clone();
            bad[i] ^= 1;
            assert_eq!(open(&bad, &subject, &key), None, "byte {i} flipped");
            assert_eq!(open(&entry[..i], &subject, &key), None, "cut at {i}");
        }
    }
}
