//! Manifests of a repository: read by tag or digest, checked and put, taken away.

use super::blobs::{empty, has_tag, number};
use super::document::{Document, is_foreign_layer};
use super::names::is_tag;
use super::records::{Change, ManifestRecord};
use super::refusal::{Code, Fault, Refusal};
use super::route::Target;
use super::{Answered, Call, Server};
use crate::{Body, Headers, Method, Response};
use oci::{AnyDigest, Digest, MAX_DOCUMENT_BYTES, media_type};
use std::io::Read;

/// How many missing blobs are named in one refusal.
const MAX_NAMED: usize = 100;

/// How many tags one request may set.
const MAX_TAGS: usize = 64;

impl Server {
    /// Everything on `/v2/<name>/manifests/<reference>`.
    pub(super) fn manifest(&self, call: &mut Call<'_, '_>, target: &Target) -> Answered {
        match call.method {
            Method::Put => self.put_manifest(call, target),
            Method::Delete => self.delete_manifest(call, target),
            _ => self.get_manifest(call, target),
        }
    }

    fn get_manifest(&self, call: &mut Call<'_, '_>, target: &Target) -> Answered {
        call.say("GetImageManifest");
        let mut name = self.resolve(&call.repository, target)?;
        let unknown = || Refusal::new(Code::ManifestUnknown).detail(detail(target, &call.repository));
        let mut record = self.records.manifest(&call.repository, &name)?.ok_or_else(unknown)?;
        let accepted = Accepted::read(call.headers);
        if let Target::Tag(_) = target
            && record.media_type == media_type::DOCKER_INDEX
            && !accepted.takes(media_type::DOCKER_INDEX)
            && accepted.takes(media_type::DOCKER_MANIFEST)
        {
            // Clients from before manifest lists get the image for linux/amd64.
            let list = Document::parse(&call.blobs.get(&record.content)?)?;
            name = list.for_linux_amd64().ok_or_else(unknown)?;
            record = self.records.manifest(&call.repository, &name)?.ok_or_else(unknown)?;
        }
        if let Some(message) = accepted.refuses(&record.media_type) {
            return Err(Refusal::new(Code::ManifestUnknown).message(message));
        }
        let mut headers = Headers::default();
        headers.set("Docker-Content-Digest", name.to_string());
        headers.set("Etag", format!("\"{name}\""));
        if has_tag(call.headers, &name) {
            return Ok(Response {
                status: 304,
                headers,
                body: Body::Bytes(Vec::new()),
            });
        }
        headers.set("Content-Type", record.media_type);
        let body = Body::Blob {
            digest: record.content,
            start: 0,
            length: record.size,
        };
        Ok(Response {
            status: 200,
            headers,
            body,
        })
    }

    fn put_manifest(&self, call: &mut Call<'_, '_>, target: &Target) -> Answered {
        call.say("PutImageManifest");
        self.check_writable()?;
        let mut tags: Vec<String> = call.query.all("tag").map(str::to_owned).collect();
        match target {
            Target::Tag(tag) => tags = vec![tag.clone()],
            Target::Digest(_) if tags.len() <= MAX_TAGS && tags.iter().all(|tag| is_tag(tag)) => {}
            Target::Digest(_) | Target::Neither(_) => return Err(Refusal::new(Code::TagInvalid)),
        }
        let bytes = read_document(call)?;
        let document = Document::parse(&bytes)?;
        let media_type = document.media_type(call.headers.get("Content-Type"))?.to_owned();
        let name = match target {
            Target::Digest(name) if name.again(&bytes) != *name => return Err(Refusal::new(Code::DigestInvalid)),
            Target::Digest(name) => *name,
            Target::Tag(_) | Target::Neither(_) => Digest::of(&bytes).into(),
        };
        self.check_parts(call, &document)?;

        let content = call.blobs.put(&bytes)?;
        let subject = document.subject.as_ref().map(|subject| subject.digest);
        let record = ManifestRecord {
            content,
            size: bytes.len() as u64,
            media_type,
            subject,
        };
        self.records.apply(Change::PutManifest {
            repository: call.repository.clone(),
            name,
            record,
            tags: tags.clone(),
        })?;

        let mut response = empty(201);
        let headers = &mut response.headers;
        headers.set(
            "Location",
            self.location(&call.repository, &format!("manifests/{name}")),
        );
        headers.set("Docker-Content-Digest", name.to_string());
        if let Some(subject) = subject {
            headers.set("OCI-Subject", subject.to_string());
        }
        if let Target::Digest(_) = target {
            for tag in &tags {
                headers.add("OCI-Tag", tag);
            }
        }
        Ok(response)
    }

    /// Refuses a manifest whose parts this repository does not have, or that lies about their sizes.
    fn check_parts(&self, call: &Call<'_, '_>, document: &Document) -> Result<(), Refusal> {
        if !self.config.validation.enabled {
            return Ok(());
        }
        let mut missing = Vec::new();
        for part in document.config.iter().chain(document.layers.iter().flatten()) {
            // Layers that must not be given away are fetched from elsewhere.
            if is_foreign_layer(&part.media_type) {
                continue;
            }
            match self.records.blob(&call.repository, &part.digest)? {
                None => missing.push(part.digest),
                Some(content) => match call.blobs.size(&content) {
                    None => missing.push(part.digest),
                    Some(size) if size != part.size => {
                        return Err(Refusal::new(Code::SizeInvalid).detail(part.digest.to_string()));
                    }
                    Some(_) => {}
                },
            }
        }
        for part in document.manifests.iter().flatten() {
            match self.records.manifest(&call.repository, &part.digest)? {
                None if self.config.validation.complete_indexes => missing.push(part.digest),
                Some(record) if record.size != part.size => {
                    return Err(Refusal::new(Code::SizeInvalid).detail(part.digest.to_string()));
                }
                _ => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let refusal = Refusal::new(Code::ManifestBlobUnknown);
        let of_each = |digest: &AnyDigest| Fault {
            detail: Some(digest.to_string().into()),
            ..refusal.faults[0].clone()
        };
        let faults = missing.iter().take(MAX_NAMED).map(of_each).collect();
        Err(Refusal { faults, ..refusal })
    }

    fn delete_manifest(&self, call: &mut Call<'_, '_>, target: &Target) -> Answered {
        call.say("DeleteImageManifest");
        self.check_delete()?;
        let repository = call.repository.clone();
        let was_there = match target {
            Target::Tag(tag) => self.records.apply(Change::RemoveTag {
                repository,
                tag: tag.clone(),
            })?,
            Target::Digest(name) => self.records.apply(Change::RemoveManifest {
                repository,
                name: *name,
            })?,
            Target::Neither(_) => false,
        };
        if !was_there {
            return Err(Refusal::new(Code::ManifestUnknown).detail(detail(target, &call.repository)));
        }
        Ok(empty(202))
    }

    fn resolve(&self, repository: &str, target: &Target) -> Result<AnyDigest, Refusal> {
        let unknown = || Refusal::new(Code::ManifestUnknown).detail(detail(target, repository));
        match target {
            Target::Digest(name) => Ok(*name),
            Target::Tag(tag) => self.records.tag(repository, tag)?.ok_or_else(unknown),
            Target::Neither(_) => Err(unknown()),
        }
    }
}

/// What was asked for, as the reference implementation says it.
fn detail(target: &Target, repository: &str) -> serde_json::Value {
    match target {
        Target::Tag(tag) | Target::Neither(tag) => serde_json::json!({ "Tag": tag }),
        Target::Digest(name) => serde_json::json!({ "Name": repository, "Revision": name.to_string() }),
    }
}

/// Reads the body, if it is no larger than a manifest may be.
fn read_document(call: &mut Call<'_, '_>) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        Refusal::new(Code::SizeInvalid)
            .status(413)
            .message("manifest too large")
            .detail(format!("at most {MAX_DOCUMENT_BYTES} bytes"))
    };
    let announced = match call.headers.get("Content-Length") {
        Some(text) => Some(number(text.trim()).ok_or_else(|| Refusal::new(Code::SizeInvalid))?),
        None => None,
    };
    if announced.is_some_and(|length| length > MAX_DOCUMENT_BYTES as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    call.body
        .take(MAX_DOCUMENT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| Refusal::new(Code::ManifestInvalid).detail("the request ended too early"))?;
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(too_large());
    }
    if announced.is_some_and(|length| length != bytes.len() as u64) {
        return Err(Refusal::new(Code::SizeInvalid));
    }
    Ok(bytes)
}

/// The media types that a client takes, without their weights.
struct Accepted(Vec<String>);

impl Accepted {
    fn read(headers: &Headers) -> Accepted {
        let types = headers.all("Accept").flat_map(|value| value.split(','));
        let bare = types.map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        Accepted(bare.filter(|part| !part.is_empty()).collect())
    }

    /// Whether this type is taken. Who says nothing takes all.
    fn takes(&self, media_type: &str) -> bool {
        let is_match = |known: &String| matches!(known.as_str(), "*/*" | "application/*") || known == media_type;
        self.0.is_empty() || self.0.iter().any(is_match)
    }

    /// Why a manifest of this type is not given out. Docker's manifests always are.
    fn refuses(&self, media_type: &str) -> Option<&'static str> {
        match media_type {
            _ if self.takes(media_type) => None,
            media_type::OCI_MANIFEST => Some("OCI manifest found, but accept header does not support OCI manifests"),
            media_type::OCI_INDEX => Some("OCI index found, but accept header does not support OCI indexes"),
            _ => None,
        }
    }
}
