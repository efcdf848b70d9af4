//! What is asked: 28 rows, each tried with every kind of content.

use super::data::{Algorithm, INDEX, Manifest, Named, Set, name};
use crate::registry_bench::{Bench, Reply};
use serde_json::Value;

/// The number of answers that were as they should be; what was wrong otherwise.
pub(crate) type Outcome = Result<usize, String>;

/// One row.
pub(crate) type Api = (&'static str, fn(&Bench, &Set) -> Outcome);

/// All 28, in an order in which each finds what it needs.
pub(crate) const ALL: [Api; 28] = [
    ("ping", ping),
    ("blob upload cancel", blob_cancel),
    ("blob post only", blob_post),
    ("blob post put", blob_post_put),
    ("blob chunked", blob_chunked),
    ("blob streaming", blob_stream),
    ("blob push of other bytes", blob_wrong),
    ("blob mount", blob_mount),
    ("blob anonymous mount", blob_mount_anonymous),
    ("blob get", blob_get),
    ("blob get range", blob_range),
    ("blob head", blob_head),
    ("manifest put by digest", manifest_put_digest),
    ("manifest put by tag", manifest_put_tag),
    ("manifest put with tag parameters", manifest_put_tags),
    ("manifest put with subject", manifest_put_subject),
    ("manifest get by digest", |bench, set| {
        manifest_read(bench, set, "GET", By::Digest)
    }),
    ("manifest get by tag", |bench, set| {
        manifest_read(bench, set, "GET", By::Tag)
    }),
    ("manifest head by digest", |bench, set| {
        manifest_read(bench, set, "HEAD", By::Digest)
    }),
    ("manifest head by tag", |bench, set| {
        manifest_read(bench, set, "HEAD", By::Tag)
    }),
    ("referrers", referrers),
    ("tag listing", tag_list),
    ("tag delete", tag_delete),
    ("tag delete, seen at once", tag_delete_seen),
    ("manifest delete", manifest_delete),
    ("manifest delete, seen at once", manifest_delete_seen),
    ("blob delete", blob_delete),
    ("blob delete, seen at once", blob_delete_seen),
];

#[derive(Clone, Copy)]
enum By {
    Digest,
    Tag,
}

fn expect(reply: &Reply, status: u16, what: &str) -> Outcome {
    if reply.status == status {
        Ok(1)
    } else {
        Err(format!(
            "{what}: expected {status}, found {} {}",
            reply.status,
            reply.text()
        ))
    }
}

fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T, what: &str) -> Outcome {
    if found == expected {
        Ok(1)
    } else {
        Err(format!("{what}: expected {expected:?}, found {found:?}"))
    }
}

fn refused(reply: &Reply, status: u16, codes: &[&str], what: &str) -> Outcome {
    expect(reply, status, what)?;
    let code = reply.code();
    if codes.contains(&code.as_str()) {
        Ok(1)
    } else {
        Err(format!("{what}: expected {codes:?}, found {code}"))
    }
}

fn blob_path(repository: &str, blob: &Named) -> String {
    format!("/v2/{repository}/blobs/{}", blob.digest)
}

/// Begins an upload; where it goes on.
fn begin(bench: &Bench, repository: &str) -> Result<String, String> {
    let reply = bench.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
    expect(&reply, 202, "begin")?;
    Ok(reply.header("location").to_owned())
}

fn finish(bench: &Bench, location: &str, blob: &Named, bytes: &[u8]) -> Reply {
    let mark = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{mark}digest={}", blob.digest);
    bench.ask("PUT", &target, &[("Content-Type", "application/octet-stream")], bytes)
}

fn created(bench: &Bench, reply: &Reply, blob: &Named, what: &str) -> Outcome {
    expect(reply, 201, what)?;
    let back = bench.ask("GET", reply.header("location"), &[], b"");
    expect(&back, 200, what)?;
    same(back.body.as_slice(), blob.bytes.as_slice(), what)?;
    Ok(3)
}

fn ping(bench: &Bench, _: &Set) -> Outcome {
    expect(&bench.ask("GET", "/v2/", &[], b""), 200, "ping")
}

fn blob_cancel(bench: &Bench, set: &Set) -> Outcome {
    let location = begin(bench, &set.repository)?;
    expect(&bench.ask("DELETE", &location, &[], b""), 204, "cancel")?;
    refused(
        &bench.ask("GET", &location, &[], b""),
        404,
        &["BLOB_UPLOAD_UNKNOWN"],
        "after it",
    )?;
    refused(
        &bench.ask("PATCH", &location, &[], b"x"),
        404,
        &["BLOB_UPLOAD_UNKNOWN"],
        "after it",
    )?;
    Ok(3)
}

/// A blob that only this row pushes.
fn own(set: &Set, row: &str) -> Named {
    let algorithm = if set.name == "sha512" {
        Algorithm::Sha512
    } else {
        Algorithm::Sha256
    };
    let bytes = format!("{} {row} ", set.name).repeat(50).into_bytes();
    Named {
        digest: name(algorithm, &bytes),
        bytes,
    }
}

fn blob_post(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    let own = own(set, "post");
    for blob in set.blobs.iter().step_by(4).chain([&own]) {
        let target = format!("/v2/{}/blobs/uploads/?digest={}", set.repository, blob.digest);
        let reply = bench.ask(
            "POST",
            &target,
            &[("Content-Type", "application/octet-stream")],
            &blob.bytes,
        );
        count += created(bench, &reply, blob, "post")?;
    }
    Ok(count)
}

fn blob_post_put(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    let own = own(set, "put");
    for blob in set.blobs.iter().skip(1).step_by(4).chain([&own]) {
        let location = begin(bench, &set.repository)?;
        count += created(bench, &finish(bench, &location, blob, &blob.bytes), blob, "put")?;
        let after = bench.ask("GET", &location, &[], b"");
        count += refused(&after, 404, &["BLOB_UPLOAD_UNKNOWN"], "the upload after it")?;
    }
    Ok(count)
}

fn blob_chunked(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    let own = own(set, "chunked");
    for blob in set.blobs.iter().skip(2).step_by(4).chain([&own]) {
        let reply = bench.ask(
            "POST",
            &format!("/v2/{}/blobs/uploads/", set.repository),
            &[("Content-Length", "0")],
            b"",
        );
        expect(&reply, 202, "begin")?;
        let mut location = reply.header("location").to_owned();
        let least = reply
            .get("oci-chunk-min-length")
            .map_or(1, |text| text.parse().unwrap());
        let size = (blob.bytes.len() / 3 + 1).max(least);
        let mut at = 0;
        for chunk in blob.bytes.chunks(size) {
            let patch = |from: usize| {
                let range = format!("{from}-{}", from + chunk.len() - 1);
                bench.ask("PATCH", &location, &[("Content-Range", &range)], chunk)
            };
            let early = patch(at + 1);
            count += expect(&early, 416, "a chunk out of order")?;
            let reply = patch(at);
            count += expect(&reply, 202, "a chunk")?;
            at += chunk.len();
            count += same(reply.header("range"), &format!("0-{}", at - 1), "its range")?;
            reply.header("location").clone_into(&mut location);
            let progress = bench.ask("GET", &location, &[], b"");
            count += expect(&progress, 204, "progress")?;
            count += same(progress.header("range"), &format!("0-{}", at - 1), "progress")?;
        }
        count += created(bench, &finish(bench, &location, blob, b""), blob, "the end of chunks")?;
    }
    Ok(count)
}

fn blob_stream(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    let own = own(set, "stream");
    for blob in set.blobs.iter().skip(3).step_by(4).chain([&own]) {
        let location = begin(bench, &set.repository)?;
        let mut body = Vec::new();
        for chunk in blob.bytes.chunks(1000) {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let head =
            format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
        let reply = bench
            .raw(&[head.as_bytes(), &body].concat())
            .ok_or("no answer to a stream")?;
        count += expect(&reply, 202, "a stream")?;
        count += created(
            bench,
            &finish(bench, reply.header("location"), blob, b""),
            blob,
            "the end of a stream",
        )?;
    }
    Ok(count)
}

fn blob_wrong(bench: &Bench, set: &Set) -> Outcome {
    let blob = own(set, "wrong");
    let target = format!("/v2/{}/blobs/uploads/?digest={}", set.repository, blob.digest);
    refused(
        &bench.ask("POST", &target, &[], b"other bytes"),
        400,
        &["DIGEST_INVALID"],
        "post",
    )?;
    let location = begin(bench, &set.repository)?;
    refused(
        &finish(bench, &location, &blob, b"other bytes"),
        400,
        &["DIGEST_INVALID"],
        "put",
    )?;
    expect(
        &bench.ask("GET", &blob_path(&set.repository, &blob), &[], b""),
        404,
        "the blob after it",
    )?;
    Ok(3)
}

fn blob_mount(bench: &Bench, set: &Set) -> Outcome {
    let (mut count, to) = (0, format!("mounted/{}", set.name));
    for blob in &set.blobs {
        let target = format!("/v2/{to}/blobs/uploads/?mount={}&from={}", blob.digest, set.repository);
        count += created(bench, &bench.ask("POST", &target, &[], b""), blob, "mount")?;
    }
    let missing = own(set, "not anywhere");
    let target = format!(
        "/v2/{to}/blobs/uploads/?mount={}&from={}",
        missing.digest, set.repository
    );
    count += expect(&bench.ask("POST", &target, &[], b""), 202, "what is not there")?;
    let target = format!(
        "/v2/{to}-2/blobs/uploads/?mount={}&from=no/such",
        own(set, "post").digest
    );
    count += expect(
        &bench.ask("POST", &target, &[], b""),
        202,
        "a repository that is not there",
    )?;
    Ok(count)
}

fn blob_mount_anonymous(bench: &Bench, set: &Set) -> Outcome {
    let (mut count, to) = (0, format!("anonymous/{}", set.name));
    for blob in &set.blobs {
        let target = format!("/v2/{to}/blobs/uploads/?mount={}", blob.digest);
        count += created(bench, &bench.ask("POST", &target, &[], b""), blob, "mount")?;
    }
    let target = format!("/v2/{to}/blobs/uploads/?mount={}", own(set, "not anywhere").digest);
    Ok(count + expect(&bench.ask("POST", &target, &[], b""), 202, "what is not there")?)
}

fn blob_get(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for blob in &set.blobs {
        let reply = bench.ask("GET", &blob_path(&set.repository, blob), &[], b"");
        count += expect(&reply, 200, "get")?;
        count += same(&reply.body, &blob.bytes, "bytes")?;
        count += same(reply.header("docker-content-digest"), &blob.digest, "digest")?;
    }
    let missing = bench.ask("GET", &blob_path(&set.repository, &own(set, "not anywhere")), &[], b"");
    Ok(count + refused(&missing, 404, &["BLOB_UNKNOWN"], "what is not there")?)
}

fn blob_range(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for blob in set.blobs.iter().filter(|blob| blob.bytes.len() > 20) {
        let (size, bytes) = (blob.bytes.len(), &blob.bytes);
        let get = |range: &str| bench.ask("GET", &blob_path(&set.repository, blob), &[("Range", range)], b"");
        for (range, first, last) in [
            ("bytes=0-9".to_owned(), 0, 9),
            (format!("bytes=5-{}", size - 6), 5, size - 6),
            ("bytes=10-".to_owned(), 10, size - 1),
            ("bytes=-7".to_owned(), size - 7, size - 1),
            (format!("bytes=0-{}", size * 9), 0, size - 1),
            (format!("bytes=-{}", size * 9), 0, size - 1),
        ] {
            let reply = get(&range);
            count += expect(&reply, 206, &range)?;
            count += same(reply.body.as_slice(), &bytes[first..=last], &range)?;
            count += same(
                reply.header("content-range"),
                &format!("bytes {first}-{last}/{size}"),
                &range,
            )?;
        }
        for range in [
            format!("bytes={size}-"),
            format!("bytes={size}-{}", size + 5),
            "bytes=-0".to_owned(),
        ] {
            let reply = get(&range);
            count += expect(&reply, 416, &range)?;
            count += same(reply.header("content-range"), &format!("bytes */{size}"), &range)?;
        }
        for range in ["bytes=0-1,4-5", "bytes=5-4", "lines=0-1", "bytes=x-y"] {
            let reply = get(range);
            count += expect(&reply, 200, range)?;
            count += same(&reply.body, bytes, range)?;
        }
    }
    Ok(count)
}

/// What GET says and HEAD must say as well; but for the clock.
fn comparable(reply: &Reply) -> Vec<(String, String)> {
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name != "date")
        .cloned()
        .collect();
    headers.sort();
    headers
}

fn blob_head(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for blob in &set.blobs {
        let path = blob_path(&set.repository, blob);
        let (head, get) = (bench.ask("HEAD", &path, &[], b""), bench.ask("GET", &path, &[], b""));
        count += expect(&head, 200, "head")?;
        count += same(head.body.len(), 0, "no body")?;
        count += same(head.header("content-length"), &blob.bytes.len().to_string(), "length")?;
        count += same(comparable(&head), comparable(&get), "fields of HEAD and GET")?;
    }
    let missing = bench.ask("HEAD", &blob_path(&set.repository, &own(set, "not anywhere")), &[], b"");
    Ok(count + expect(&missing, 404, "what is not there")?)
}

fn put(bench: &Bench, set: &Set, manifest: &Manifest, reference: &str) -> Reply {
    bench.put_manifest(&set.repository, reference, manifest.media_type, &manifest.named.bytes)
}

fn manifest_put_digest(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        let reply = put(bench, set, manifest, &manifest.named.digest);
        count += expect(&reply, 201, "put")?;
        count += same(reply.header("docker-content-digest"), &manifest.named.digest, "digest")?;
        let back = bench.ask("GET", reply.header("location"), &[("Accept", manifest.media_type)], b"");
        count += same(&back.body, &manifest.named.bytes, "its location")?;
        let mut other = manifest.named.bytes.clone();
        other.push(b' ');
        let reply = bench.put_manifest(&set.repository, &manifest.named.digest, manifest.media_type, &other);
        count += refused(&reply, 400, &["DIGEST_INVALID"], "other bytes")?;
    }
    Ok(count)
}

fn manifest_put_tag(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        for tag in &manifest.tags {
            let reply = put(bench, set, manifest, tag);
            count += expect(&reply, 201, "put")?;
            // By a tag, the registry chooses the algorithm.
            let digest = name(Algorithm::Sha256, &manifest.named.bytes);
            count += same(reply.header("docker-content-digest"), &digest, "digest")?;
        }
    }
    Ok(count)
}

fn manifest_put_tags(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for (at, manifest) in set.manifests.iter().enumerate() {
        let (one, two) = (format!("param-{at}-1"), format!("param-{at}-2"));
        let reply = put(
            bench,
            set,
            manifest,
            &format!("{}?tag={one}&tag={two}", manifest.named.digest),
        );
        count += expect(&reply, 201, "put")?;
        let tags: Vec<&str> = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "oci-tag")
            .map(|(_, tag)| tag.as_str())
            .collect();
        count += same(tags, vec![&one, &two], "OCI-Tag")?;
        for tag in [one, two] {
            let path = format!("/v2/{}/manifests/{tag}", set.repository);
            let back = bench.ask("GET", &path, &[("Accept", manifest.media_type)], b"");
            count += same(&back.body, &manifest.named.bytes, "by a tag")?;
            count += same(back.header("docker-content-digest"), &manifest.named.digest, "by a tag")?;
            count += expect(&bench.ask("DELETE", &path, &[], b""), 202, "delete a tag")?;
        }
    }
    Ok(count)
}

fn manifest_put_subject(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        let reply = put(bench, set, manifest, &manifest.named.digest);
        count += expect(&reply, 201, "put")?;
        count += same(reply.get("oci-subject"), manifest.subject.as_deref(), "OCI-Subject")?;
    }
    Ok(count)
}

fn manifest_read(bench: &Bench, set: &Set, method: &str, by: By) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        let references: Vec<&str> = match by {
            By::Digest => vec![&manifest.named.digest],
            By::Tag => manifest.tags.clone(),
        };
        for reference in references {
            let path = format!("/v2/{}/manifests/{reference}", set.repository);
            let accept = [("Accept", manifest.media_type)];
            let reply = bench.ask(method, &path, &accept, b"");
            count += expect(&reply, 200, method)?;
            count += same(reply.header("content-type"), manifest.media_type, "media type")?;
            count += same(
                reply.header("content-length"),
                &manifest.named.bytes.len().to_string(),
                "length",
            )?;
            if method == "HEAD" {
                let get = bench.ask("GET", &path, &accept, b"");
                count += same(comparable(&reply), comparable(&get), "fields of HEAD and GET")?;
            } else {
                count += same(&reply.body, &manifest.named.bytes, "bytes")?;
            }
        }
    }
    let missing = match by {
        By::Digest => own(set, "not anywhere").digest,
        By::Tag => "no-such-tag".to_owned(),
    };
    let reply = bench.ask(method, &format!("/v2/{}/manifests/{missing}", set.repository), &[], b"");
    Ok(count + expect(&reply, 404, "what is not there")?)
}

/// Everything about `subject`, over all pages.
fn referrers_of(bench: &Bench, set: &Set, subject: &str, filter: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let mut target = format!("/v2/{}/referrers/{subject}{filter}", set.repository);
    loop {
        let reply = bench.ask("GET", &target, &[], b"");
        expect(&reply, 200, "referrers")?;
        same(reply.header("content-type"), INDEX, "media type")?;
        if !filter.is_empty() {
            same(
                reply.header("oci-filters-applied"),
                "artifactType",
                "OCI-Filters-Applied",
            )?;
        }
        let index: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        same(&index["schemaVersion"], &serde_json::json!(2), "schemaVersion")?;
        same(&index["mediaType"], &serde_json::json!(INDEX), "mediaType")?;
        found.extend(index["manifests"].as_array().ok_or("no manifests")?.iter().cloned());
        match reply.get("link") {
            None => return Ok(found),
            Some(link) => {
                let next = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
                next.ok_or("a link without an address")?.0.clone_into(&mut target);
            }
        }
    }
}

fn referrers(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    let nobody = own(set, "not anywhere").digest;
    count += same(referrers_of(bench, set, &nobody, "")?.len(), 0, "about nothing")?;
    let subjects: Vec<&String> = set
        .manifests
        .iter()
        .filter_map(|manifest| manifest.subject.as_ref())
        .collect();
    for subject in subjects {
        let about: Vec<&Manifest> = set
            .manifests
            .iter()
            .filter(|one| one.subject.as_ref() == Some(subject))
            .collect();
        let found = referrers_of(bench, set, subject, "")?;
        // A manifest that was put by a tag as well may be there under its other name too.
        for manifest in &about {
            let entry = found.iter().find(|entry| entry["digest"] == manifest.named.digest);
            let entry = entry.ok_or_else(|| format!("{} is not listed", manifest.named.digest))?;
            let document: Value = serde_json::from_slice(&manifest.named.bytes).map_err(|error| error.to_string())?;
            count += same(
                &entry["mediaType"],
                &serde_json::json!(manifest.media_type),
                "mediaType",
            )?;
            count += same(&entry["size"], &serde_json::json!(manifest.named.bytes.len()), "size")?;
            count += same(
                entry["artifactType"].as_str(),
                manifest.artifact_type.as_deref(),
                "artifactType",
            )?;
            count += same(&entry["annotations"], &document["annotations"], "annotations")?;
        }
        for kind in about.iter().filter_map(|manifest| manifest.artifact_type.as_deref()) {
            let filter = format!("?artifactType={}", kind.replace('+', "%2B").replace('/', "%2F"));
            let found = referrers_of(bench, set, subject, &filter)?;
            count += same(
                found.iter().all(|entry| entry["artifactType"] == kind),
                true,
                "filtered",
            )?;
            count += same(found.is_empty(), false, "filtered")?;
        }
        let none = referrers_of(bench, set, subject, "?artifactType=application%2Fx-none")?;
        count += same(none.len(), 0, "filtered by what nobody is")?;
    }
    Ok(count)
}

fn tags(bench: &Bench, set: &Set, query: &str) -> Result<(Vec<String>, Option<String>), String> {
    let reply = bench.ask("GET", &format!("/v2/{}/tags/list{query}", set.repository), &[], b"");
    expect(&reply, 200, "tags")?;
    let document: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    same(document["name"].as_str(), Some(set.repository.as_str()), "name")?;
    let tags = document["tags"].as_array().ok_or("no tags")?;
    let tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    Ok((tags, reply.get("link").map(str::to_owned)))
}

fn tag_list(bench: &Bench, set: &Set) -> Outcome {
    let mut expected: Vec<&str> = set
        .manifests
        .iter()
        .flat_map(|manifest| manifest.tags.clone())
        .collect();
    expected.sort_unstable();
    let (all, link) = tags(bench, set, "")?;
    let mut count = same(
        all.iter().map(String::as_str).collect::<Vec<_>>(),
        expected.clone(),
        "all",
    )?;
    count += same(link, None, "no more pages")?;
    count += same(tags(bench, set, "?n=0")?.0.len(), 0, "none")?;
    let mut last = String::new();
    for (at, tag) in expected.iter().enumerate() {
        let (page, link) = tags(bench, set, &format!("?n=1&last={last}"))?;
        count += same(page, vec![(*tag).to_owned()], "a page")?;
        count += same(link.is_some(), at + 1 < expected.len(), "whether there is more")?;
        (*tag).clone_into(&mut last);
    }
    count += same(tags(bench, set, &format!("?last={last}"))?.0.len(), 0, "after the last")?;
    Ok(count)
}

fn tag_delete(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        for tag in &manifest.tags {
            let path = format!("/v2/{}/manifests/{tag}", set.repository);
            count += expect(&bench.ask("DELETE", &path, &[], b""), 202, "delete")?;
        }
        let path = format!("/v2/{}/manifests/{}", set.repository, manifest.named.digest);
        let accept = [("Accept", manifest.media_type)];
        count += expect(&bench.ask("GET", &path, &accept, b""), 200, "the manifest stays")?;
    }
    Ok(count)
}

fn tag_delete_seen(bench: &Bench, set: &Set) -> Outcome {
    let mut count = same(tags(bench, set, "")?.0.len(), 0, "no tag is left")?;
    for tag in set.manifests.iter().flat_map(|manifest| &manifest.tags) {
        let path = format!("/v2/{}/manifests/{tag}", set.repository);
        for method in ["GET", "HEAD", "DELETE"] {
            count += expect(&bench.ask(method, &path, &[], b""), 404, method)?;
        }
    }
    Ok(count)
}

fn manifest_delete(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in set.manifests.iter().rev() {
        for digest in [
            manifest.named.digest.clone(),
            name(Algorithm::Sha256, &manifest.named.bytes),
        ] {
            let path = format!("/v2/{}/manifests/{digest}", set.repository);
            let reply = bench.ask("DELETE", &path, &[], b"");
            let is_other = digest != manifest.named.digest || reply.status == 404;
            // Under its other name it is there only if it was put by a tag.
            count += if is_other { 0 } else { expect(&reply, 202, "delete")? };
            count += expect(&bench.ask("GET", &path, &[], b""), 404, "after it")?;
        }
    }
    Ok(count)
}

fn manifest_delete_seen(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for manifest in &set.manifests {
        let path = format!("/v2/{}/manifests/{}", set.repository, manifest.named.digest);
        for method in ["GET", "HEAD"] {
            count += expect(&bench.ask(method, &path, &[], b""), 404, method)?;
        }
        count += refused(
            &bench.ask("DELETE", &path, &[], b""),
            404,
            &["MANIFEST_UNKNOWN"],
            "delete",
        )?;
        if let Some(subject) = &manifest.subject {
            count += same(
                referrers_of(bench, set, subject, "")?.len(),
                0,
                "nothing is about it any more",
            )?;
        }
    }
    Ok(count)
}

fn blob_delete(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for blob in &set.blobs {
        count += expect(
            &bench.ask("DELETE", &blob_path(&set.repository, blob), &[], b""),
            202,
            "delete",
        )?;
        let elsewhere = blob_path(&format!("mounted/{}", set.name), blob);
        count += expect(&bench.ask("GET", &elsewhere, &[], b""), 200, "where it was mounted")?;
    }
    Ok(count)
}

fn blob_delete_seen(bench: &Bench, set: &Set) -> Outcome {
    let mut count = 0;
    for blob in &set.blobs {
        let path = blob_path(&set.repository, blob);
        for method in ["GET", "HEAD"] {
            count += expect(&bench.ask(method, &path, &[], b""), 404, method)?;
        }
        count += refused(&bench.ask("DELETE", &path, &[], b""), 404, &["BLOB_UNKNOWN"], "delete")?;
    }
    Ok(count)
}
