//! The bytes of an artifact, from wherever it lies: the state folder, else its tenant's store.

use super::Artifacts;
use crate::depots::{Depots, DepotsError};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use std::fs::File;
use std::io::{self, Read as _};
use wharf_depot::{Digest, keys};

/// Bytes that are read from a file at one time.
const CHUNK: usize = 256 << 10;

/// Bytes as they come. Nobody has checked that they are those of the artifact.
pub type Content = BoxStream<'static, Result<Vec<u8>, ContentError>>;

/// Why an artifact cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It is in none of the places where it could be.
    #[error("the artifact {0} is not there any more")]
    Gone(String),
    /// Its tenant's store cannot be used.
    #[error(transparent)]
    Depots(#[from] DepotsError),
    /// The store's words.
    #[error("the artifact cannot be read from the tenant's store: {0}")]
    Store(#[from] wharf_depot::Error),
    /// The file's.
    #[error("the artifact's file cannot be read: {0}")]
    File(#[from] io::Error),
}

impl Artifacts {
    /// Opens an artifact: its size in bytes, and its content.
    ///
    /// # Errors
    /// [`ContentError`], also in the content.
    pub async fn open(&self, depots: &Depots, tenant: &str, digest: &str) -> Result<(u64, Content), ContentError> {
        let gone = || ContentError::Gone(digest.to_owned());
        let (Some(path), Some(parsed)) = (self.path(tenant, digest), Digest::parse(digest)) else { return Err(gone()) };
        let opened = tokio::task::spawn_blocking(move || File::open(path).and_then(|f| Ok((f.metadata()?.len(), f))));
        match opened.await.map_err(io::Error::other)? {
            Ok((size, file)) => return Ok((size, of_file(file))),
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            Err(_) if !depots.has(tenant) => return Err(gone()),
            Err(_) => {}
        }
        match depots.tenant(tenant).await?.read(&keys::artifact(&parsed)).await {
            Ok((size, bytes)) => Ok((size, bytes.map_ok(Into::into).map_err(ContentError::from).boxed())),
            Err(wharf_depot::Error::NotFound { .. }) => Err(gone()),
            Err(e) => Err(e.into()),
        }
    }
}

fn of_file(file: File) -> Content {
    let next = |mut file: File| async {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::new();
            (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).map(|_| (chunk, file))
        });
        let (chunk, file) = read.await.map_err(io::Error::other)??;
        Ok((!chunk.is_empty()).then_some((chunk, file)))
    };
    futures_util::stream::try_unfold(file, next).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use std::path::Path;
    use std::sync::Arc;
    use wharf_contract::StoreLocation;
    use wharf_core::plan::{ArtifactStore, Plan, Tenant};

    fn depots(store: Option<&Path>) -> Depots {
        let object = |path: &Path| ArtifactStore::Object {
            location: StoreLocation::Folder { path: path.into() },
            credentials: None,
            coordinator_endpoint: None,
            coordinator_credentials: None,
        };
        let tenant = Tenant { name: "acme".into(), artifact_store: store.map(object), ..samples::tenant() };
        let plan = Plan { tenants: [("acme".into(), Arc::new(tenant))].into(), ..Plan::default() };
        Depots::of(Arc::new(plan), "0a")
    }

    async fn read(artifacts: &Artifacts, depots: &Depots, digest: &Digest) -> Result<Vec<u8>, ContentError> {
        let (size, content) = artifacts.open(depots, "acme", &digest.to_string()).await?;
        let bytes: Vec<u8> = content.try_concat().await?;
        assert_eq!(bytes.len() as u64, size);
        Ok(bytes)
    }

    #[tokio::test]
    async fn an_artifact_is_read_from_the_folder_else_from_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::new(dir.path());
        let (local, stored) = (vec![7; 3 * CHUNK + 1], b"stored".to_vec());
        let path = artifacts.path("acme", &Digest::of(&local).to_string()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &local).unwrap();
        let store = dir.path().join("store");
        let (with, without) = (depots(Some(&store)), depots(None));
        let key = keys::artifact(&Digest::of(&stored));
        with.tenant("acme").await.unwrap().put(&key, stored.clone()).await.unwrap();
        for depots in [&with, &without] {
            assert_eq!(read(&artifacts, depots, &Digest::of(&local)).await.unwrap(), local);
        }
        assert_eq!(read(&artifacts, &with, &Digest::of(&stored)).await.unwrap(), stored);
        for (depots, digest) in [(&without, Digest::of(&stored)), (&with, Digest::of(b"never"))] {
            let failed = read(&artifacts, depots, &digest).await.unwrap_err();
            assert!(matches!(failed, ContentError::Gone(_)), "{failed}");
        }
    }
}
