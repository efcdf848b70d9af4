//! A stand-in for Docker Hub: a registry that holds the catalogue, read-only, with its search and its tokens.

use oci::{Reference, Time};
use registry::{Body, Config, Headers, Identity, Limits, Method, Request, Response, Server};
use std::collections::BTreeSet;
use store::{BlobStore, Image, MemoryBlobs};

/// The token that the stand-in hands to everybody: it opens what is open anyway.
const TOKEN: &str = "anonymous-token-of-a-simulated-hub";
const CHALLENGE: &str = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"";

/// Docker Hub, as far as the catalogue goes.
pub(crate) struct Hub {
    server: Server,
    blobs: MemoryBlobs,
    /// Images of the catalogue that are in the server already, by their full name.
    there: BTreeSet<String>,
}

impl Hub {
    pub(crate) fn new() -> Hub {
        let seed = *oci::Digest::of(b"hub").as_bytes();
        Hub {
            server: Server::new(Config::in_memory(), Identity::registry_2(), Limits::default(), seed),
            blobs: MemoryBlobs::default(),
            there: BTreeSet::new(),
        }
    }

    /// Answers a request, and the bytes of its body.
    pub(crate) fn handle(&mut self, host: &str, request: Request<'_>, now: Time) -> (Response, Vec<u8>) {
        let response = match (host, request.path.as_str()) {
            (_, "/token") => json(200, &serde_json::json!({ "token": TOKEN, "expires_in": 300 })),
            (_, "/v2/search/repositories" | "/v2/search/repositories/" | "/v1/search") => search(&request.query),
            _ if request.headers.get("Authorization") != Some(&format!("Bearer {TOKEN}")) => challenge(),
            (_, path) if !matches!(request.method, Method::Get | Method::Head) && path != "/v2/" => denied(),
            (_, path) => {
                self.bring(path, now);
                self.server.handle(request, now, &mut self.blobs)
            }
        };
        // Nobody reads the log of the Hub.
        self.server.take_log();
        let bytes = body_bytes(&response, &self.blobs);
        (response, bytes)
    }

    /// Puts the image that a request for a manifest names into the server, if the catalogue has it.
    fn bring(&mut self, path: &str, now: Time) {
        let Some((repository, tag)) = path
            .strip_prefix("/v2/")
            .and_then(|rest| rest.split_once("/manifests/"))
        else {
            return;
        };
        let Ok(name) = Reference::parse(&format!("docker.io/{repository}:{tag}")) else {
            return;
        };
        if self.there.contains(&name.to_string()) {
            return;
        }
        let Some(found) = catalogue::find(&name) else {
            return;
        };
        // An image of our own catalogue that cannot be made is missing, which is what the server then says.
        if let Ok(image) = found
            .load(&mut self.blobs)
            .and_then(|image| Ok(image.gzipped(&mut self.blobs)?))
            && self.take_in(repository, tag, &image, now).is_some()
        {
            self.there.insert(name.to_string());
        }
    }

    /// Pushes an image into the server, through its front door.
    fn take_in(&mut self, repository: &str, tag: &str, image: &Image, now: Time) -> Option<()> {
        for layer in &image.layers {
            let mut bytes = Vec::new();
            layer.write_blob(&self.blobs, &mut bytes).ok()?;
            self.push(
                &format!("/v2/{repository}/blobs/uploads/"),
                &layer.descriptor.digest.to_string(),
                &bytes,
                now,
            )?;
        }
        let config = &image.manifest.config.digest;
        self.push(
            &format!("/v2/{repository}/blobs/uploads/"),
            &config.to_string(),
            &image.config_bytes,
            now,
        )?;
        let mut headers = Headers::default();
        headers.set("Content-Type", image.manifest.media_type.clone());
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.call(Method::Put, path, String::new(), headers, &image.manifest_bytes, now)
    }

    fn push(&mut self, path: &str, digest: &str, bytes: &[u8], now: Time) -> Option<()> {
        let query = format!("digest={digest}");
        self.call(Method::Post, path.to_owned(), query, Headers::default(), bytes, now)
    }

    fn call(
        &mut self,
        method: Method,
        path: String,
        query: String,
        mut headers: Headers,
        mut bytes: &[u8],
        now: Time,
    ) -> Option<()> {
        headers.set("Content-Length", bytes.len().to_string());
        let request = Request {
            method,
            path,
            query,
            headers,
            remote: "127.0.0.1:1".to_owned(),
            body: &mut bytes,
        };
        let response = self.server.handle(request, now, &mut self.blobs);
        (response.status == 201).then_some(())
    }
}

/// The bytes of a response's body.
pub(crate) fn body_bytes(response: &Response, blobs: &dyn BlobStore) -> Vec<u8> {
    match &response.body {
        Body::Bytes(bytes) => bytes.clone(),
        // The server has just found the blob; one that is gone all the same ends the body early.
        Body::Blob { digest, start, length } => match blobs.get(digest) {
            Ok(whole) => {
                let (start, end) = (*start as usize, (*start + *length) as usize);
                whole.get(start..end).unwrap_or_default().to_vec()
            }
            Err(_) => Vec::new(),
        },
    }
}

fn json(status: u16, value: &serde_json::Value) -> Response {
    let mut headers = Headers::default();
    headers.set("Content-Type", "application/json");
    Response {
        status,
        headers,
        body: Body::Bytes(value.to_string().into_bytes()),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let error = serde_json::json!({ "errors": [{ "code": code, "message": message, "detail": null }] });
    json(status, &error)
}

fn challenge() -> Response {
    let mut response = refusal(401, "UNAUTHORIZED", "authentication required");
    response.headers.set("WWW-Authenticate", CHALLENGE);
    response
}

fn denied() -> Response {
    refusal(403, "DENIED", "requested access to the resource is denied")
}

/// Repositories of the catalogue whose name or description holds the words.
fn search(query: &str) -> Response {
    let term = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| matches!(*key, "query" | "q"))
        .map(|(_, value)| value.to_ascii_lowercase())
        .unwrap_or_default();
    let names: BTreeSet<&str> = catalogue::list().map(|image| image.name()).collect();
    let found: Vec<serde_json::Value> = names
        .into_iter()
        .filter(|name| name.contains(&term))
        .map(|name| {
            serde_json::json!({
                "repo_name": name, "name": name, "short_description": "An image of this page's catalogue",
                "description": "An image of this page's catalogue",
                "star_count": 0, "is_official": true, "is_automated": false,
            })
        })
        .collect();
    let answer =
        serde_json::json!({ "count": found.len(), "num_results": found.len(), "query": term, "results": found });
    json(200, &answer)
}
