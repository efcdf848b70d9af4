//! Blobs on their way in: in one request, in two, or in many.

use super::blobs::{empty, number};
use super::names::is_repository;
use super::records::Change;
use super::refusal::{Code, Refusal};
use super::route::read_digest;
use super::uploads::Upload;
use super::{Answered, Call, Server};
use crate::{Method, Response};
use oci::{AnyDigest, Digest, Time};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

impl Server {
    /// `POST /v2/<name>/blobs/uploads/`: mounts a blob, takes a whole one, or begins an upload.
    pub(super) fn start_upload(&self, call: &mut Call<'_, '_>) -> Answered {
        self.check_writable()?;
        if let Some(mount) = call.query.get("mount") {
            let name = read_digest(mount)?;
            if let Some(mounted) = self.mount(call, name)? {
                return Ok(mounted);
            }
        } else if let Some(digest) = call.query.get("digest") {
            let name = read_digest(digest)?;
            let id = self.begin(call)?;
            let outcome = self
                .receive(call, &id, 0)
                .and_then(|_| self.finish_upload(call, &id, name));
            if outcome.is_err() {
                self.uploads.remove(&id)?;
            }
            return outcome;
        }
        let id = self.begin(call)?;
        Ok(self.progress(202, call, &id, 0))
    }

    /// Everything on `/v2/<name>/blobs/uploads/<id>`.
    pub(super) fn upload(&self, call: &mut Call<'_, '_>, id: &str) -> Answered {
        let is_change = !matches!(call.method, Method::Get | Method::Head);
        if is_change {
            self.check_writable()?;
        }
        let _claim = is_change.then(|| self.claim(id)).transpose()?;
        let unknown = || Refusal::new(Code::BlobUploadUnknown);
        let upload = self.uploads.find(id)?.ok_or_else(unknown)?;
        if upload.repository != call.repository {
            return Err(unknown());
        }
        match call.method {
            Method::Patch => {
                let size = self.receive(call, id, upload.size)?;
                Ok(self.progress(202, call, id, size))
            }
            Method::Put => self.end_upload(call, id, &upload),
            Method::Delete => {
                self.uploads.remove(id)?;
                let mut response = empty(204);
                response.headers.set("Docker-Upload-UUID", id);
                Ok(response)
            }
            _ => Ok(self.progress(204, call, id, upload.size)),
        }
    }

    /// The last request of an upload, with the last bytes or none. Without a digest it may be tried again.
    fn end_upload(&self, call: &mut Call<'_, '_>, id: &str, upload: &Upload) -> Answered {
        let digest = call.query.get("digest");
        let name = read_digest(digest.ok_or_else(|| Refusal::new(Code::DigestInvalid).detail("digest missing"))?)?;
        self.receive(call, id, upload.size)?;
        self.finish_upload(call, id, name)
    }

    /// Makes an upload a blob, if its bytes are what `name` says; otherwise nothing is left of it.
    fn finish_upload(&self, call: &mut Call<'_, '_>, id: &str, name: AnyDigest) -> Answered {
        if self.uploads.digest(id, &name)? != name {
            self.uploads.remove(id)?;
            return Err(Refusal::new(Code::DigestInvalid)
                .detail(serde_json::json!({ "Digest": name.to_string(), "Reason": {} })));
        }
        let content = self.uploads.keep(id, call.blobs)?;
        self.add_blob(call, name, content)?;
        Ok(self.created(call, name))
    }

    /// Gives the repository a blob that another one has, if there is one. Without `from`, any may have it.
    ///
    /// Whoever may push here may read everywhere: an account is an account for the whole registry.
    fn mount(&self, call: &mut Call<'_, '_>, name: AnyDigest) -> Result<Option<Response>, Refusal> {
        let content = match call.query.get("from") {
            Some(from) if !is_repository(from) => return Err(Refusal::new(Code::NameInvalid)),
            Some(from) => self.records.blob(from, &name)?,
            None => self.records.blob_anywhere(&name)?,
        };
        let Some(content) = content.filter(|content| call.blobs.has(content)) else {
            return Ok(None);
        };
        self.add_blob(call, name, content)?;
        Ok(Some(self.created(call, name)))
    }

    fn add_blob(&self, call: &Call<'_, '_>, name: AnyDigest, content: Digest) -> Result<(), Refusal> {
        self.records.apply(Change::AddBlob {
            repository: call.repository.clone(),
            name,
            content,
        })?;
        Ok(())
    }

    /// Keeps other requests away from an upload while one changes it.
    fn claim(&self, id: &str) -> Result<Claim<'_>, Refusal> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if !busy.insert(id.to_owned()) {
            return Err(Refusal::new(Code::TooManyRequests)
                .detail("another request is changing this upload")
                .header("Retry-After", "1"));
        }
        Ok(Claim {
            busy: &self.busy,
            id: id.to_owned(),
        })
    }

    fn begin(&self, call: &Call<'_, '_>) -> Result<String, Refusal> {
        if let Some(age_secs) = self.config.storage.upload_age_secs {
            self.uploads
                .expire(Time::of_secs(call.now.secs.saturating_sub_unsigned(age_secs)))?;
        }
        if self.uploads.count()? >= self.limits.uploads {
            return Err(Refusal::new(Code::TooManyRequests)
                .detail("too many uploads are open")
                .header("Retry-After", "60"));
        }
        let id = self.ids.uuid();
        self.uploads.begin(&id, &call.repository, call.now)?;
        Ok(id)
    }

    /// Adds the body to an upload of `size` bytes, and returns its new size. A chunk that is refused leaves no trace; of
    /// one whose connection broke, what came stays, so that the client can go on from there.
    fn receive(&self, call: &mut Call<'_, '_>, id: &str, size: u64) -> Result<u64, Refusal> {
        let expected = self.expected(call, id, size)?;
        let room = self.limits.blob_bytes.saturating_sub(size);
        if expected.is_some_and(|expected| expected > room) {
            return Err(too_large());
        }
        let most = expected.unwrap_or(room);
        let mut body = Metered {
            // One byte more shows that there are too many.
            source: call.body.take(most.saturating_add(1)),
            count: 0,
            failed: false,
        };
        let outcome = self.uploads.append(id, &mut body);
        let Metered { count, failed, .. } = body;
        if let Err(error) = outcome {
            if failed {
                return Err(Refusal::new(Code::BlobUploadInvalid).detail("the request ended too early"));
            }
            self.uploads.truncate(id, size)?;
            return Err(error.into());
        }
        if count > room {
            self.uploads.truncate(id, size)?;
            return Err(too_large());
        }
        if let Some(expected) = expected.filter(|expected| *expected != count) {
            self.uploads.truncate(id, size)?;
            return Err(Refusal::new(Code::SizeInvalid).detail(format!("expected {expected} bytes, received {count}")));
        }
        Ok(size + count)
    }

    /// How many bytes the header fields announce.
    fn expected(&self, call: &Call<'_, '_>, id: &str, size: u64) -> Result<Option<u64>, Refusal> {
        let length = match call.headers.get("Content-Length") {
            Some(text) => Some(number(text.trim()).ok_or_else(|| Refusal::new(Code::SizeInvalid))?),
            None => None,
        };
        let Some(range) = call.headers.get("Content-Range") else {
            return Ok(length);
        };
        let invalid = || Refusal::new(Code::BlobUploadInvalid).detail("invalid content range");
        let (first, last) = read_content_range(range).ok_or_else(invalid)?;
        if first != size {
            let now = self.progress(416, call, id, size);
            return Err(Refusal {
                headers: now.headers,
                ..Refusal::new(Code::RangeInvalid)
            });
        }
        let count = (last - first).checked_add(1).ok_or_else(invalid)?;
        if length.is_some_and(|length| length != count) {
            return Err(Refusal::new(Code::SizeInvalid));
        }
        Ok(Some(count))
    }

    /// How far an upload is. `Range` names the last byte; of nothing it says `0-0`, as clients expect.
    fn progress(&self, status: u16, call: &Call<'_, '_>, id: &str, size: u64) -> Response {
        let mut response = empty(status);
        let headers = &mut response.headers;
        headers.set(
            "Location",
            self.location(&call.repository, &format!("blobs/uploads/{id}")),
        );
        headers.set("Docker-Upload-UUID", id);
        headers.set("Range", format!("0-{}", size.saturating_sub(1)));
        response
    }

    fn created(&self, call: &Call<'_, '_>, name: AnyDigest) -> Response {
        let mut response = empty(201);
        let location = self.location(&call.repository, &format!("blobs/{name}"));
        response.headers.set("Location", location);
        response.headers.set("Docker-Content-Digest", name.to_string());
        response
    }
}

/// An upload that one request has for itself.
struct Claim<'s> {
    busy: &'s Mutex<BTreeSet<String>>,
    id: String,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

fn too_large() -> Refusal {
    Refusal::new(Code::SizeInvalid).status(413).detail("blob too large")
}

/// Reads `first-last`, with `bytes ` before it and `/size` after it as RFC 9110 has them, or without as the
/// distribution specification has it.
fn read_content_range(text: &str) -> Option<(u64, u64)> {
    let text = text.trim();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split_once('/').map_or(text, |(range, _)| range);
    let (first, last) = text.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// Counts what a body gives, and remembers whether it was the body that failed.
struct Metered<R> {
    source: R,
    count: u64,
    failed: bool,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.source.read(into) {
            Ok(count) => {
                self.count += count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}
