//! Connections that break and registries that are unwell.

use super::*;
use crate::client::tests::fake::Reply;
use crate::{Method, TransportError};
use std::cell::Cell;

fn held() -> (Bench, Image) {
    let (bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    (bench, image)
}

#[test]
fn a_download_goes_on_wherever_it_broke_off() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.clone();
    for cut in 0..=layer.size as usize {
        let digest = layer.digest.to_string();
        let is_first = Cell::new(true);
        bench.fake.mangle(move |seen, reply| {
            if seen.is(Method::Get, &digest) && is_first.replace(false) {
                reply.cut = Some(cut);
            }
        });
        bench.fake.forget();
        bench.watch = Watch::default();
        let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
        assert_eq!(pulled.image.digest(), image.digest());
        let ranges: Vec<String> = bench
            .fake
            .seen()
            .iter()
            .filter_map(|seen| seen.headers.get("Range").map(str::to_owned))
            .collect();
        let is_whole = cut as u64 == layer.size;
        let expected: Vec<String> = if cut == 0 || is_whole {
            Vec::new()
        } else {
            vec![format!("bytes={cut}-")]
        };
        assert_eq!(ranges, expected, "{cut}");
        let resumed: u64 = bench.watch.spared().iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(resumed, if is_whole { 0 } else { cut as u64 });
        let received: u64 = bench
            .watch
            .exchanges()
            .iter()
            .filter(|one| one.url.ends_with(&layer.digest.to_string()))
            .map(|one| one.received)
            .sum();
        assert_eq!(received, layer.size, "no byte comes twice");
    }
}

#[test]
fn a_registry_without_ranges_sends_it_all_again() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.digest;
    let bytes = bench.fake.0.borrow().blobs[&layer].clone();
    let is_first = Cell::new(true);
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &layer.to_string()) {
            *reply = Reply::new(200).body(bytes.clone());
            reply.cut = is_first.replace(false).then_some(1000);
        }
    });
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.image.digest(), image.digest());
    assert_eq!(bench.watch.spared(), []);
}

#[test]
fn a_short_body_is_a_broken_connection() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.digest;
    let is_first = Cell::new(true);
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &layer.to_string()) && is_first.replace(false) {
            reply.body.truncate(500);
        }
    });
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    let id = layer.short();
    assert!(bench.watch.layers().contains(&format!("{id}: Retrying in 5 seconds")));
    assert_eq!(bench.watch.waits, [Duration::from_secs(5)]);
}

#[test]
fn a_connection_that_keeps_breaking_is_given_up() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.clone();
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &layer.digest.to_string()) {
            reply.cut = Some(100);
        }
    });
    let mut here = MemoryBlobs::default();
    let error = bench.pull("r.example/a", &mut here).expect_err("broken");
    let layer = &image.layers[0].descriptor;
    let start = format!(
        "expected {} bytes of {}, the connection ended after 500: ",
        layer.size, layer.digest
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(error.to_string().ends_with("unexpected EOF"), "{error}");
    assert!(error.retryable());
    let waits: Vec<u64> = bench.watch.waits.iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [5, 10, 15, 20]);
    assert!(!here.has(&layer.digest));
}

#[test]
fn an_unwell_registry_is_asked_again() {
    let (mut bench, image) = held();
    let n_asked = Cell::new(0);
    bench.fake.hook(move |seen| {
        let n = n_asked.replace(n_asked.get() + 1);
        (seen.method == Method::Get && n % 2 == 0 && n > 1).then(|| Ok(Reply::new(503)))
    });
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.image.digest(), image.digest());
    assert!(!bench.watch.waits.is_empty());
}

#[test]
fn a_busy_registry_says_when_to_come_back() {
    let (mut bench, _) = held();
    let is_first = Cell::new(true);
    bench.fake.hook(move |seen| {
        let wanted = seen.is(Method::Get, "/blobs/") && is_first.replace(false);
        wanted.then(|| Ok(Reply::error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", "7")))
    });
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(bench.watch.waits, [Duration::from_secs(7)]);
    for retry_after in ["", "3600"] {
        bench.watch = Watch::default();
        bench.fake.hook(move |seen| {
            let reply = || Reply::error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", retry_after);
            seen.is(Method::Get, "/blobs/").then(|| Ok(reply()))
        });
        let error = bench
            .pull("r.example/a", &mut MemoryBlobs::default())
            .expect_err("too much");
        assert_eq!(error.to_string(), "toomanyrequests: slow down");
        assert_eq!(bench.watch.waits, []);
    }
}

#[test]
fn wrong_bytes_are_not_kept() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.clone();
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &layer.digest.to_string()) {
            reply.body[17] ^= 1;
        }
    });
    let mut here = MemoryBlobs::default();
    let error = bench.pull("r.example/a", &mut here).expect_err("wrong bytes");
    let layer = &image.layers[0].descriptor;
    let text = format!("filesystem layer verification failed for digest {}", layer.digest);
    assert_eq!(error.to_string(), text);
    assert!(!error.retryable());
    let n_asked = bench
        .fake
        .lines()
        .iter()
        .filter(|line| line.contains(&layer.digest.to_string()))
        .count();
    assert_eq!(n_asked, 1, "wrong bytes do not get better");
}

#[test]
fn wrong_sizes_are_refused() {
    let (mut bench, image) = held();
    let digest = image.layers[0].descriptor.digest;
    let size = image.layers[0].descriptor.size;
    for (announced, more) in [(size + 1, true), (size - 1, false)] {
        bench.fake.mangle(move |seen, reply| {
            if seen.is(Method::Get, &digest.to_string()) {
                reply.headers.set("Content-Length", announced.to_string());
            }
        });
        let error = bench
            .pull("r.example/a", &mut MemoryBlobs::default())
            .expect_err("wrong size");
        assert_eq!(
            error.to_string(),
            format!("expected {size} bytes of {digest}, found {announced}"),
            "{more}"
        );
    }
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &digest.to_string()) {
            reply.body.push(0);
            reply.headers = crate::Headers::default();
        }
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("one byte more");
    assert!(
        matches!(error, RegistryError::Size { found, .. } if found == size + 1),
        "{error}"
    );
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    let (mut bench, image) = held();
    let layer = image.layers[0].descriptor.digest;
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &layer.to_string()) {
            if reply.status == 206 {
                let end = reply.body.len() - 1;
                reply.headers.set("Content-Range", format!("bytes 0-{end}/{}", end + 1));
            }
            reply.cut = Some(50);
        }
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("another range");
    assert!(
        error.to_string().contains("expected Content-Range: bytes 50-"),
        "{error}"
    );
}

#[test]
fn an_upload_goes_on_wherever_it_broke_off() {
    let mut blobs = MemoryBlobs::default();
    let image = sample(&mut blobs);
    let layer = image.layers[1].descriptor.clone();
    for chunk in [None, Some(64)] {
        for cut in 0..=layer.size as usize {
            let mut bench = Bench::new();
            let passed = Cell::new(0);
            let is_first = Cell::new(true);
            bench.fake.cut(move |seen| {
                if seen.method != Method::Patch || !is_first.get() {
                    return None;
                }
                let length = chunk.unwrap_or(layer.size) as usize;
                let before = passed.replace(passed.get() + length);
                (before + length >= cut && is_first.replace(false)).then(|| cut - before)
            });
            let pushed = bench.push_with(&image, "r.example/a", &blobs, &|_| Vec::new(), chunk);
            assert_eq!(pushed.expect("pushed").digest, image.digest(), "{chunk:?} {cut}");
            let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
            assert_eq!(pulled.image.digest(), image.digest());
            assert_eq!(bench.watch.waits[0], Duration::from_secs(5));
        }
    }
}

#[test]
fn an_upload_that_the_registry_forgot_begins_anew() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let n_asked = Cell::new(0);
    bench.fake.hook(move |seen| match seen.method {
        Method::Patch if n_asked.replace(n_asked.get() + 1) == 0 => Some(Ok(Reply::new(500))),
        Method::Get if seen.url.path().contains("/uploads/") => Some(Ok(Reply::error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
        ))),
        _ => None,
    });
    bench.push(&image, "r.example/a", &blobs).expect("pushed");
    let n_begun = bench
        .fake
        .lines()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(n_begun, 4);
}

#[test]
fn a_lost_answer_to_the_last_request_is_no_failure() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let is_first = Cell::new(true);
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Put, "/uploads/") && is_first.replace(false) {
            *reply = Reply::new(502);
        }
    });
    bench.push(&image, "r.example/a", &blobs).expect("pushed");
    let n_sent = bench
        .fake
        .lines()
        .iter()
        .filter(|line| line.starts_with("PATCH"))
        .count();
    assert_eq!(n_sent, 3, "the blob is there and is not sent again");
}

#[test]
fn a_registry_that_takes_half_and_says_so_is_out_of_step() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.mangle(|seen, reply| {
        if seen.method == Method::Patch {
            reply.headers.set("Range", "0-3");
        }
    });
    let error = bench.push(&image, "r.example/a", &blobs).expect_err("half");
    assert!(error.to_string().contains("expected Range: 0-"), "{error}");
}

#[test]
fn a_push_to_a_broken_registry_ends() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench
        .fake
        .hook(|seen| (seen.method == Method::Patch).then_some(Err(TransportError::Closed)));
    let error = bench.push(&image, "r.example/a", &blobs).expect_err("broken");
    assert!(
        error
            .to_string()
            .starts_with("Patch \"https://r.example/v2/a/blobs/uploads/u1?_state=xxxxx\": "),
        "{error}"
    );
    assert!(error.retryable());
    assert_eq!(bench.watch.waits.iter().filter(|wait| wait.as_secs() >= 5).count(), 4);
}

#[test]
fn blobs_that_cannot_be_read_here_are_not_tried_again() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let error = bench
        .push(&image, "r.example/a", &MemoryBlobs::default())
        .expect_err("no blobs");
    assert!(error.to_string().starts_with("blob not found: sha256:"), "{error}");
    assert_eq!(bench.watch.waits, []);
}

#[test]
fn a_registry_that_is_restarted_in_the_middle_of_an_upload_gets_the_rest() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let n_asked = Cell::new(0);
    bench.fake.hook(move |seen| {
        let n = n_asked.replace(n_asked.get() + 1);
        let is_upload = seen.url.path().contains("/uploads/u");
        (is_upload && (4..7).contains(&n)).then(|| {
            Err(TransportError::Refused {
                address: "10.0.0.1:5000".to_owned(),
            })
        })
    });
    bench
        .push_with(&image, "r.example/a", &blobs, &|_| Vec::new(), Some(100))
        .expect("pushed");
    let waits: Vec<u64> = bench.watch.waits.iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [5, 10, 15]);
    let resumed: u64 = bench.watch.spared().iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(resumed, 100, "the first chunk is not sent again");
}
