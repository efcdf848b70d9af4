//! Requests and responses as values.

use oci::Digest;
use std::fmt;
use std::io::Read;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Read.
    Get,
    /// Read, without the body.
    Head,
    /// Begin an upload.
    Post,
    /// Send a chunk.
    Patch,
    /// Finish an upload, or put a manifest.
    Put,
    /// Delete.
    Delete,
    /// Ask what is allowed.
    Options,
}

impl Method {
    /// `GET` and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Header fields in order. Names are kept as given and compared without case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&field.1)
    }

    /// Every field of this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Replaces all fields of this name by one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value.into()));
    }

    /// Adds a field.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A request. Its body is read once, in pieces.
pub struct Request<'a> {
    /// What is asked.
    pub method: Method,
    /// The absolute path, still percent-encoded, without the query: `/v2/library/alpine/tags/list`.
    pub path: String,
    /// The query without `?`, still percent-encoded; empty for none.
    pub query: String,
    /// Header fields.
    pub headers: Headers,
    /// Who asks, as `address:port`. Logged, and counted when passwords are guessed.
    pub remote: String,
    /// The body.
    pub body: &'a mut dyn Read,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// The body. For HEAD it is what GET would send; the host leaves it out.
    pub body: Body,
}

/// The body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A piece of a blob that the store holds; the host streams it from there.
    Blob {
        /// The blob.
        digest: Digest,
        /// First byte.
        start: u64,
        /// How many bytes.
        length: u64,
    },
}
