//! What a build takes over a network: images of registries, files behind URLs.

use crate::{http_date, outside};
use builder::Download;
use engine::{Daemon, Outside, World, WorldError};
use oci::{Digest, Platform, Reference};
use planner::{ImageName, Url};
use registry::client::{Client, Credentials, Host, PullOptions, RegistryConfig, RegistryError};
use registry::{Answer, Call, Headers, Method, TlsPolicy, Transport};
use store::{BlobStore, Content, Limits, Time, Tree};

/// Registries and servers, as a build asks them. What is pulled is for this build only, as with BuildKit.
pub struct Network<'a> {
    /// Carries requests.
    pub transport: &'a mut dyn Transport,
    /// What surrounds the client.
    pub host: &'a mut dyn Host,
    /// What is known of registries.
    pub registries: &'a RegistryConfig,
    /// Who is logged in where.
    pub credentials: &'a dyn Credentials,
    /// Images that are here: their layers are not fetched again.
    pub kept: &'a Daemon,
}

/// As many redirects are followed as Go's client follows.
const MAX_REDIRECTS: usize = 10;

impl World for Network<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        let reference = Reference::parse(&name.name).map_err(|error| {
            let quoted = dockerfile::quote(&name.name);
            wrong(format!("failed to parse stage name {quoted}: {error}"))
        })?;
        let reference = reference.or_latest();
        let platform = Platform::parse(&name.platform, &Platform::linux_amd64()).map_err(wrong)?;
        let kept = self.kept;
        let known = |digest: &Digest| {
            let mut layers = kept.images().flat_map(|image| &image.image.layers);
            layers.find(|layer| layer.descriptor.digest == *digest).cloned()
        };
        let options = PullOptions {
            platform: &platform,
            limits: &Limits::default(),
            known: &known,
        };
        let pulled = self
            .client()
            .pull(&reference, &options, blobs)
            .map_err(|error| unresolved(&name.name, &reference, &error))?;
        outside::base(pulled.image)
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        let failed = |why: String| wrong(format!("failed to load {}: {why}", url.url));
        let mut at = url.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut answer = self.get(&at).map_err(failed)?;
            match answer.status {
                200 => return keep(&mut answer, blobs).map_err(failed),
                301 | 302 | 303 | 307 | 308 => {
                    let location = answer.headers.get("Location").unwrap_or_default().to_owned();
                    at = follow(&at, &location).map_err(failed)?;
                }
                status => return Err(failed(format!("invalid response status {status}"))),
            }
        }
        Err(failed(format!("stopped after {MAX_REDIRECTS} redirects")))
    }

    fn repository(&mut self, name: &str, _: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        Err(wrong(format!(
            "failed to fetch {name}: expected a URL, found a repository"
        )))
    }
}

impl Network<'_> {
    /// A client of registries.
    pub fn client(&mut self) -> Client<'_> {
        Client {
            transport: self.transport,
            host: self.host,
            credentials: self.credentials,
            config: self.registries,
        }
    }

    fn get(&mut self, url: &str) -> Result<Answer, String> {
        let call = Call {
            method: Method::Get,
            url,
            headers: &Headers::default(),
            body: &mut std::io::empty(),
            length: None,
            tls: &TlsPolicy::default(),
        };
        self.transport.send(call).map_err(|error| error.to_string())
    }
}

/// Keeps the bytes of a good answer.
fn keep(answer: &mut Answer, blobs: &mut dyn BlobStore) -> Result<Download, String> {
    let (digest, size) = blobs.put_from(&mut answer.body).map_err(|error| error.to_string())?;
    let promised = answer
        .headers
        .get("Content-Length")
        .and_then(|text| text.parse::<u64>().ok());
    if let Some(promised) = promised.filter(|promised| *promised != size) {
        return Err(format!("expected {promised} bytes, found {size}"));
    }
    let modified = answer.headers.get("Last-Modified").and_then(|text| {
        let secs = http_date::parse(text)?;
        Some((text.to_owned(), Time::of_secs(secs)))
    });
    Ok(Download {
        content: Content::Blob { digest, size },
        last_modified: modified,
    })
}

/// Where a redirect from `from` leads: never to anything but a web server, and never out of TLS.
fn follow(from: &str, location: &str) -> Result<String, String> {
    let (scheme, rest) = from.split_once("://").unwrap_or(("http", from));
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let to = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", &rest[..host_end])
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let path = rest.split(['?', '#']).next().unwrap_or(rest);
        let folder = path.rfind('/').map_or(path, |end| &path[..end]);
        format!("{scheme}://{folder}/{location}")
    };
    let is_web = to.starts_with("https://") || (to.starts_with("http://") && scheme != "https");
    if location.is_empty() || !is_web {
        return Err(format!("expected a redirect to a web server, found {location:?}"));
    }
    Ok(to)
}

fn wrong(message: impl ToString) -> WorldError {
    WorldError {
        message: message.to_string(),
        hints: Vec::new(),
    }
}

/// What BuildKit says of an image that it cannot have.
fn unresolved(written: &str, reference: &Reference, error: &RegistryError) -> WorldError {
    let reason = match error.code() {
        Some("MANIFEST_UNKNOWN" | "NAME_UNKNOWN") => format!("{reference}: not found"),
        _ if error.status() == Some(404) => format!("{reference}: not found"),
        _ => error.to_string(),
    };
    wrong(format!(
        "{written}: failed to resolve source metadata for {reference}: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry::TransportError;
    use registry::client::Anonymous;
    use std::collections::BTreeMap;
    use store::MemoryBlobs;

    /// Status, fields, body.
    type Scripted = (u16, Vec<(&'static str, &'static str)>, &'static str);

    /// Answers by URL.
    struct Script(BTreeMap<&'static str, Scripted>);

    impl Transport for Script {
        fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
            let Some((status, fields, body)) = self.0.get(call.url) else {
                let host = call.url.to_owned();
                return Err(TransportError::UnknownHost { host });
            };
            let mut headers = Headers::default();
            for (name, value) in fields {
                headers.set(name, *value);
            }
            Ok(Answer {
                status: *status,
                headers,
                body: Box::new(body.as_bytes()),
            })
        }
    }

    struct Nobody;

    impl Host for Nobody {}

    fn download(script: &mut Script, url: &str) -> Result<(String, Option<Time>), String> {
        let mut network = Network {
            transport: script,
            host: &mut Nobody,
            registries: &RegistryConfig::default(),
            credentials: &Anonymous,
            kept: &Daemon::default(),
        };
        let url = Url {
            url: url.to_owned(),
            filename: "f".to_owned(),
            checksum: None,
        };
        let mut blobs = MemoryBlobs::default();
        let found = network.download(&url, &mut blobs).map_err(|error| error.message)?;
        let Content::Blob { digest, .. } = found.content else {
            panic!("{found:?}")
        };
        let text = String::from_utf8(blobs.get(&digest).unwrap().to_vec()).unwrap();
        Ok((text, found.last_modified.map(|(_, time)| time)))
    }

    fn script() -> Script {
        let date = ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        Script(BTreeMap::from([
            ("http://h/a", (302, vec![("Location", "/b")], "")),
            ("http://h/b", (307, vec![("Location", "https://other/c")], "")),
            ("https://other/c", (200, vec![date, ("Content-Length", "5")], "hello")),
            ("https://h/short", (200, vec![("Content-Length", "9")], "hello")),
            ("https://h/down", (302, vec![("Location", "http://h/b")], "")),
            ("https://h/file", (302, vec![("Location", "file:///etc/passwd")], "")),
            ("http://h/loop", (302, vec![("Location", "loop")], "")),
            ("http://h/none", (404, vec![], "no")),
        ]))
    }

    #[test]
    fn a_file_is_found_over_redirects_with_its_time() {
        let found = download(&mut script(), "http://h/a");
        assert_eq!(found, Ok(("hello".to_owned(), Some(Time::of_secs(784_111_777)))));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let check = |url: &str, why: &str| {
            let error = download(&mut script(), url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        };
        check("https://h/short", "expected 9 bytes, found 5");
        check("https://h/down", "expected a redirect to a web server");
        check("https://h/file", "expected a redirect to a web server");
        check("http://h/loop", "stopped after 10 redirects");
        check("http://h/none", "invalid response status 404");
        check("http://unknown/", "no such host");
    }
}
