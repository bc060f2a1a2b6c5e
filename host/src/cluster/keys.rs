use super::object::{Kind, Object, Space, SpaceRole};
use super::objects::COMPILER;
use super::yaml;
use ed25519_dalek::SigningKey;
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;

/// Key of the Secret: 32 bytes, the private key.
const PRIVATE: &str = "compiler.key";
/// Key of the Secret: 32 bytes; key of the ConfigMap: the same in hex.
pub(crate) const PUBLIC: &str = "compiler.pub";

/// The keys with which compiled components are signed.
pub struct KeyPair(SigningKey);

/// The private key is shown nowhere.
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyPair").field(&self.public_hex()).finish()
    }
}

impl KeyPair {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> std::io::Result<KeyPair> {
        let mut seed = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        Ok(KeyPair(SigningKey::from_bytes(&seed)))
    }

    /// Of a Secret's `data`; none where it holds none, or two keys that do not belong together.
    pub(super) fn of_secret(data: &Value) -> Option<KeyPair> {
        let bytes = |key: &str| -> Option<[u8; 32]> {
            let ByteString(bytes) = serde_json::from_value(data.get(key)?.clone()).ok()?;
            bytes.try_into().ok()
        };
        let pair = KeyPair(SigningKey::from_bytes(&bytes(PRIVATE)?));
        (pair.0.verifying_key().as_bytes() == &bytes(PUBLIC)?).then_some(pair)
    }

    /// The public key in hex, as the ConfigMap has it.
    #[must_use]
    pub fn public_hex(&self) -> String {
        self.0.verifying_key().as_bytes().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The Secret that pods which compile mount; it holds the private key.
    pub(super) fn secret(&self, namespace: &str) -> Object {
        let data = json!({
            PRIVATE: ByteString(self.0.to_bytes().to_vec()),
            PUBLIC: ByteString(self.0.verifying_key().as_bytes().to_vec()),
        });
        Object::new(Kind::Secret, &space(namespace), COMPILER, json!({ "type": "Opaque", "data": data }))
    }

    /// The ConfigMap that the coordinator reads.
    pub(super) fn config_map(&self, namespace: &str) -> Object {
        let data = json!({ PUBLIC: self.public_hex() });
        Object::new(Kind::ConfigMap, &space(namespace), COMPILER, json!({ "data": data }))
    }
}

fn space(namespace: &str) -> Space<'_> {
    Space { name: namespace, role: SpaceRole::Operator }
}

/// A Secret and a ConfigMap with these keys as YAML, for those who do not let [`super::apply()`] make them.
#[must_use]
pub fn compiler_key_yaml(pair: &KeyPair, namespace: &str) -> String {
    let [secret, config_map] = [pair.secret(namespace), pair.config_map(namespace)].map(|o| yaml::document(&o.body));
    format!("---\n{secret}---\n{config_map}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_gives_its_keys_back() {
        let pair = KeyPair::generate().unwrap();
        let secret = pair.secret("wharf-system");
        let back = KeyPair::of_secret(&secret.body["data"]).unwrap();
        assert_eq!(back.0.to_bytes(), pair.0.to_bytes());
        assert_eq!(pair.config_map("n").body["data"][PUBLIC], pair.public_hex());
        assert_eq!(pair.public_hex().len(), 64);

        let other = KeyPair::generate().unwrap();
        let mut mixed = secret.body["data"].clone();
        mixed[PUBLIC] = other.secret("n").body["data"][PUBLIC].clone();
        for bad in [mixed, json!({}), json!({ PRIVATE: "AAAA", PUBLIC: "AAAA" }), json!({ PRIVATE: 1 }), Value::Null] {
            assert!(KeyPair::of_secret(&bad).is_none());
        }
    }

    #[test]
    fn the_private_key_is_not_shown() {
        let pair = KeyPair(SigningKey::from_bytes(&[7; 32]));
        let shown = format!("{pair:?}");
        assert!(shown.contains(&pair.public_hex()) && !shown.contains("0707"), "{shown}");
        assert!(!format!("{pair:?}").contains("[7"));
    }
}
