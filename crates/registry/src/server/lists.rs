//! Lists: repositories, tags, and what refers to a manifest.

use super::document::Document;
use super::query::percent_encode;
use super::refusal::{Code, Refusal};
use super::{Answered, Call, Server};
use crate::{Body, Headers, Response};
use oci::{AnyDigest, MAX_DOCUMENT_BYTES, media_type};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many repositories a page has if nobody says.
const CATALOG_PAGE: usize = 100;

/// How many tags a page has at most.
const MAX_TAGS: usize = 10_000;

/// How many referrers are looked up at once.
const REFERRERS_AT_ONCE: usize = 100;

/// How many manifests one request for referrers may read: a filter must not make the server read for ever.
const MAX_REFERRERS_READ: usize = 2_000;

impl Server {
    /// `GET /v2/_catalog`.
    pub(super) fn catalog(&self, call: &mut Call<'_, '_>) -> Answered {
        #[derive(Serialize)]
        struct Catalog {
            repositories: Vec<String>,
        }
        let most = self.config.catalog_entries;
        let count = match page_size(call)? {
            Some(n) if n > most => return Err(bad_number(serde_json::json!(n))),
            Some(n) => n,
            None => CATALOG_PAGE.min(most),
        };
        let last = call.query.get("last").unwrap_or_default();
        let found = self.records.repositories(last, count.saturating_add(1))?;
        let (repositories, link) = self.page(found, count, "_catalog");
        Ok(json(&Catalog { repositories }, "application/json; charset=utf-8", link))
    }

    /// `GET /v2/<name>/tags/list`.
    pub(super) fn tags(&self, call: &mut Call<'_, '_>) -> Answered {
        #[derive(Serialize)]
        struct Tags<'a> {
            name: &'a str,
            tags: Vec<String>,
        }
        let name = call.repository.as_str();
        if !self.records.has_repository(name)? {
            return Err(Refusal::new(Code::NameUnknown).detail(serde_json::json!({ "name": name })));
        }
        let count = page_size(call)?.unwrap_or(MAX_TAGS).min(MAX_TAGS);
        let last = call.query.get("last").unwrap_or_default();
        let found = self.records.tags(name, last, count + 1)?;
        let (tags, link) = self.page(found, count, &format!("{name}/tags/list"));
        Ok(json(&Tags { name, tags }, "application/json; charset=utf-8", link))
    }

    /// Cuts off what belongs to the next page, and returns the link to it.
    fn page(&self, mut found: Vec<String>, count: usize, path: &str) -> (Vec<String>, Option<String>) {
        let has_more = found.len() > count;
        found.truncate(count);
        let last = found.last().filter(|_| has_more);
        let link = last.map(|last| {
            let last = percent_encode(last);
            format!("<{}{path}?last={last}&n={count}>; rel=\"next\"", self.base())
        });
        (found, link)
    }

    /// `GET /v2/<name>/referrers/<digest>`: an index of the manifests that are about this one, which need not be here.
    pub(super) fn referrers(&self, call: &mut Call<'_, '_>, subject: AnyDigest) -> Answered {
        let filter = call.query.get("artifactType");
        let mut after = call.query.get("last").map(super::route::read_digest).transpose()?;
        let mut index = Referrers::default();
        let (mut bytes, mut n_read, mut has_more) = (0, 0, false);
        'pages: loop {
            let names = self
                .records
                .referrers(&call.repository, &subject, after.as_ref(), REFERRERS_AT_ONCE)?;
            let is_last = names.len() < REFERRERS_AT_ONCE;
            for name in names {
                let Some(referrer) = self.referrer(call, name)? else {
                    after = Some(name);
                    continue;
                };
                n_read += 1;
                let is_wanted = filter.is_none_or(|kind| referrer.artifact_type.as_deref() == Some(kind));
                let more = if is_wanted { referrer.bytes() } else { 0 };
                if bytes + more > MAX_DOCUMENT_BYTES && bytes > 0 || n_read > MAX_REFERRERS_READ {
                    has_more = true;
                    break 'pages;
                }
                bytes += more;
                after = Some(name);
                if is_wanted {
                    index.manifests.push(referrer);
                }
            }
            if is_last {
                break;
            }
        }
        let link = after.filter(|_| has_more).map(|last| {
            let kind = filter.map(|kind| format!("artifactType={}&", percent_encode(kind)));
            let (base, repository) = (self.base(), &call.repository);
            let kind = kind.unwrap_or_default();
            format!("<{base}{repository}/referrers/{subject}?{kind}last={last}>; rel=\"next\"")
        });
        let mut response = json(&index, media_type::OCI_INDEX, link);
        if filter.is_some() {
            response.headers.set("OCI-Filters-Applied", "artifactType");
        }
        Ok(response)
    }

    fn referrer(&self, call: &Call<'_, '_>, name: AnyDigest) -> Result<Option<Referrer>, Refusal> {
        let Some(record) = self.records.manifest(&call.repository, &name)? else {
            return Ok(None);
        };
        let document = Document::parse(&call.blobs.get(&record.content)?)?;
        Ok(Some(Referrer {
            media_type: record.media_type,
            digest: name,
            size: record.size,
            artifact_type: document.kind().map(str::to_owned),
            annotations: document.annotations.unwrap_or_default(),
        }))
    }
}

/// The answer to a question for referrers: an index.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Referrers {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Referrer>,
}

impl Default for Referrers {
    fn default() -> Referrers {
        Referrers {
            schema_version: 2,
            media_type: media_type::OCI_INDEX,
            manifests: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    media_type: String,
    digest: AnyDigest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Referrer {
    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |bytes| bytes.len() + 1)
    }
}

/// The parameter `n`.
fn page_size(call: &Call<'_, '_>) -> Result<Option<usize>, Refusal> {
    let Some(text) = call.query.get("n") else {
        return Ok(None);
    };
    let number = super::blobs::number(text).ok_or_else(|| bad_number(serde_json::json!(text)))?;
    Ok(Some(usize::try_from(number).unwrap_or(usize::MAX)))
}

fn bad_number(n: serde_json::Value) -> Refusal {
    Refusal::new(Code::PaginationNumberInvalid).detail(serde_json::json!({ "n": n }))
}

fn json(value: &impl Serialize, content_type: &str, link: Option<String>) -> Response {
    let mut bytes = serde_json::to_vec(value).expect("text, numbers and maps with text keys are JSON");
    bytes.push(b'\n');
    let mut headers = Headers::default();
    headers.set("Content-Type", content_type);
    if let Some(link) = link {
        headers.set("Link", link);
    }
    Response {
        status: 200,
        headers,
        body: Body::Bytes(bytes),
    }
}
