use crate::claim::Remote;
use crate::settings::Settings;
use crate::{Digest, Error, store};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_contract::StoreLocation;

/// Largest object that a store copies by itself in one request.
const MAX_COPY: u64 = 5 << 30;

/// One tenant's, or the operator's, part of an object store or a folder.
///
/// Failures that may pass are tried again, with pauses that grow, for about a minute; then they are
/// [`Error::Unavailable`]. To clone it is cheap.
#[derive(Clone, Debug)]
pub struct Depot {
    pub(crate) store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// The folder, where it is one.
    pub(crate) folder: Option<PathBuf>,
}

/// An object of a depot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Below the depot's prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Microseconds since the Unix epoch by the clock of the store: to be compared with others of it, not with ours.
    pub modified: i64,
}

/// What a copy found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// Nothing of that size; now it is there.
    Now,
    /// It had been copied before.
    Before,
}

impl Depot {
    /// The depot at this location. `credentials` is a folder in which each file is one setting, named as the environment
    /// variable is that holds it elsewhere (`AWS_SECRET_ACCESS_KEY`, `GOOGLE_SERVICE_ACCOUNT_KEY`,
    /// `AZURE_STORAGE_ACCOUNT_KEY`, and `CA_BUNDLE` with certificates in PEM that are trusted besides Mozilla's); without
    /// it the environment counts. `endpoint` stands in for the location's own where the store is seen from elsewhere.
    ///
    /// Nothing is sent before the first request, so a store that is out of reach is not noticed here. The requests need a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`Error::Settings`] or [`Error::Local`].
    pub fn open(location: &StoreLocation, credentials: Option<&Path>, endpoint: Option<&str>) -> Result<Depot, Error> {
        let (settings, folder) = match location {
            StoreLocation::Folder { path } => (Settings::default(), Some(path.clone())),
            _ => (Settings::read(credentials)?, None),
        };
        let (store, prefix) = store::open(location, &settings, endpoint)?;
        let prefix = Key::parse(&prefix)
            .map_err(|e| Error::Settings(format!("the store's prefix `{prefix}` cannot be used: {e}")))?;
        Ok(Depot { store, prefix, folder })
    }

    /// The depot in a volume that somebody else serves.
    #[must_use]
    pub fn remote(remote: Remote) -> Depot {
        Depot { store: Arc::new(remote), prefix: Key::default(), folder: None }
    }

    /// The whole key of the store.
    pub(crate) fn key(&self, key: &str) -> Result<Key, Error> {
        let below = Key::parse(key).map_err(|e| Error::Settings(format!("`{key}` is no key of a store: {e}")))?;
        Ok(self.prefix.parts().chain(below.parts()).collect())
    }

    fn object(&self, meta: &object_store::ObjectMeta) -> Option<Object> {
        let below: Key = meta.location.prefix_match(&self.prefix)?.collect();
        let modified = meta.last_modified.timestamp_micros();
        Some(Object { key: below.into(), size: meta.size, modified })
    }

    /// Keeps these bytes, over whatever was there.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unavailable`].
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let whole = self.key(key)?;
        self.store.put(&whole, bytes.into()).await.map(drop).map_err(|e| Error::of(key, e))
    }

    /// The object's bytes, of which there may be `max`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn get(&self, key: &str, max: u64) -> Result<Vec<u8>, Error> {
        let whole = self.key(key)?;
        let of = |e| Error::of(key, e);
        let got = self.store.get(&whole).await.map_err(of)?;
        if got.meta.size > max {
            return Err(Error::TooLarge { key: key.to_owned(), max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(got.meta.size).unwrap_or(0));
        let mut stream = got.into_stream();
        while let Some(chunk) = stream.try_next().await.map_err(of)? {
            if (bytes.len() + chunk.len()) as u64 > max {
                return Err(Error::TooLarge { key: key.to_owned(), max });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// As [`Depot::get`], of an object whose content is known.
    ///
    /// # Errors
    /// Those of [`Depot::get`], and [`Error::Different`].
    pub async fn get_checked(&self, key: &str, max: u64, expected: &Digest) -> Result<Vec<u8>, Error> {
        let bytes = self.get(key, max).await?;
        let found = Digest::of(&bytes);
        if found != *expected {
            return Err(Error::Different { key: key.to_owned(), expected: *expected, found });
        }
        Ok(bytes)
    }

    /// The object, if it is there.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unavailable`].
    pub async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        match self.store.head(&self.key(key)?).await.map_err(|e| Error::of(key, e)) {
            Ok(meta) => Ok(self.object(&meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Copies an object of `size` bytes within the store, without its bytes coming by here. Where the target is there
    /// with that size already, nothing is done: for objects that are named by their content.
    ///
    /// # Errors
    /// [`Error::NotFound`] where neither is there, [`Error::Denied`], [`Error::Unavailable`].
    pub async fn copy(&self, from: &str, to: &str, size: u64) -> Result<Copied, Error> {
        if self.head(to).await?.is_some_and(|there| there.size == size) {
            return Ok(Copied::Before);
        }
        let (source, target) = (self.key(from)?, self.key(to)?);
        if size > MAX_COPY {
            return self.copy_through(from, to).await.map(|()| Copied::Now);
        }
        match self.store.copy(&source, &target).await {
            Ok(()) => Ok(Copied::Now),
            Err(e @ object_store::Error::NotFound { .. }) => Err(Error::of(from, e)),
            // A file system that knows no hard links.
            Err(_) if self.folder.is_some() => self.copy_through(from, to).await.map(|()| Copied::Now),
            Err(e) => Err(Error::of(from, e)),
        }
    }

    /// All objects below a folder of keys, in no order; pages are fetched as the stream is read. Nothing is no error.
    ///
    /// # Errors
    /// In the stream: [`Error::Denied`], [`Error::Unavailable`].
    pub fn list(&self, folder: &str) -> impl Stream<Item = Result<Object, Error>> + Send + use<> {
        let depot = self.clone();
        let shown = folder.to_owned();
        let all = match self.key(folder) {
            Ok(whole) => self.store.list(Some(&whole)).map_err(move |e| Error::of(&shown, e)).boxed(),
            Err(e) => futures_util::stream::once(async { Err(e) }).boxed(),
        };
        all.try_filter_map(move |meta| {
            let object = depot.object(&meta);
            async move { Ok(object) }
        })
    }

    /// Names of the folders that lie directly in a folder of keys, for example the runs that have logs.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unavailable`].
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let whole = self.key(folder)?;
        let found = self.store.list_with_delimiter(Some(&whole)).await.map_err(|e| Error::of(folder, e))?;
        Ok(found.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned)).collect())
    }

    /// Deletes objects, many in one request where the store can. What is not there counts as deleted.
    ///
    /// # Errors
    /// The first of [`Error::Denied`], [`Error::Unavailable`]: some may be left, others are gone.
    pub async fn delete(&self, keys: Vec<String>) -> Result<(), Error> {
        let mut whole = Vec::with_capacity(keys.len());
        for key in &keys {
            whole.push(Ok(self.key(key)?));
        }
        let first = keys.first().map_or("", String::as_str);
        let mut deleted = self.store.delete_stream(futures_util::stream::iter(whole).boxed());
        let mut failed = None;
        while let Some(one) = deleted.next().await {
            match one.map_err(|e| Error::of(first, e)) {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Deletes all objects below a folder of keys, and says how many.
    ///
    /// # Errors
    /// As [`Depot::delete`] and [`Depot::list`].
    pub async fn delete_folder(&self, folder: &str) -> Result<u64, Error> {
        let mut pages = self.list(folder).map_ok(|o| o.key).try_chunks(1000).boxed();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| e.1)?;
            count += page.len() as u64;
            self.delete(page).await?;
        }
        Ok(count)
    }
}
