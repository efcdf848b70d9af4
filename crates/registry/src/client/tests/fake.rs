//! A registry in memory that does what the protocol asks for, and on request something else.

use crate::client::Url;
use crate::{Answer, Call, Headers, Method, TlsPolicy, Transport, TransportError};
use oci::{Digest, media_type};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::rc::Rc;
use store::{BlobStore, Image, MemoryBlobs};

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    pub(super) tls: TlsPolicy,
}

impl Seen {
    /// Method, path and query.
    pub(super) fn line(&self) -> String {
        let url = self.url.to_string();
        format!("{} {}", self.method, &url[self.url.origin().len()..])
    }

    pub(super) fn is(&self, method: Method, part: &str) -> bool {
        self.method == method && self.url.path().contains(part)
    }
}

/// An answer before it goes out.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// After so many bytes of the body the connection is gone.
    pub(super) cut: Option<usize>,
}

impl Reply {
    pub(super) fn new(status: u16) -> Reply {
        Reply {
            status,
            ..Reply::default()
        }
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.set(name, value);
        self
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
        Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#))
    }
}

type Hook = Box<dyn FnMut(&Seen) -> Option<Result<Reply, TransportError>>>;
type Mangle = Box<dyn FnMut(&Seen, &mut Reply)>;
type Cut = Box<dyn FnMut(&Seen) -> Option<usize>>;

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(super) repositories: BTreeMap<String, BTreeSet<Digest>>,
    pub(super) manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    n_uploads: u32,
    pub(super) seen: Vec<Seen>,
    /// Answers in place of the registry.
    pub(super) hook: Option<Hook>,
    /// Changes what the registry answers.
    pub(super) mangle: Option<Mangle>,
    /// After so many bytes of a request the connection is gone.
    pub(super) cut: Option<Cut>,
    /// Only plain HTTP is spoken.
    pub(super) is_plain: bool,
}

#[derive(Clone, Default)]
pub(super) struct Fake(pub(super) Rc<RefCell<State>>);

impl Fake {
    /// Holds an image under a name, as if it had been pushed.
    pub(super) fn hold(&self, repository: &str, tag: &str, image: &Image, blobs: &MemoryBlobs) {
        let mut state = self.0.borrow_mut();
        for layer in &image.layers {
            let bytes = blobs.get(&layer.descriptor.digest).expect("a blob").to_vec();
            state.keep(repository, bytes);
        }
        state.keep(repository, image.config_bytes.clone());
        state.keep_manifest(repository, tag, media_type::OCI_MANIFEST, image.manifest_bytes.clone());
    }

    pub(super) fn hook(&self, hook: impl FnMut(&Seen) -> Option<Result<Reply, TransportError>> + 'static) {
        self.0.borrow_mut().hook = Some(Box::new(hook));
    }

    pub(super) fn mangle(&self, mangle: impl FnMut(&Seen, &mut Reply) + 'static) {
        self.0.borrow_mut().mangle = Some(Box::new(mangle));
    }

    pub(super) fn cut(&self, cut: impl FnMut(&Seen) -> Option<usize> + 'static) {
        self.0.borrow_mut().cut = Some(Box::new(cut));
    }

    /// The requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.borrow().seen.iter().map(Seen::line).collect()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.0.borrow().seen.clone()
    }

    pub(super) fn forget(&self) {
        self.0.borrow_mut().seen.clear();
    }
}

impl State {
    pub(super) fn keep(&mut self, repository: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest, bytes);
        self.repositories
            .entry(repository.to_owned())
            .or_default()
            .insert(digest);
        digest
    }

    pub(super) fn keep_manifest(&mut self, repository: &str, tag: &str, media_type: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        for name in [tag.to_owned(), digest.to_string()] {
            let held = (media_type.to_owned(), bytes.clone());
            self.manifests.insert((repository.to_owned(), name), held);
        }
        digest
    }

    fn has(&self, repository: &str, digest: &Digest) -> bool {
        self.repositories
            .get(repository)
            .is_some_and(|held| held.contains(digest))
    }

    fn handle(&mut self, seen: &Seen) -> Reply {
        let path = seen.url.path().to_owned();
        let Some(rest) = path.strip_prefix("/v2/") else {
            return Reply::new(404).body("404 page not found\n");
        };
        if rest.is_empty() {
            return Reply::new(200).body("{}");
        }
        let query = seen.url.to_string();
        let query = query.split_once('?').map_or("", |(_, query)| query);
        let parameter = |name: &str| {
            let found = query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            found.map(|text| text.replace("%3A", ":").replace("%2F", "/"))
        };
        if let Some((repository, id)) = rest.split_once("/blobs/uploads/") {
            return self.handle_upload(seen, repository, id, &parameter);
        }
        if let Some((repository, digest)) = rest.split_once("/blobs/") {
            return self.handle_blob(seen, repository, digest);
        }
        if let Some((repository, name)) = rest.split_once("/manifests/") {
            return self.handle_manifest(seen, repository, name);
        }
        Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry")
    }

    fn handle_blob(&mut self, seen: &Seen, repository: &str, digest: &str) -> Reply {
        let digest: Digest = digest.parse().expect("a digest");
        if !self.has(repository, &digest) {
            return Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        }
        let bytes = self.blobs[&digest].clone();
        let start = seen.headers.get("Range").map(|range| {
            let range = range.strip_prefix("bytes=").expect("a range");
            range.trim_end_matches('-').parse::<usize>().expect("a number")
        });
        match start {
            None => Reply::new(200)
                .header("Content-Length", bytes.len().to_string())
                .body(bytes),
            Some(start) => Reply::new(206)
                .header(
                    "Content-Range",
                    format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()),
                )
                .header("Content-Length", (bytes.len() - start).to_string())
                .body(&bytes[start..]),
        }
    }

    fn handle_manifest(&mut self, seen: &Seen, repository: &str, name: &str) -> Reply {
        let key = (repository.to_owned(), name.to_owned());
        match seen.method {
            Method::Put => {
                let media_type = seen.headers.get("Content-Type").unwrap_or_default().to_owned();
                let digest = self.keep_manifest(repository, name, &media_type, seen.body.clone());
                Reply::new(201).header("Docker-Content-Digest", digest.to_string())
            }
            Method::Delete if self.manifests.remove(&key).is_some() => Reply::new(202),
            _ => match self.manifests.get(&key) {
                None => Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
                Some((media_type, bytes)) => Reply::new(200)
                    .header("Content-Type", media_type.clone())
                    .header("Docker-Content-Digest", Digest::of(bytes).to_string())
                    .body(bytes.clone()),
            },
        }
    }

    fn handle_upload(
        &mut self,
        seen: &Seen,
        repository: &str,
        id: &str,
        parameter: &dyn Fn(&str) -> Option<String>,
    ) -> Reply {
        let location = |id: &str| format!("/v2/{repository}/blobs/uploads/{id}?_state=secret");
        if seen.method == Method::Post {
            if let Some((digest, from)) = parameter("mount").zip(parameter("from")) {
                let digest: Digest = digest.parse().expect("a digest");
                if self.has(&from, &digest) {
                    self.repositories
                        .entry(repository.to_owned())
                        .or_default()
                        .insert(digest);
                    return Reply::new(201).header("Location", format!("/v2/{repository}/blobs/{digest}"));
                }
            }
            self.n_uploads += 1;
            let id = format!("u{}", self.n_uploads);
            self.uploads.insert(id.clone(), Vec::new());
            return Reply::new(202).header("Location", location(&id)).header("Range", "0-0");
        }
        let Some(held) = self.uploads.get_mut(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
        };
        let range = seen.headers.get("Content-Range");
        let start = range
            .and_then(|range| range.split_once('-'))
            .map(|(start, _)| start.parse());
        if start.is_some_and(|start| start != Ok(held.len())) {
            return Reply::error(416, "BLOB_UPLOAD_INVALID", "blob upload invalid");
        }
        held.extend(&seen.body);
        let range = format!("0-{}", held.len().saturating_sub(1));
        match seen.method {
            Method::Patch => Reply::new(202).header("Location", location(id)).header("Range", range),
            Method::Get => Reply::new(204).header("Location", location(id)).header("Range", range),
            Method::Delete => {
                self.uploads.remove(id);
                Reply::new(204)
            }
            _ => {
                let bytes = self.uploads.remove(id).unwrap_or_default();
                let digest = Digest::of(&bytes).to_string();
                if parameter("digest") != Some(digest.clone()) {
                    return Reply::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
                }
                self.keep(repository, bytes);
                Reply::new(201).header("Docker-Content-Digest", digest)
            }
        }
    }
}

impl Transport for Fake {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        let mut state = self.0.borrow_mut();
        let mut seen = Seen {
            method: call.method,
            url: Url::parse(call.url).expect("clients send URLs"),
            headers: call.headers.clone(),
            body: Vec::new(),
            tls: call.tls.clone(),
        };
        if state.is_plain && call.url.starts_with("https:") {
            state.seen.push(seen);
            return Err(TransportError::HttpForHttps);
        }
        let cut = state.cut.as_mut().and_then(|cut| cut(&seen));
        let room = cut.map_or(u64::MAX, |cut| cut as u64);
        if call.body.take(room).read_to_end(&mut seen.body).is_err() {
            return Err(TransportError::Closed);
        }
        state.seen.push(seen.clone());
        if cut.is_none() {
            assert_eq!(
                call.length,
                Some(seen.body.len() as u64),
                "a body is as long as was said"
            );
        }
        let hooked = state.hook.as_mut().and_then(|hook| hook(&seen));
        let mut reply = match hooked {
            Some(reply) => reply?,
            None => state.handle(&seen),
        };
        if cut.is_some() {
            return Err(TransportError::Closed);
        }
        if let Some(mangle) = &mut state.mangle {
            mangle(&seen, &mut reply);
        }
        if call.method == Method::Head {
            reply.body.clear();
        }
        let end = reply.cut.unwrap_or(reply.body.len()).min(reply.body.len());
        let broken = reply.cut.is_some();
        let body = Cursor::new(reply.body[..end].to_vec());
        Ok(Answer {
            status: reply.status,
            headers: reply.headers,
            body: if broken {
                Box::new(body.chain(Reset))
            } else {
                Box::new(body)
            },
        })
    }
}

/// A connection that is gone.
struct Reset;

impl Read for Reset {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}
