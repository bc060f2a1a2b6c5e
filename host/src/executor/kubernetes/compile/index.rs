use super::depot_failure;
use crate::executor::Failure;
use sha2::{Digest as _, Sha256};
use wharf_contract::pod::{PodReport, StoredObject};
use wharf_core::plan::Kubernetes;
use wharf_depot::{Depot, Digest, Error, keys};

/// Bytes that a note may have.
const MAX_NOTE: u64 = 4096;

/// Notes in the operator's store of what was compiled: the coordinator does not know how an engine calls itself, but that the
/// same image on the same architecture has the same one.
#[derive(Debug)]
pub(super) struct Index {
    /// Stands for engine and key.
    engine: String,
}

impl Index {
    pub(super) fn new(settings: &Kubernetes, public_key: &str) -> Index {
        let mut hash = Sha256::new();
        for part in [settings.image.as_str(), &settings.architecture, public_key] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Index { engine: hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect() }
    }

    /// What stands for the engine: 16 hex digits.
    pub(super) fn engine(&self) -> &str {
        &self.engine
    }

    fn key(&self, component: &str) -> String {
        let hex = component.strip_prefix("sha256:").unwrap_or(component);
        format!("{}/index/{}/{hex}.json", keys::COMPILED, self.engine)
    }

    /// The compiled form of a component, if it was compiled before and still lies there.
    pub(super) async fn find(&self, depot: &Depot, component: &str) -> Result<Option<StoredObject>, Failure> {
        let found = async {
            let Some(object) = read(depot, &self.key(component)).await? else { return Ok(None) };
            let there = depot.head(&object.key).await?;
            Ok(there.is_some_and(|there| there.size == object.size).then_some(object))
        };
        found.await.map_err(|e| depot_failure(&e))
    }

    /// Notes where the compiled form of a component lies.
    pub(super) async fn put(&self, depot: &Depot, component: &str, object: &StoredObject) -> Result<(), Failure> {
        write(depot, &self.key(component), object).await.map_err(|e| depot_failure(&e))
    }
}

/// Reads a note; what is none of ours counts as not there.
pub(super) async fn read(depot: &Depot, key: &str) -> Result<Option<StoredObject>, Error> {
    let bytes = match depot.get(key, MAX_NOTE).await {
        Ok(bytes) => bytes,
        Err(Error::NotFound { .. } | Error::TooLarge { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    Ok(match serde_json::from_slice(&bytes) {
        Ok(PodReport::Compiled { object }) if Digest::parse(&object.digest).is_some() => Some(object),
        _ => None,
    })
}

/// Writes a note.
pub(super) async fn write(depot: &Depot, key: &str, object: &StoredObject) -> Result<(), Error> {
    let report = PodReport::Compiled { object: object.clone() };
    let bytes = serde_json::to_vec(&report).map_err(|e| Error::Local(format!("a note cannot be written: {e}")))?;
    depot.put(key, bytes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::kubernetes::manifest::tests::settings;

    #[tokio::test]
    async fn what_was_compiled_is_found_again_by_the_same_engine_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let location = wharf_contract::StoreLocation::Folder { path: dir.path().to_owned() };
        let depot = Depot::open(&location, None, None).unwrap();
        let component = Digest::of(b"component").to_string();
        let index = Index::new(&settings(), "aa");
        assert_eq!(index.engine().len(), 16);
        assert_eq!(index.find(&depot, &component).await.unwrap(), None);

        let object =
            StoredObject { key: "compiled/x/1.cwasm".into(), digest: Digest::of(b"code").to_string(), size: 4 };
        index.put(&depot, &component, &object).await.unwrap();
        assert_eq!(index.find(&depot, &component).await.unwrap(), None, "the object is not there");
        depot.put(&object.key, b"code".to_vec()).await.unwrap();
        assert_eq!(index.find(&depot, &component).await.unwrap(), Some(object.clone()));

        let mut other = settings();
        other.image.push('2');
        for index in [Index::new(&other, "aa"), Index::new(&settings(), "ab")] {
            assert_eq!(index.find(&depot, &component).await.unwrap(), None);
        }
        depot.put(&object.key, b"longer".to_vec()).await.unwrap();
        assert_eq!(index.find(&depot, &component).await.unwrap(), None, "another object");
        depot.put(&index.key(&component), b"{\"notCompiled\":1}".to_vec()).await.unwrap();
        assert_eq!(index.find(&depot, &component).await.unwrap(), None, "no note");
    }
}
