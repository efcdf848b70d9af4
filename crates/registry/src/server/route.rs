//! What a path asks for. Names and digests that are out of grammar go no further than here.

use super::names::{is_repository, is_tag, is_upload};
use super::refusal::{Code, Refusal};
use crate::Method;
use oci::AnyDigest;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: is anybody there?
    Alive,
    /// `/v2`: its end is missing.
    Moved,
    /// `/v2/`.
    Base,
    /// `/v2/_catalog`.
    Catalog,
    /// `/v2/<name>/tags/list`.
    Tags,
    /// `/v2/<name>/manifests/<reference>`.
    Manifest(Target),
    /// `/v2/<name>/blobs/<digest>`.
    Blob(AnyDigest),
    /// `/v2/<name>/blobs/uploads/`.
    Uploads,
    /// `/v2/<name>/blobs/uploads/<id>`.
    Upload(String),
    /// `/v2/<name>/referrers/<digest>`.
    Referrers(AnyDigest),
}

/// Which manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The one a tag points to.
    Tag(String),
    /// The one of this digest.
    Digest(AnyDigest),
    /// None: the reference is neither.
    Neither(String),
}

/// A route and the repository it is in, empty for the routes that have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) repository: String,
    pub(super) route: Route,
}

impl Route {
    /// The methods it knows.
    pub(super) fn methods(&self) -> &'static [Method] {
        use Method::{Delete, Get, Head, Patch, Post, Put};
        match self {
            Route::Alive | Route::Moved | Route::Base | Route::Catalog | Route::Tags | Route::Referrers(_) => {
                &[Get, Head]
            }
            Route::Manifest(_) => &[Delete, Get, Head, Put],
            Route::Blob(_) => &[Delete, Get, Head],
            Route::Uploads => &[Post],
            Route::Upload(_) => &[Delete, Get, Head, Patch, Put],
        }
    }
}

/// Reads a decoded path. `Ok(None)` if nothing is there.
///
/// # Errors
///
/// A [`Refusal`] if something would be there but for a bad name or digest.
pub(super) fn find(path: &str) -> Result<Option<Place>, Refusal> {
    let bare = |route| {
        Ok(Some(Place {
            repository: String::new(),
            route,
        }))
    };
    match path {
        "/" => return bare(Route::Alive),
        "/v2" => return bare(Route::Moved),
        "/v2/" => return bare(Route::Base),
        "/v2/_catalog" => return bare(Route::Catalog),
        _ => {}
    }
    let Some(rest) = path.strip_prefix("/v2/") else {
        return Ok(None);
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (name, ending) = match segments.as_slice() {
        [name @ .., "tags", "list"] => (name, Ending::Tags),
        [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => (name, Ending::Uploads),
        [name @ .., "blobs", "uploads", id] => (name, Ending::Upload(id)),
        [name @ .., "blobs", digest] => (name, Ending::Blob(digest)),
        [name @ .., "manifests", reference] => (name, Ending::Manifest(reference)),
        [name @ .., "referrers", digest] => (name, Ending::Referrers(digest)),
        _ => return Ok(None),
    };
    let repository = name.join("/");
    if !is_repository(&repository) {
        return Err(Refusal::new(Code::NameInvalid));
    }
    let route = ending.read()?;
    Ok(Some(Place { repository, route }))
}

/// The end of a path, not yet checked.
enum Ending<'a> {
    Tags,
    Uploads,
    Upload(&'a str),
    Blob(&'a str),
    Manifest(&'a str),
    Referrers(&'a str),
}

impl Ending<'_> {
    fn read(self) -> Result<Route, Refusal> {
        Ok(match self {
            Ending::Tags => Route::Tags,
            Ending::Uploads => Route::Uploads,
            Ending::Upload(id) if is_upload(id) => Route::Upload(id.to_owned()),
            Ending::Upload(_) => return Err(Refusal::new(Code::BlobUploadUnknown)),
            Ending::Blob(digest) => Route::Blob(read_digest(digest)?),
            Ending::Referrers(digest) => Route::Referrers(read_digest(digest)?),
            Ending::Manifest(text) if text.contains(':') => Route::Manifest(Target::Digest(read_digest(text)?)),
            Ending::Manifest(text) if is_tag(text) => Route::Manifest(Target::Tag(text.to_owned())),
            Ending::Manifest(text) => Route::Manifest(Target::Neither(text.to_owned())),
        })
    }
}

/// A digest that a client wrote.
pub(super) fn read_digest(text: &str) -> Result<AnyDigest, Refusal> {
    text.parse()
        .map_err(|error: oci::AnyDigestError| Refusal::new(Code::DigestInvalid).detail(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Digest;

    #[test]
    fn the_last_words_of_a_path_say_what_is_asked() {
        let digest = AnyDigest::from(Digest::of(b""));
        let id = "5f3ce91c-7f20-44c6-9873-fb4263115121";
        for (path, repository, route) in [
            ("/".to_owned(), "", Route::Alive),
            ("/v2".to_owned(), "", Route::Moved),
            ("/v2/".to_owned(), "", Route::Base),
            ("/v2/_catalog".to_owned(), "", Route::Catalog),
            ("/v2/a/tags/list".to_owned(), "a", Route::Tags),
            ("/v2/tags/list/tags/list".to_owned(), "tags/list", Route::Tags),
            (format!("/v2/a/b/blobs/{digest}"), "a/b", Route::Blob(digest)),
            (format!("/v2/a/blobs/blobs/{digest}"), "a/blobs", Route::Blob(digest)),
            ("/v2/a/blobs/uploads/".to_owned(), "a", Route::Uploads),
            ("/v2/a/blobs/uploads".to_owned(), "a", Route::Uploads),
            (format!("/v2/a/blobs/uploads/{id}"), "a", Route::Upload(id.to_owned())),
            (
                "/v2/a/manifests/v1".to_owned(),
                "a",
                Route::Manifest(Target::Tag("v1".to_owned())),
            ),
            (
                format!("/v2/a/manifests/{digest}"),
                "a",
                Route::Manifest(Target::Digest(digest)),
            ),
            (
                "/v2/a/manifests/.x".to_owned(),
                "a",
                Route::Manifest(Target::Neither(".x".to_owned())),
            ),
            (format!("/v2/a/referrers/{digest}"), "a", Route::Referrers(digest)),
        ] {
            let place = find(&path).expect(&path).expect(&path);
            assert_eq!((place.repository.as_str(), place.route), (repository, route), "{path}");
        }
    }

    #[test]
    fn bad_names_and_digests_stop_here() {
        for (path, code) in [
            ("/v2/A/tags/list", Code::NameInvalid),
            ("/v2/tags/list", Code::NameInvalid),
            ("/v2//tags/list", Code::NameInvalid),
            ("/v2/a/../b/tags/list", Code::NameInvalid),
            ("/v2/a//manifests/x", Code::NameInvalid),
            ("/v2/_catalog/manifests/x", Code::NameInvalid),
            ("/v2/a/blobs/foo", Code::DigestInvalid),
            ("/v2/a/manifests/sha256:00", Code::DigestInvalid),
            (
                "/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e",
                Code::DigestInvalid,
            ),
            ("/v2/a/blobs/uploads/x", Code::BlobUploadUnknown),
            ("/v2/a/referrers/x", Code::DigestInvalid),
        ] {
            let refusal = find(path).expect_err(path);
            assert_eq!(refusal.faults[0].code, code, "{path}");
        }
    }

    #[test]
    fn elsewhere_is_nothing() {
        for path in [
            "",
            "/v1/_ping",
            "/v2/nope",
            "/v3/",
            "/v2/a/blobs/x/y",
            "/v2/a/tags/lists",
            "/v2/a/blobs/sha256:../../x",
        ] {
            assert_eq!(find(path), Ok(None), "{path}");
        }
    }
}
