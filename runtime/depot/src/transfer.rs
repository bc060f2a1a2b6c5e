//! Between files and objects, of any size, with a few megabytes of memory.

use crate::{Depot, Digest, Error, Hasher};
use futures_util::{Stream, TryStreamExt as _};
use object_store::{ObjectStoreExt as _, WriteMultipart};
use std::path::Path;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Smallest part of an object that is sent in parts, and the largest object that is sent in one.
const PART: u64 = 5 << 20;
/// Parts that a store takes of one object, with room to spare.
const MAX_PARTS: u64 = 9_000;
/// Parts that are on their way at a time.
const PARTS_AT_ONCE: usize = 2;

impl Depot {
    /// Keeps a file, over whatever was there, and makes sure that what is kept has this content.
    ///
    /// # Errors
    /// [`Error::Local`], [`Error::Different`] with nothing kept, [`Error::Denied`], [`Error::Unavailable`].
    pub async fn put_file(&self, key: &str, path: &Path, expected: &Digest) -> Result<(), Error> {
        let cannot = |e: std::io::Error| Error::local("read", path, e);
        let mut file = File::open(path).await.map_err(cannot)?;
        let size = file.metadata().await.map_err(cannot)?.len();
        if size <= PART {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            file.take(PART + 1).read_to_end(&mut bytes).await.map_err(cannot)?;
            same(key, expected, Digest::of(&bytes))?;
            return self.put(key, bytes).await;
        }
        let part = usize::try_from(PART.max(size.div_ceil(MAX_PARTS))).unwrap_or(usize::MAX);
        let mut to = self.multipart(key, part).await?;
        let sent = async {
            let mut hasher = Hasher::new();
            let mut chunk = vec![0; 256 << 10];
            loop {
                let n = file.read(&mut chunk).await.map_err(cannot)?;
                if n == 0 {
                    return same(key, expected, hasher.finish());
                }
                hasher.update(&chunk[..n]);
                to.wait_for_capacity(PARTS_AT_ONCE).await.map_err(|e| Error::of(key, e))?;
                to.write(&chunk[..n]);
            }
        }
        .await;
        finish(key, to, sent).await
    }

    /// Writes an object to a file that is not there yet, and makes sure of its content. A file that is there afterwards
    /// is whole.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::Different`], [`Error::Local`], [`Error::Denied`],
    /// [`Error::Unavailable`].
    pub async fn get_file(&self, key: &str, path: &Path, max: u64, expected: &Digest) -> Result<(), Error> {
        let temp = path.with_extension("part");
        let done = async {
            let found = self.fetch(key, &temp, max).await?;
            same(key, expected, found)?;
            tokio::fs::rename(&temp, path).await.map_err(|e| Error::local("write", path, e))
        }
        .await;
        if done.is_err() {
            drop(tokio::fs::remove_file(&temp).await);
        }
        done
    }

    /// The object's size in bytes, and its bytes as they come. Nobody has checked them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`]; also in the stream.
    pub async fn read(
        &self,
        key: &str,
    ) -> Result<(u64, impl Stream<Item = Result<impl Into<Vec<u8>> + use<>, Error>> + Send + use<>), Error> {
        let got = self.store.get(&self.key(key)?).await.map_err(|e| Error::of(key, e))?;
        let (size, key) = (got.meta.size, key.to_owned());
        Ok((size, got.into_stream().map_err(move |e| Error::of(&key, e))))
    }

    async fn fetch(&self, key: &str, path: &Path, max: u64) -> Result<Digest, Error> {
        let cannot = |e: std::io::Error| Error::local("write", path, e);
        let of = |e| Error::of(key, e);
        let too_large = || Error::TooLarge { key: key.to_owned(), max };
        let got = self.store.get(&self.key(key)?).await.map_err(of)?;
        if got.meta.size > max {
            return Err(too_large());
        }
        let mut file = File::create(path).await.map_err(cannot)?;
        let mut hasher = Hasher::new();
        let mut left = max;
        let mut stream = got.into_stream();
        while let Some(chunk) = stream.try_next().await.map_err(of)? {
            left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(cannot)?;
        }
        file.flush().await.map_err(cannot)?;
        Ok(hasher.finish())
    }

    /// Copies an object with its bytes coming by here: where the store cannot do it by itself.
    pub(crate) async fn copy_through(&self, from: &str, to: &str) -> Result<(), Error> {
        let got = self.store.get(&self.key(from)?).await.map_err(|e| Error::of(from, e))?;
        let part = usize::try_from(PART.max(got.meta.size.div_ceil(MAX_PARTS))).unwrap_or(usize::MAX);
        let mut target = self.multipart(to, part).await?;
        let mut stream = got.into_stream();
        let sent = async {
            while let Some(chunk) = stream.try_next().await.map_err(|e| Error::of(from, e))? {
                target.wait_for_capacity(PARTS_AT_ONCE).await.map_err(|e| Error::of(to, e))?;
                target.put(chunk);
            }
            Ok(())
        }
        .await;
        finish(to, target, sent).await
    }

    async fn multipart(&self, key: &str, part: usize) -> Result<WriteMultipart, Error> {
        let upload = self.store.put_multipart(&self.key(key)?).await.map_err(|e| Error::of(key, e))?;
        Ok(WriteMultipart::new_with_chunk_size(upload, part))
    }
}

async fn finish(key: &str, upload: WriteMultipart, sent: Result<(), Error>) -> Result<(), Error> {
    match sent {
        Ok(()) => upload.finish().await.map(drop).map_err(|e| Error::of(key, e)),
        Err(e) => {
            // Parts of an upload that nobody ends are paid for.
            drop(upload.abort().await);
            Err(e)
        }
    }
}

fn same(key: &str, expected: &Digest, found: Digest) -> Result<(), Error> {
    if found == *expected {
        return Ok(());
    }
    Err(Error::Different { key: key.to_owned(), expected: *expected, found })
}
