//! What a [`Remote`] does as a store like any other.

use super::folder::random;
use super::remote::{Remote, generic, odd};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use std::fmt;
use std::ops::Range;
use wharf_contract::claim::{Answer, MAX_BODY, MAX_KEYS, Over, Request, Stat};

/// Pieces of one object that are on their way at a time.
const AHEAD: usize = 4;
const PIECE: u64 = MAX_BODY as u64;

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a volume that a pod serves")
    }
}

impl Remote {
    async fn simply(&self, about: &str, what: &Request, body: &Bytes) -> Result<()> {
        match self.ask(about, what, body).await? {
            (Answer::Done, _) => Ok(()),
            (other, _) => Err(odd(&other)),
        }
    }

    async fn stat(&self, key: &Path) -> Result<Stat> {
        match self.ask(key.as_ref(), &Request::Head { key: key.to_string() }, &Bytes::new()).await? {
            (Answer::There { stat }, _) => Ok(stat),
            (other, _) => Err(odd(&other)),
        }
    }

    async fn piece(&self, key: &Path, range: Range<u64>, of: Option<Stat>) -> Result<(Stat, Option<String>, Bytes)> {
        let (offset, length) = (range.start, range.end - range.start);
        let what = Request::Get { key: key.to_string(), offset, length, of };
        let (stat, tag, bytes) = match self.ask(key.as_ref(), &what, &Bytes::new()).await? {
            (Answer::Piece { stat, tag }, bytes) => (stat, tag, bytes),
            (other, _) => return Err(odd(&other)),
        };
        let expected = stat.size.min(range.end).saturating_sub(offset);
        match bytes.len() as u64 == expected {
            true => Ok((stat, tag, bytes.into())),
            false => Err(generic(format!("{} bytes of {expected} came", bytes.len()))),
        }
    }

    async fn page(&self, folder: Option<&Path>, after: Option<String>, deep: bool) -> Result<Page> {
        let folder = folder.map(ToString::to_string).unwrap_or_default();
        let what = Request::List { folder: folder.clone(), after, deep };
        match self.ask(&folder, &what, &Bytes::new()).await? {
            (Answer::Page { objects, folders, next }, _) => {
                let objects = objects.iter().map(|o| Ok(meta(Path::parse(&o.key)?, o.stat, None)));
                Ok(Page { objects: objects.collect::<Result<_>>()?, folders, next })
            }
            (other, _) => Err(odd(&other)),
        }
    }

    async fn upload(&self, key: &Path, payload: PutPayload) -> Result<PutResult> {
        let mut upload = self.begin(key)?;
        let sent = async {
            upload.put_part(payload).await?;
            upload.complete().await
        };
        let sent = sent.await;
        if sent.is_err() {
            drop(upload.abort().await);
        }
        sent
    }

    fn begin(&self, key: &Path) -> Result<Upload> {
        let name = random().map_err(generic)?;
        Ok(Upload { remote: self.clone(), key: key.clone(), name, size: 0 })
    }
}

struct Page {
    objects: Vec<ObjectMeta>,
    folders: Vec<String>,
    next: Option<String>,
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let over = match opts.mode {
            PutMode::Overwrite => Over::Anything,
            PutMode::Create => Over::Nothing,
            PutMode::Update(version) => match version.e_tag {
                Some(tag) => Over::Content { tag },
                None => return Err(Error::NotSupported { source: "the object is too large to be compared".into() }),
            },
        };
        if over == Over::Anything && payload.content_length() > MAX_BODY {
            return self.upload(location, payload).await;
        }
        self.simply(location.as_ref(), &Request::Put { key: location.to_string(), over }, &payload.into()).await?;
        Ok(kept())
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(self.begin(location)?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head || options.range.is_some() {
            let stat = self.stat(location).await?;
            let range = match options.range.as_ref().filter(|_| !options.head) {
                Some(range) => range.as_range(stat.size).map_err(generic)?,
                None => 0..0,
            };
            return Ok(self.result(location, meta(location.clone(), stat, None), Bytes::new(), range));
        }
        let (stat, tag, first) = self.piece(location, 0..PIECE, None).await?;
        Ok(self.result(location, meta(location.clone(), stat, tag), first, 0..stat.size))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let remote = self.clone();
        let deleted = locations.try_chunks(MAX_KEYS).then(move |chunk| {
            let remote = remote.clone();
            async move {
                let chunk = chunk.map_err(|e| e.1)?;
                let keys: Vec<_> = chunk.iter().map(ToString::to_string).collect();
                let about = keys.first().cloned().unwrap_or_default();
                remote.simply(&about, &Request::Delete { keys }, &Bytes::new()).await?;
                Ok::<_, Error>(stream::iter(chunk.into_iter().map(Ok)))
            }
        });
        deleted.try_flatten().boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let first = (self.clone(), prefix.cloned(), Some(None));
        let pages = stream::try_unfold(first, async |(remote, folder, after): (Remote, Option<Path>, _)| {
            let Some(after) = after else { return Ok::<_, Error>(None) };
            let Page { objects, next, .. } = remote.page(folder.as_ref(), after, true).await?;
            let next = next.map(Some);
            Ok(Some((stream::iter(objects.into_iter().map(Ok)), (remote, folder, next))))
        });
        pages.try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut all =
            ListResult { common_prefixes: Vec::new(), objects: Vec::new(), extensions: Extensions::default() };
        let mut after = None;
        loop {
            let Page { objects, folders, next } = self.page(prefix, after, false).await?;
            all.objects.extend(objects);
            let whole = |name: String| prefix.cloned().unwrap_or_default().join(name);
            all.common_prefixes.extend(folders.into_iter().map(whole));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        match options.mode {
            CopyMode::Overwrite => {
                let what = Request::Copy { from: from.to_string(), to: to.to_string() };
                self.simply(from.as_ref(), &what, &Bytes::new()).await
            }
            CopyMode::Create => Err(Error::NotSupported { source: "a copy only where nothing is".into() }),
        }
    }
}

impl Remote {
    /// An object, of which `first` was fetched already.
    fn result(&self, key: &Path, meta: ObjectMeta, first: Bytes, range: Range<u64>) -> GetResult {
        let of = Stat { size: meta.size, modified: meta.last_modified.timestamp_micros() };
        let begin = range.start + first.len() as u64;
        let (remote, key, end) = (self.clone(), key.clone(), range.end);
        let rest = (begin..end).step_by(MAX_BODY).map(move |at| {
            let (remote, key) = (remote.clone(), key.clone());
            async move { remote.piece(&key, at..end.min(at + PIECE), Some(of)).await.map(|(.., bytes)| bytes) }
        });
        let bytes = stream::iter((!first.is_empty()).then_some(Ok(first)));
        let payload = GetResultPayload::Stream(bytes.chain(stream::iter(rest).buffered(AHEAD)).boxed());
        GetResult { payload, meta, range, attributes: Default::default(), extensions: Extensions::default() }
    }
}

/// An object on its way.
#[derive(Debug)]
struct Upload {
    remote: Remote,
    key: Path,
    name: String,
    /// Bytes of the parts so far.
    size: u64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut at = self.size;
        self.size += data.content_length() as u64;
        let (remote, key, upload) = (self.remote.clone(), self.key.clone(), self.name.clone());
        async move {
            for mut bytes in data {
                while !bytes.is_empty() {
                    let piece = bytes.split_to(bytes.len().min(MAX_BODY));
                    let what = Request::Part { upload: upload.clone(), offset: at };
                    remote.simply(key.as_ref(), &what, &piece).await?;
                    at += piece.len() as u64;
                }
            }
            Ok(())
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (upload, key, size) = (self.name.clone(), self.key.to_string(), self.size);
        if size == 0 {
            self.remote.simply(&key, &Request::Part { upload: upload.clone(), offset: 0 }, &Bytes::new()).await?;
        }
        match self.remote.finish(&key, &Request::Finish { upload, key: key.clone(), size }).await? {
            true => Ok(kept()),
            // An answer that was lost: the upload is gone because it was finished.
            false if self.remote.stat(&self.key).await?.size == size => Ok(kept()),
            false => Err(generic("its pieces are gone")),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        let what = Request::Abort { upload: self.name.clone() };
        self.remote.simply(self.key.as_ref(), &what, &Bytes::new()).await
    }
}

fn meta(location: Path, stat: Stat, e_tag: Option<String>) -> ObjectMeta {
    let last_modified = chrono::DateTime::from_timestamp_micros(stat.modified).unwrap_or_default();
    ObjectMeta { location, last_modified, size: stat.size, e_tag, version: None }
}

fn kept() -> PutResult {
    PutResult { e_tag: None, version: None, extensions: Extensions::default() }
}
