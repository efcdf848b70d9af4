//! Blobs of a repository: read, in whole or in part, and taken away.

use super::records::Change;
use super::refusal::{Code, Refusal};
use super::{Answered, Call, Server};
use crate::{Body, Headers, Method, Response};
use oci::AnyDigest;

impl Server {
    /// `GET`, `HEAD` and `DELETE` of `/v2/<name>/blobs/<digest>`.
    pub(super) fn blob(&self, call: &mut Call<'_, '_>, name: AnyDigest) -> Answered {
        if call.method == Method::Delete {
            return self.delete_blob(call, name);
        }
        call.say("GetBlob");
        let unknown = || Refusal::new(Code::BlobUnknown).detail(name.to_string());
        let content = self.records.blob(&call.repository, &name)?.ok_or_else(unknown)?;
        let size = call.blobs.size(&content).ok_or_else(unknown)?;

        let mut headers = Headers::default();
        let tag = format!("\"{name}\"");
        headers.set("Docker-Content-Digest", name.to_string());
        headers.set("Etag", tag.clone());
        headers.set("Cache-Control", "max-age=31536000");
        if has_tag(call.headers, &name) {
            return Ok(Response {
                status: 304,
                headers,
                body: Body::Bytes(Vec::new()),
            });
        }
        headers.set("Accept-Ranges", "bytes");
        headers.set("Content-Type", "application/octet-stream");
        // RFC 9110, 13.1.5: with If-Range, a range counts only for the version that the client has.
        let is_same = call.headers.get("If-Range").is_none_or(|version| version == tag);
        let range = call.headers.get("Range").filter(|_| is_same && size > 0);
        let (status, start, length) = match range.map_or(Range::Whole, |text| Range::parse(text, size)) {
            Range::Whole => (200, 0, size),
            Range::Part { first, last } => {
                headers.set("Content-Range", format!("bytes {first}-{last}/{size}"));
                (206, first, last - first + 1)
            }
            Range::Outside => {
                return Err(Refusal::new(Code::RangeInvalid).header("Content-Range", format!("bytes */{size}")));
            }
        };
        Ok(Response {
            status,
            headers,
            body: Body::Blob {
                digest: content,
                start,
                length,
            },
        })
    }

    fn delete_blob(&self, call: &mut Call<'_, '_>, name: AnyDigest) -> Answered {
        call.say("DeleteBlob");
        self.check_delete()?;
        let change = Change::RemoveBlob {
            repository: call.repository.clone(),
            name,
        };
        if !self.records.apply(change)? {
            return Err(Refusal::new(Code::BlobUnknown).detail(name.to_string()));
        }
        Ok(empty(202))
    }
}

/// A response without a body.
pub(super) fn empty(status: u16) -> Response {
    Response {
        status,
        headers: Headers::default(),
        body: Body::Bytes(Vec::new()),
    }
}

/// Whether the client says that it has what `name` names.
pub(super) fn has_tag(headers: &Headers, name: &AnyDigest) -> bool {
    let name = name.to_string();
    headers
        .all("If-None-Match")
        .flat_map(|value| value.split(','))
        .any(|tag| {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag.trim_matches('"') == name
        })
}

/// Which bytes a `Range` field asks for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// All: there is no range, or none that we know.
    Whole,
    /// From the first to the last, both included.
    Part { first: u64, last: u64 },
    /// None that are there.
    Outside,
}

impl Range {
    /// Reads one range of bytes. Several ranges, other units and what is out of grammar are as good as no range.
    ///
    /// Source: RFC 9110, 14.1.2 and 14.2.
    fn parse(text: &str, size: u64) -> Range {
        let Some((first, last)) = text.strip_prefix("bytes=").and_then(|rest| rest.trim().split_once('-')) else {
            return Range::Whole;
        };
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first > last => Range::Whole,
            (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Range::Outside,
            (Some(first), Some(last)) => Range::Part {
                first,
                last: last.min(size - 1),
            },
            (Some(first), None) if last.is_empty() => Range::Part { first, last: size - 1 },
            (None, Some(0)) if first.is_empty() => Range::Outside,
            (None, Some(count)) if first.is_empty() => Range::Part {
                first: size.saturating_sub(count),
                last: size - 1,
            },
            _ => Range::Whole,
        }
    }
}

/// Digits, and nothing else. A number that is too large is as large as can be.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let part = |first, last| Range::Part { first, last };
        for (text, expected) in [
            ("bytes=0-4", part(0, 4)),
            ("bytes=1-2", part(1, 2)),
            ("bytes=3-", part(3, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-99", part(0, 9)),
            ("bytes=4-99999999999999999999999", part(4, 9)),
            ("bytes=10-", Range::Outside),
            ("bytes=10-12", Range::Outside),
            ("bytes=99999999999999999999999-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=5-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("items=0-1", Range::Whole),
            ("", Range::Whole),
        ] {
            assert_eq!(Range::parse(text, 10), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_always_inside(text in "bytes=[0-9]{0,25}-[0-9]{0,25}", size in 1_u64..) {
            if let Range::Part { first, last } = Range::parse(&text, size) {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
