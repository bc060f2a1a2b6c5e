//! Compare and set, on one object.

use crate::claim::put_if;
use crate::{Depot, Digest, Error};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use object_store::{ObjectStore as _, PutMode, PutOptions, UpdateVersion};
use std::path::Path;

/// Names one state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// As the store names it.
    Store(UpdateVersion),
    /// A folder has no names for states: the content's digest.
    Content(Digest),
}

impl Depot {
    /// The object's bytes, of which there may be `max`, with the tag that [`Depot::put_if`] compares; nothing where it is
    /// not there.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn get_tagged(&self, key: &str, max: u64) -> Result<Option<(Vec<u8>, Tag)>, Error> {
        if self.folder.is_some() {
            return match self.get(key, max).await {
                Ok(bytes) => {
                    let tag = Tag(State::Content(Digest::of(&bytes)));
                    Ok(Some((bytes, tag)))
                }
                Err(Error::NotFound { .. }) => Ok(None),
                Err(e) => Err(e),
            };
        }
        let whole = self.key(key)?;
        let got = match self.store.get_opts(&whole, object_store::GetOptions::default()).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(Error::of(key, e)),
        };
        if got.meta.size > max {
            return Err(Error::TooLarge { key: key.to_owned(), max });
        }
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|e| Error::of(key, e))?;
        Ok(Some((bytes.to_vec(), Tag(State::Store(version)))))
    }

    /// Keeps these bytes if the object is still as `seen` says: not there, or as it was when it was read.
    ///
    /// Where the store's answer was lost on its way, what was written may be found as somebody else's change: a caller
    /// that can tell its own bytes should read again.
    ///
    /// # Errors
    /// [`Error::Changed`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn put_if(&self, key: &str, bytes: Vec<u8>, seen: Option<&Tag>) -> Result<(), Error> {
        let whole = self.key(key)?;
        if let Some(folder) = &self.folder {
            let (key, seen, folder) = (key.to_owned(), seen.cloned(), folder.clone());
            let done =
                tokio::task::spawn_blocking(move || put_file_if(&key, &folder, whole.as_ref(), &bytes, seen.as_ref()));
            return done.await.map_err(|e| Error::Local(format!("cannot write a checkpoint: {e}")))?;
        }
        let mode = match seen {
            None => PutMode::Create,
            Some(Tag(State::Store(version))) => PutMode::Update(version.clone()),
            Some(Tag(State::Content(_))) => return Err(Error::Changed { key: key.to_owned() }),
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        let put = self.store.put_opts(&whole, bytes.into(), options).await;
        put.map(drop).map_err(|e| match e {
            // It was read, and is gone.
            object_store::Error::NotFound { .. } => Error::Changed { key: key.to_owned() },
            e => Error::of(key, e),
        })
    }
}

fn put_file_if(key: &str, folder: &Path, whole: &str, bytes: &[u8], seen: Option<&Tag>) -> Result<(), Error> {
    let seen = match seen {
        None => None,
        Some(Tag(State::Content(digest))) => Some(digest),
        Some(Tag(State::Store(_))) => return Err(Error::Changed { key: key.to_owned() }),
    };
    let written = Dir::open_ambient_dir(folder, ambient_authority()).and_then(|dir| {
        if let Some((parent, _)) = whole.rsplit_once('/') {
            dir.create_dir_all(parent)?;
        }
        put_if(&dir, whole, bytes, seen)
    });
    match written {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Changed { key: key.to_owned() }),
        Err(e) => Err(Error::local("write the checkpoint", &folder.join(whole), e)),
    }
}
