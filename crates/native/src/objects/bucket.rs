//! A bucket as this program uses it: whole objects, large ones in parts, writes on a condition, lists in order.

use super::location::Location;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart};
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A part of a bucket.
#[derive(Debug)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Runtime,
}

/// Which write of an object one has seen.
#[derive(Debug, Clone)]
pub struct Version(UpdateVersion);

/// Why a bucket could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The bucket, or what leads to it.
    #[error("the bucket cannot be used: {}", plain(.0))]
    Store(#[from] object_store::Error),
    /// The bytes to keep.
    #[error("could not read the bytes to keep: {0}")]
    Source(io::Error),
    /// This machine.
    #[error("could not start: {0}")]
    Start(io::Error),
}

impl From<BucketError> for io::Error {
    fn from(error: BucketError) -> io::Error {
        match error {
            BucketError::Source(error) | BucketError::Start(error) => error,
            error @ BucketError::Store(_) => io::Error::other(error.to_string()),
        }
    }
}

/// A part of a large object, in bytes: S3 takes ten thousand of them, none but the last below 5 MiB.
pub(super) const PART: usize = 8 << 20;
/// So many parts are under way at once.
const PARTS: usize = 4;

/// In one line: what the server said comes as XML over several.
fn plain(error: &object_store::Error) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

impl Bucket {
    /// The bucket at `location`; where the server is and who asks is in the usual `AWS_*` variables.
    ///
    /// # Errors
    ///
    /// [`BucketError`] if the variables make no sense. Nothing is asked of the server yet.
    pub fn at(location: &Location, variables: &[(String, String)]) -> Result<Bucket, BucketError> {
        // Fails only if there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::new().with_region("us-east-1");
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("AWS_")) {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        // Who writes `http://` has decided: a server on the same machine or network.
        let is_plain = |(name, value): &(String, String)| {
            matches!(
                name.as_str(),
                "AWS_ENDPOINT_URL" | "AWS_ENDPOINT_URL_S3" | "AWS_ENDPOINT"
            ) && value.starts_with("http://")
        };
        let builder = builder
            .with_allow_http(variables.iter().any(is_plain))
            .with_bucket_name(&location.bucket);
        Bucket::of(Arc::new(builder.build()?), &location.prefix)
    }

    /// A bucket that is any store of objects.
    ///
    /// # Errors
    ///
    /// [`BucketError::Start`].
    pub fn of(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Bucket, BucketError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(BucketError::Start)?;
        Ok(Bucket {
            objects,
            prefix: Path::from(prefix),
            runtime,
        })
    }

    /// The bytes of an object, and which write they are of. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`BucketError`]; so for every method.
    pub fn get(&self, key: &str) -> Result<Option<(Bytes, Version)>, BucketError> {
        let path = self.path(key);
        self.runtime.block_on(async {
            let found = match self.objects.get(&path).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                other => other?,
            };
            let version = Version(UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            });
            Ok(Some((found.bytes().await?, version)))
        })
    }

    /// How many bytes an object has.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn size(&self, key: &str) -> Result<Option<u64>, BucketError> {
        match self.runtime.block_on(self.objects.head(&self.path(key))) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of an object, as they come.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn open(&self, key: &str) -> Result<Option<impl BufRead + '_>, BucketError> {
        match self.runtime.block_on(self.objects.get(&self.path(key))) {
            Ok(found) => Ok(Some(Pieces {
                coming: found.into_stream().boxed(),
                runtime: &self.runtime,
                piece: Bytes::new(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object, whatever was there.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<(), BucketError> {
        let payload = PutPayload::from(bytes.into());
        self.runtime.block_on(self.objects.put(&self.path(key), payload))?;
        Ok(())
    }

    /// Writes an object if none is there; whether it did.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn create(&self, key: &str, bytes: impl Into<Bytes>) -> Result<bool, BucketError> {
        self.put_if(key, bytes.into(), PutMode::Create)
    }

    /// Writes an object if it is still the one that was read; whether it did.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn replace(&self, key: &str, bytes: impl Into<Bytes>, seen: Version) -> Result<bool, BucketError> {
        self.put_if(key, bytes.into(), PutMode::Update(seen.0))
    }

    /// Writes everything that `source` has: at once if it is small, in parts if it is not. An object has its name only when
    /// all its parts are there.
    ///
    /// # Errors
    ///
    /// As above, and [`BucketError::Source`]; then there is no object.
    pub fn upload(&self, key: &str, source: &mut dyn Read) -> Result<(), BucketError> {
        let mut piece = read_part(source)?;
        if piece.len() < PART {
            return self.put(key, piece);
        }
        let upload = self.runtime.block_on(self.objects.put_multipart(&self.path(key)))?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, PART);
        while !piece.is_empty() {
            let next = self.runtime.block_on(async {
                writing.wait_for_capacity(PARTS).await?;
                // Starts the part on this runtime.
                writing.put(piece.into());
                Ok::<_, object_store::Error>(())
            });
            let read = match next {
                Ok(()) => read_part(source),
                Err(error) => Err(error.into()),
            };
            piece = match read {
                Ok(piece) => piece,
                Err(error) => {
                    // Parts without an object cost money until the bucket's own rules remove them.
                    let _ = self.runtime.block_on(writing.abort());
                    return Err(error);
                }
            };
        }
        self.runtime.block_on(writing.finish())?;
        Ok(())
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn remove(&self, key: &str) -> Result<(), BucketError> {
        match self.runtime.block_on(self.objects.delete(&self.path(key))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys that begin with the folder `folder`, without it, in byte order: at most `limit` after `after`.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn list(&self, folder: &str, after: &str, limit: usize) -> Result<Vec<String>, BucketError> {
        let folder = self.path(folder);
        let begin = format!("{folder}/");
        let found = if after.is_empty() {
            self.objects.list(Some(&folder))
        } else {
            let offset = Path::parse(format!("{begin}{after}")).map_err(object_store::Error::from)?;
            self.objects.list_with_offset(Some(&folder), &offset)
        };
        let keys: Vec<String> = self.runtime.block_on(
            found
                .map_ok(|meta| meta.location.as_ref().strip_prefix(&begin).map(str::to_owned))
                .try_filter_map(|key| std::future::ready(Ok(key)))
                .try_collect(),
        )?;
        // S3 lists in byte order; not every server that says it is one does.
        let mut keys: Vec<String> = keys.into_iter().filter(|key| key.as_str() > after).collect();
        keys.sort();
        keys.truncate(limit);
        Ok(keys)
    }

    fn put_if(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<bool, BucketError> {
        let options = PutOptions::from(mode);
        let path = self.path(key);
        match self
            .runtime
            .block_on(self.objects.put_opts(&path, bytes.into(), options))
        {
            Ok(_) => Ok(true),
            // Not found is what was to be replaced and is gone.
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. },
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, key: &str) -> Path {
        self.prefix.parts().chain(key.split('/').map(Into::into)).collect()
    }
}

/// As many bytes as a part has, or all there are.
fn read_part(source: &mut dyn Read) -> Result<Vec<u8>, BucketError> {
    let mut piece = Vec::new();
    source
        .take(PART as u64)
        .read_to_end(&mut piece)
        .map_err(BucketError::Source)?;
    Ok(piece)
}

/// An object that is being read.
struct Pieces<'a> {
    coming: futures_util::stream::BoxStream<'static, object_store::Result<Bytes>>,
    runtime: &'a Runtime,
    piece: Bytes,
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.coming.next()) {
                Some(piece) => self.piece = piece.map_err(|error| io::Error::other(plain(&error)))?,
                None => break,
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, count: usize) {
        let _ = self.piece.split_to(count);
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
