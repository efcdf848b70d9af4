//! A registry in memory, and what is asked of it.

#![allow(dead_code, reason = "each suite uses some of it")]

use oci::{AnyDigest, Digest, Time};
use registry::{Accounts, Body, Config, Headers, Identity, Limits, Method, Request, Response, Server};
use std::io::Read;
use store::{BlobStore, MemoryBlobs};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A server and its blobs.
pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) blobs: MemoryBlobs,
    pub(crate) now: Time,
    pub(crate) remote: String,
}

/// A request to be sent.
pub(crate) struct Asked<'b> {
    bench: &'b mut Bench,
    method: Method,
    target: String,
    headers: Headers,
}

/// What came back, with all of its body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Bench {
    /// Deletes are allowed, the rest is as it comes.
    pub(crate) fn new() -> Bench {
        let mut config = Config::in_memory();
        config.storage.delete = true;
        Bench::with(config, Limits::default())
    }

    pub(crate) fn with(config: Config, limits: Limits) -> Bench {
        Bench {
            server: Server::new(config, Identity::registry_2(), limits, [1; 32]),
            blobs: MemoryBlobs::default(),
            now: Time::of_secs(1_700_000_000),
            remote: "192.0.2.1:40000".to_owned(),
        }
    }

    /// Asks for what `target` names: a path, and a query if it has one.
    pub(crate) fn ask(&mut self, method: Method, target: &str) -> Asked<'_> {
        Asked {
            bench: self,
            method,
            target: target.to_owned(),
            headers: Headers::default(),
        }
    }

    pub(crate) fn get(&mut self, target: &str) -> Reply {
        self.ask(Method::Get, target).send(b"")
    }

    pub(crate) fn head(&mut self, target: &str) -> Reply {
        self.ask(Method::Head, target).send(b"")
    }

    pub(crate) fn post(&mut self, target: &str) -> Reply {
        self.ask(Method::Post, target).send(b"")
    }

    pub(crate) fn delete(&mut self, target: &str) -> Reply {
        self.ask(Method::Delete, target).send(b"")
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) fn push_blob(&mut self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let reply = self
            .ask(
                Method::Post,
                &format!("/v2/{repository}/blobs/uploads/?digest={digest}"),
            )
            .send(bytes);
        reply.expect(201);
        digest
    }

    /// Begins an upload and returns its path.
    pub(crate) fn begin(&mut self, repository: &str) -> String {
        let reply = self.post(&format!("/v2/{repository}/blobs/uploads/"));
        reply.expect(202);
        reply.header("Location").to_owned()
    }

    /// Sends a chunk with its range.
    pub(crate) fn patch(&mut self, location: &str, range: &str, bytes: &[u8]) -> Reply {
        self.ask(Method::Patch, location)
            .header("Content-Range", range)
            .header("Content-Length", &bytes.len().to_string())
            .send(bytes)
    }

    pub(crate) fn put_manifest(&mut self, repository: &str, reference: &str, media_type: &str, text: &str) -> Reply {
        self.ask(Method::Put, &format!("/v2/{repository}/manifests/{reference}"))
            .header("Content-Type", media_type)
            .send(text.as_bytes())
    }

    /// Pushes an image with this config and one layer under a tag; returns the digest of its manifest.
    pub(crate) fn push_image(&mut self, repository: &str, tag: &str) -> Digest {
        let text = self.image(repository, tag);
        self.put_manifest(repository, tag, MANIFEST, &text).expect(201);
        Digest::of(text.as_bytes())
    }

    /// Pushes the blobs of an image and returns its manifest.
    pub(crate) fn image(&mut self, repository: &str, content: &str) -> String {
        self.push_blob(repository, b"{}");
        self.push_blob(repository, content.as_bytes());
        image_of(b"{}", content.as_bytes())
    }

    /// The log's lines so far.
    pub(crate) fn log(&mut self) -> Vec<String> {
        self.server.take_log().into_iter().map(|line| line.text).collect()
    }

    pub(crate) fn set_accounts(&mut self, htpasswd: &str) {
        self.server
            .set_accounts(Accounts::parse(htpasswd).expect("an htpasswd file"));
    }
}

impl Asked<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    pub(crate) fn send(self, body: &[u8]) -> Reply {
        self.send_from(&mut &*body)
    }

    pub(crate) fn send_from(self, body: &mut dyn Read) -> Reply {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let request = Request {
            method: self.method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: self.headers,
            remote: self.bench.remote.clone(),
            body,
        };
        let response = self.bench.server.handle(request, self.bench.now, &mut self.bench.blobs);
        Reply::of(response, &self.bench.blobs)
    }
}

impl Reply {
    fn of(response: Response, blobs: &dyn BlobStore) -> Reply {
        for (name, value) in response.headers.iter() {
            let is_clean = |text: &str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
            assert!(
                is_clean(name) && is_clean(value),
                "a header that could be split: {name}: {value:?}"
            );
        }
        let body = match response.body {
            Body::Bytes(bytes) => bytes,
            Body::Blob { digest, start, length } => {
                let bytes = blobs.get(&digest).expect("a response names a blob that is there");
                let start = usize::try_from(start).expect("small");
                bytes[start..start + usize::try_from(length).expect("small")].to_vec()
            }
        };
        let length = response.headers.get("Content-Length");
        match response.status {
            204 | 304 => assert_eq!((length, body.len()), (None, 0)),
            _ => assert_eq!(length, Some(body.len().to_string().as_str())),
        }
        Reply {
            status: response.status,
            headers: response.headers,
            body,
        }
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> &Reply {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// A refusal with this status and code, in the JSON of the specification.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Reply {
        self.expect(status);
        assert_eq!(self.header("Content-Type"), "application/json; charset=utf-8");
        let value: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(value["errors"][0]["code"], code, "{}", self.text());
        assert!(value["errors"][0]["message"].is_string());
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A descriptor as JSON.
pub(crate) fn part(media_type: &str, digest: impl Into<AnyDigest>, size: usize) -> String {
    format!(
        r#"{{"mediaType":"{media_type}","digest":"{}","size":{size}}}"#,
        digest.into()
    )
}

/// A manifest of a config and a layer, which need not be anywhere.
pub(crate) fn image_of(config: &[u8], layer: &[u8]) -> String {
    let config = part(
        "application/vnd.oci.image.config.v1+json",
        Digest::of(config),
        config.len(),
    );
    let layer = part(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        Digest::of(layer),
        layer.len(),
    );
    format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#)
}
