use super::{PartitionError, Partitions};
use crate::schedule::{nearest, shown};
use serde::{Deserialize, Serialize};

/// Partitions that are no time: a list of keys, each a word, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Keys(Vec<String>);

impl Keys {
    /// The longest key, in bytes.
    pub const LONGEST: usize = 63;

    /// Checks a list of keys: 1 to [`Partitions::MOST`], no two alike, each 1 to 63 of `[A-Za-z0-9._-]` with a letter or
    /// digit first.
    ///
    /// # Errors
    /// The list or one of its keys is not such.
    pub fn new(keys: Vec<String>) -> Result<Keys, PartitionError> {
        if keys.is_empty() || keys.len() as u64 > Partitions::MOST {
            return Err(PartitionError::Count { count: keys.len(), most: Partitions::MOST });
        }
        if let Some(key) = keys.iter().find(|key| !is_key(key)) {
            return Err(PartitionError::Key { key: shown(key), most: Keys::LONGEST });
        }
        let mut seen = std::collections::HashSet::with_capacity(keys.len());
        if let Some(key) = keys.iter().find(|key| !seen.insert(key.as_str())) {
            return Err(PartitionError::Twice { key: key.clone() });
        }
        Ok(Keys(keys))
    }

    /// The keys.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Where a key stands on the list.
    pub(super) fn position(&self, key: &str) -> Result<usize, PartitionError> {
        self.0.iter().position(|k| k == key).ok_or_else(|| PartitionError::Unknown {
            key: shown(key),
            near: nearest(&shown(key), self.0.iter().map(String::as_str)).map(str::to_owned),
        })
    }
}

fn is_key(key: &str) -> bool {
    (1..=Keys::LONGEST).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && key.as_bytes()[0].is_ascii_alphanumeric()
}

impl From<Keys> for Vec<String> {
    fn from(keys: Keys) -> Vec<String> {
        keys.0
    }
}

impl TryFrom<Vec<String>> for Keys {
    type Error = PartitionError;

    fn try_from(keys: Vec<String>) -> Result<Keys, PartitionError> {
        Keys::new(keys)
    }
}
