//! The page: from inside the program, where it was packed when the program was built, or from a folder.

use super::body::{Answered, whole};
use crate::failure::Failure;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use oci::Digest;
use std::fs;
use std::path::{Path, PathBuf};
use store::TreePath;

#[cfg(feature = "page")]
mod packed;

/// The largest file of a page, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Where the page is.
#[derive(Debug)]
pub(super) enum Page {
    /// Below this folder.
    Folder(PathBuf),
    /// Inside the program.
    #[cfg(feature = "page")]
    Packed,
}

/// A file of the page, as it is stored.
struct Stored {
    bytes: Bytes,
    /// Whether the bytes are compressed with brotli.
    is_packed: bool,
}

impl Page {
    /// The page of a folder that was named, else that of the program.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is none.
    pub(super) fn find(folder: Option<&Path>) -> Result<Page, Failure> {
        match folder {
            Some(folder) if folder.join("index.html").is_file() => Ok(Page::Folder(folder.to_owned())),
            Some(folder) => Err(Failure::usage(format!(
                "expected a folder with the page's index.html in it, found {}",
                folder.display()
            ))),
            None => Page::inside(),
        }
    }

    #[cfg(feature = "page")]
    #[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
    fn inside() -> Result<Page, Failure> {
        Ok(Page::Packed)
    }

    #[cfg(not(feature = "page"))]
    fn inside() -> Result<Page, Failure> {
        let mut failure = Failure::usage("expected a program with the page in it, found one that was built without");
        failure.hints = vec![
            "`cargo xtask dist` builds one with the page in it; `cargo xtask play` does all at once".to_owned(),
            "`layerlab play --page DIR` serves the page of a folder, as `cargo xtask build` leaves it in dist/"
                .to_owned(),
        ];
        Err(failure)
    }

    fn load(&self, path: &TreePath) -> Option<Stored> {
        match self {
            Page::Folder(folder) => {
                let place = folder.join(path.as_str());
                // A link in the folder may lead out of it.
                let place = place.canonicalize().ok().filter(|place| {
                    let within = folder.canonicalize().is_ok_and(|folder| place.starts_with(folder));
                    within && place.is_file()
                })?;
                let is_small = fs::metadata(&place).is_ok_and(|facts| facts.len() <= MAX_FILE);
                let bytes = is_small.then(|| fs::read(&place).ok()).flatten()?;
                Some(Stored {
                    bytes: bytes.into(),
                    is_packed: false,
                })
            }
            #[cfg(feature = "page")]
            Page::Packed => {
                let bytes = packed::find(path.as_str())?;
                Some(Stored {
                    bytes: Bytes::from_static(bytes),
                    is_packed: true,
                })
            }
        }
    }

    /// Answers a request for a file of the page.
    pub(super) fn answer(&self, head: &Parts) -> Response<Answered> {
        let missing = || whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found\n");
        let path = head.uri.path().trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        // Names of the page need no escapes; what has some is not one of them.
        let Some((path, stored)) = TreePath::parse(path)
            .ok()
            .and_then(|path| Some((path.clone(), self.load(&path)?)))
        else {
            return missing();
        };
        let takes_brotli = accepts_brotli(head);
        let tag = format!(
            "\"{}{}\"",
            Digest::of(&stored.bytes).short(),
            if takes_brotli { "-br" } else { "" }
        );
        let is_known = head.headers.get(IF_NONE_MATCH).is_some_and(|known| {
            let known = known.to_str().unwrap_or_default();
            known
                .split(',')
                .any(|known| known.trim().trim_start_matches("W/") == tag)
        });
        let kind = media_type(path.as_str());
        let Some(unpacked) = unpacked(&stored, kind == HTML || !takes_brotli) else {
            return whole(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain; charset=utf-8",
                "the page is damaged\n",
            );
        };
        let policy = policy(kind, &unpacked);
        let (bytes, is_packed) = if stored.is_packed && takes_brotli {
            (stored.bytes, true)
        } else {
            (unpacked, false)
        };
        let mut response = match (is_known, &head.method) {
            (true, _) => whole(StatusCode::NOT_MODIFIED, kind, Bytes::new()),
            (false, &Method::HEAD) => whole(StatusCode::OK, kind, Bytes::new()),
            (false, _) => whole(StatusCode::OK, kind, bytes),
        };
        let fields = response.headers_mut();
        let value = |text: &str| HeaderValue::from_str(text).expect("digests and fixed words are plain text");
        fields.insert(ETAG, value(&tag));
        fields.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // Always asked for anew: another program may serve another page at the same address.
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        fields.insert(CONTENT_SECURITY_POLICY, value(&policy));
        if is_packed {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        response
    }
}

/// The bytes as they were before they were packed; empty if nobody needs them; `None` if they are damaged.
fn unpacked(stored: &Stored, is_needed: bool) -> Option<Bytes> {
    if !stored.is_packed {
        return Some(stored.bytes.clone());
    }
    if !is_needed {
        return Some(Bytes::new());
    }
    #[cfg(feature = "page")]
    return packed::unpack(&stored.bytes).map(Bytes::from);
    #[cfg(not(feature = "page"))]
    None
}

/// What a file of the page may load and do: only what comes from here, and the scripts that stand in it.
///
/// Styles may stand in the page: the editor brings its own, and widths of bars are set so.
fn policy(kind: &str, html: &[u8]) -> String {
    let mut scripts = String::new();
    if kind == HTML {
        for script in inline_scripts(&String::from_utf8_lossy(html)) {
            scripts.extend([" '", &script_hash(script), "'"]);
        }
    }
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The scripts that stand in a page itself.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let is_inline = !attributes.contains("src=");
        is_inline.then(|| rest.split("</script>").next()).flatten()
    })
}

/// Source: Content Security Policy Level 3, "hash-source".
fn script_hash(script: &str) -> String {
    use base64::Engine;
    let digest = Digest::of(script.as_bytes()).hex();
    let pair = |at: usize| u8::from_str_radix(&digest[at..at + 2], 16).expect("a digest is hexadecimal");
    let bytes: Vec<u8> = (0..digest.len()).step_by(2).map(pair).collect();
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Source: RFC 9110, 12.5.3.
fn accepts_brotli(head: &Parts) -> bool {
    let listed = head
        .headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    listed.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let is_brotli = words.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
        let refused = words.any(|word| {
            let weight = word.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            weight.is_some_and(|weight| weight <= 0.0)
        });
        is_brotli && !refused
    })
}

const HTML: &str = "text/html; charset=utf-8";

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => HTML,
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
