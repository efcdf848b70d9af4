//! What the client does when the other side misbehaves.

use crate::hostile::{Reply, Seen, Server, answer, blunt, head, honest, part};
use crate::support::{Bench, Scratch, check_whole, image, patience};
use registry::client::{CredentialError, Credentials, Event, Login};
use registry::{Answer, Call, Headers, Method, TlsPolicy, Transport, TransportError};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::MemoryBlobs;

fn ask(bench: &mut Bench, method: Method, url: &str, body: &[u8]) -> Result<Answer, TransportError> {
    let mut source = body;
    bench.sockets.send(Call {
        method,
        url,
        headers: &Headers::default(),
        body: &mut source,
        length: Some(body.len() as u64),
        tls: &TlsPolicy::default(),
    })
}

fn text(answer: Answer) -> std::io::Result<String> {
    let mut text = String::new();
    let mut body = answer.body;
    body.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    let server = Server::start(|seen| Reply::Send(answer(200, "", seen.target.as_bytes())));
    let mut bench = Bench::new();
    for target in ["/a", "/b?c=d", "/e"] {
        let answer = ask(&mut bench, Method::Get, &server.url(target), b"").unwrap();
        assert_eq!(text(answer).unwrap(), target);
    }
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 1);
    // Two answers that are read at the same time are on two.
    let one = ask(&mut bench, Method::Get, &server.url("/one"), b"").unwrap();
    let two = ask(&mut bench, Method::Put, &server.url("/two"), b"body").unwrap();
    assert_eq!(
        (text(two).unwrap().as_str(), text(one).unwrap().as_str()),
        ("/two", "/one")
    );
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 2);
    let last = server.seen().into_iter().find(|seen| seen.target == "/two").unwrap();
    assert_eq!(
        (last.body.as_slice(), last.field("host")),
        (&b"body"[..], Some(server.address.as_str()))
    );
}

#[test]
fn a_connection_that_was_hung_up_meanwhile_is_made_anew() {
    let server = Server::start(|_| Reply::Cut(answer(200, "", b"yes")));
    let mut bench = Bench::new();
    for _ in 0..3 {
        let answer = ask(&mut bench, Method::Post, &server.url("/"), b"").unwrap();
        assert_eq!(text(answer).unwrap(), "yes");
    }
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 3);
}

#[test]
fn an_answer_that_comes_before_the_request_is_out_is_heard() {
    let server = Server::start_reading(false, |_| Reply::Stall(answer(413, "", b"too much")));
    let mut bench = Bench::new();
    let found = ask(&mut bench, Method::Patch, &server.url("/"), &vec![7; 16 << 20]).unwrap();
    assert_eq!(found.status, 413);
    assert_eq!(text(found).unwrap(), "too much");
}

#[test]
fn nobody_there_and_nobody_of_that_name_are_said_as_docker_says_it() {
    let address = Server::start(|_| Reply::Cut(Vec::new())).address.clone();
    let mut bench = Bench::new();
    let error = ask(&mut bench, Method::Get, &format!("http://{address}/"), b"")
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!("dial tcp {address}: connect: connection refused")
    );
    let error = ask(&mut bench, Method::Get, "http://no-such-host.invalid/", b"")
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "dial tcp: lookup no-such-host.invalid: no such host");
}

#[test]
fn a_server_without_tls_is_told_from_a_broken_one() {
    let mut bench = Bench::new();
    let mut said = |bytes: Vec<u8>| {
        let url = format!("https://{}/", blunt(bytes));
        ask(&mut bench, Method::Get, &url, b"").err().unwrap().to_string()
    };
    assert_eq!(
        said(answer(400, "", b"speak up")),
        "http: server gave HTTP response to HTTPS client"
    );
    assert_eq!(said(Vec::new()), "unexpected EOF");
    let broken = said(vec![7; 100]);
    assert!(broken.starts_with("tls: "), "{broken}");
}

#[test]
fn heads_that_never_end_and_nonsense_are_refused() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/long" => Reply::Endless(
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"X-Y: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n".to_vec(),
        ),
        "/wide" => {
            let field = format!("X: {}\r\n", "z".repeat(200 << 10));
            Reply::Stall(answer(200, &field, b""))
        }
        "/nonsense" => Reply::Cut(b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec()),
        _ => Reply::Cut(b"HTTP/1.1 2".to_vec()),
    });
    let mut bench = Bench::new();
    let mut error = |target: &str| {
        ask(&mut bench, Method::Get, &server.url(target), b"")
            .err()
            .unwrap()
            .to_string()
    };
    assert!(error("/long").contains("headers exceeded") || error("/long").contains("malformed"));
    let wide = error("/wide");
    assert!(wide.contains("server response headers exceeded"), "{wide}");
    let nonsense = error("/nonsense");
    assert!(nonsense.contains("malformed HTTP response"), "{nonsense}");
    assert_eq!(error("/short"), "unexpected EOF");
}

#[test]
fn whoever_says_nothing_is_not_waited_for_for_ever() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/silent" => Reply::Stall(Vec::new()),
        _ => Reply::Stall(head(10, "")),
    });
    let mut bench = Bench::with(patience(Duration::from_millis(50)));
    let silent = ask(&mut bench, Method::Get, &server.url("/silent"), b"");
    assert_eq!(silent.err(), Some(TransportError::Timeout));
    let stalled = ask(&mut bench, Method::Get, &server.url("/stalled"), b"").unwrap();
    assert_eq!(text(stalled).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

/// A registry whose blob, the layer of its image, is answered by `script`, which is told how often it was asked for.
fn with_layer(
    sizes: &[usize],
    script: impl Fn(&Seen, &[u8], usize) -> Reply + Send + Sync + 'static,
) -> (Server, store::Image) {
    let mut blobs = MemoryBlobs::default();
    let image = image(sizes, &mut blobs);
    let digest = image.layers[0].descriptor.digest;
    let bytes = store::BlobStore::get(&blobs, &digest).unwrap();
    let (honest, n_asked) = (honest(&image, &blobs), AtomicUsize::new(0));
    let server = Server::start(move |seen| {
        if seen.target.ends_with(&digest.to_string()) {
            script(seen, &bytes, n_asked.fetch_add(1, Ordering::SeqCst))
        } else {
            honest(seen)
        }
    });
    (server, image)
}

#[test]
fn a_connection_that_breaks_at_any_byte_of_a_blob_goes_on_there() {
    let size = 3000;
    let whole = with_layer(&[size], |seen, bytes, _| Reply::Send(part(seen, bytes)));
    let length = whole.1.layers[0].descriptor.size as usize;
    for cut in (0..length).step_by(97).chain([1, length - 1]) {
        let (server, image) = with_layer(&[size], move |seen, bytes, n_asked| match n_asked {
            0 => Reply::Cut([head(bytes.len(), ""), bytes[..cut].to_vec()].concat()),
            _ => Reply::Send(part(seen, bytes)),
        });
        let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
        let pulled = bench.pull(&format!("{}/a", server.address), &mut blobs).unwrap();
        assert_eq!(pulled.image.digest(), image.digest());
        check_whole(&pulled.image, &blobs);
        let last = server.seen().pop().unwrap();
        let range = (cut > 0).then(|| format!("bytes={cut}-"));
        assert_eq!(last.field("range"), range.as_deref(), "cut at {cut}");
    }
}

#[test]
fn side_by_side_layers_go_on_where_they_broke_too() {
    let (server, image) = with_layer(&[700_000, 5000, 1, 90_000], |seen, bytes, n_asked| match n_asked {
        0 => Reply::Cut([head(bytes.len(), ""), bytes[..300_000].to_vec()].concat()),
        1 => Reply::Stall([head(bytes.len(), ""), Vec::new()].concat()),
        _ => Reply::Send(part(seen, bytes)),
    });
    let scratch = Scratch::new();
    let mut bench = Bench::with_store(patience(Duration::from_millis(200)), scratch.dir());
    let mut blobs = native::disk::DiskBlobs::open(scratch.dir()).unwrap();
    let pulled = bench.pull(&format!("{}/a", server.address), &mut blobs);
    // A stalled answer to a range that is no range.
    let pulled = pulled.unwrap();
    assert_eq!(pulled.image.digest(), image.digest());
    check_whole(&pulled.image, &blobs);
    let ranges = server
        .seen()
        .iter()
        .filter(|seen| seen.field("range") == Some("bytes=300000-"))
        .count();
    assert!(ranges >= 1, "{ranges}");
}

/// Pulls what `script` makes of a layer, with and without lanes; returns what is said, and checks that nothing is kept under the
/// layer's name.
fn refused(script: impl Fn(&Seen, &[u8], usize) -> Reply + Send + Sync + Clone + 'static) -> (String, Server) {
    let (server, image) = with_layer(&[50_000], script.clone());
    let (mut bench, mut blobs) = (
        Bench::with(patience(Duration::from_millis(200))),
        MemoryBlobs::default(),
    );
    let error = bench
        .pull(&format!("{}/a", server.address), &mut blobs)
        .unwrap_err()
        .to_string();
    let digest = image.layers[0].descriptor.digest;
    assert!(!store::BlobStore::has(&blobs, &digest));
    let (second, _) = with_layer(&[50_000], script);
    let scratch = Scratch::new();
    let mut bench = Bench::with_store(patience(Duration::from_millis(200)), scratch.dir());
    let mut blobs = native::disk::DiskBlobs::open(scratch.dir()).unwrap();
    let side_by_side = bench
        .pull(&format!("{}/a", second.address), &mut blobs)
        .unwrap_err()
        .to_string();
    let bare = |text: &str| text.replace(&second.address, "HOST").replace(&server.address, "HOST");
    assert_eq!(bare(&side_by_side), bare(&error));
    assert!(!store::BlobStore::has(&blobs, &digest));
    let files = std::fs::read_dir(scratch.path("blobs/sha256")).unwrap().count();
    assert_eq!(files, 0, "nothing of a layer that is refused is published");
    (error, server)
}

#[test]
fn other_bytes_than_were_named_are_refused() {
    let (said, _) = refused(|_, bytes, _| {
        let mut other = bytes.to_vec();
        other[1000] ^= 1;
        Reply::Send(answer(200, "", &other))
    });
    assert!(
        said.starts_with("filesystem layer verification failed for digest sha256:"),
        "{said}"
    );
}

#[test]
fn lengths_that_are_wrong_are_refused_before_a_byte_is_read() {
    let (said, _) = refused(|_, bytes, _| Reply::Send(answer(200, "", &[bytes, b"more"].concat())));
    assert!(said.starts_with("expected ") && said.contains(", found "), "{said}");
    let (said, _) = refused(|_, bytes, _| Reply::Send(answer(200, "", &bytes[..100])));
    assert!(said.ends_with("found 100"), "{said}");
}

#[test]
fn a_blob_without_end_is_read_one_byte_too_far() {
    let (said, server) = refused(|_, bytes, _| {
        let start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        Reply::Endless(start, chunk)
    });
    assert!(said.contains("found"), "{said}");
    // What the system holds for a connection is sent, and no more.
    assert!(server.n_endless.load(Ordering::SeqCst) < 64 << 20);
}

#[test]
fn whoever_breaks_off_five_times_is_given_up() {
    let (said, server) = refused(|seen, bytes, _| match seen.field("range") {
        None => Reply::Cut([head(bytes.len(), ""), bytes[..10].to_vec()].concat()),
        Some(_) => Reply::Cut(Vec::new()),
    });
    assert!(said.contains("the connection ended after 10"), "{said}");
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.target.contains("/blobs/"))
            .count(),
        1 + 5
    );
}

#[test]
fn a_range_that_nobody_has_is_said() {
    let (said, _) = refused(|seen, bytes, _| match seen.field("range") {
        None => Reply::Cut([head(bytes.len(), ""), bytes[..10].to_vec()].concat()),
        Some(_) => Reply::Send(answer(416, "", b"")),
    });
    assert!(said.contains("416"), "{said}");
}

#[test]
fn whoever_asks_for_patience_gets_it() {
    let (server, _) = with_layer(&[5000], |seen, bytes, n_asked| match n_asked {
        0 => Reply::Send(answer(429, "Retry-After: 7\r\n", b"")),
        1 => Reply::Send(answer(503, "", b"")),
        _ => Reply::Send(part(seen, bytes)),
    });
    let mut bench = Bench::new();
    bench
        .pull(&format!("{}/a", server.address), &mut MemoryBlobs::default())
        .unwrap();
    assert_eq!(bench.watch.waits, [Duration::from_secs(7), Duration::from_secs(10)]);
    let (server, _) = with_layer(&[5000], |_, _, _| Reply::Send(answer(429, "", b"")));
    let error = bench
        .pull(&format!("{}/a", server.address), &mut MemoryBlobs::default())
        .unwrap_err();
    assert_eq!(error.status(), Some(429));
}

/// A login for everybody.
struct Everybody;

impl Credentials for Everybody {
    fn login(&self, _: &str) -> Result<Option<Login>, CredentialError> {
        Ok(Some(Login::new("me", "hunter2")))
    }
}

fn said_to(server: &Server) -> Vec<Option<String>> {
    let seen = server.seen();
    let blobs = seen.iter().filter(|seen| seen.target.starts_with("/there"));
    blobs
        .map(|seen| seen.field("authorization").map(str::to_owned))
        .collect()
}

#[test]
fn a_login_does_not_follow_a_blob_to_another_host() {
    let mut blobs = MemoryBlobs::default();
    let pushed = image(&[3000], &mut blobs);
    let bytes = store::BlobStore::get(&blobs, &pushed.layers[0].descriptor.digest).unwrap();
    let there = Server::start(move |seen| Reply::Send(part(seen, &bytes)));
    let (honest, location) = (honest(&pushed, &blobs), there.url("/there"));
    let digest = pushed.layers[0].descriptor.digest.to_string();
    let here = Server::start(move |seen| match seen.field("authorization") {
        None => Reply::Send(answer(401, "WWW-Authenticate: Basic realm=\"r\"\r\n", b"")),
        Some(_) if seen.target.ends_with(&digest) => {
            Reply::Send(answer(307, &format!("Location: {location}\r\n"), b""))
        }
        Some(_) => honest(seen),
    });
    let scratch = Scratch::new();
    let mut bench = Bench::with_store(patience(Duration::from_secs(5)), scratch.dir());
    bench.credentials = Box::new(Everybody);
    let mut store = native::disk::DiskBlobs::open(scratch.dir()).unwrap();
    bench.pull(&format!("{}/a", here.address), &mut store).unwrap();
    assert_eq!(said_to(&there), [None]);
    assert!(
        here.seen()
            .iter()
            .any(|seen| seen.field("authorization") == Some("Basic bWU6aHVudGVyMg=="))
    );
}

#[test]
fn redirects_in_a_circle_end() {
    let (said, server) = refused(|seen, _, _| Reply::Send(answer(307, &format!("Location: {}\r\n", seen.target), b"")));
    assert!(said.contains("redirects"), "{said}");
    assert!(server.seen().len() < 20);
}

#[test]
fn a_token_server_of_another_house_does_not_see_the_login() {
    let token = Server::start(|_| Reply::Send(answer(200, "", br#"{"token":"t"}"#)));
    let realm = token.url("/there").replace("127.0.0.1", "localhost");
    let mut blobs = MemoryBlobs::default();
    let honest = honest(&image(&[3000], &mut blobs), &blobs);
    let here = Server::start(move |seen| {
        if seen.field("authorization") == Some("Bearer t") {
            return honest(seen);
        }
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"\r\n");
        Reply::Send(answer(401, &challenge, b""))
    });
    let mut bench = Bench::new();
    bench.credentials = Box::new(Everybody);
    bench
        .pull(&format!("{}/a", here.address), &mut MemoryBlobs::default())
        .unwrap();
    assert_eq!(said_to(&token), [None]);
    let leaked = here.seen().iter().any(|seen| {
        seen.field("authorization")
            .is_some_and(|text| text.starts_with("Basic"))
    });
    assert!(!leaked);
}

#[test]
fn a_header_that_lies_about_the_manifest_is_not_believed() {
    let mut blobs = MemoryBlobs::default();
    let (one, two) = (image(&[3000], &mut blobs), image(&[3001], &mut blobs));
    let honest = honest(&one, &blobs);
    let lie = two.digest();
    let bytes = one.manifest_bytes.clone();
    let server = Server::start(move |seen| {
        if !seen.target.contains("/manifests/") {
            return honest(seen);
        }
        let fields = format!("Docker-Content-Digest: {lie}\r\n");
        Reply::Send(if seen.method == "HEAD" {
            head(bytes.len(), &fields)
        } else {
            answer(200, &fields, &bytes)
        })
    });
    let mut bench = Bench::new();
    let error = bench
        .pull(&format!("{}/a", server.address), &mut MemoryBlobs::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("manifest verification failed for digest {lie}")
    );
}

#[test]
fn progress_is_told_while_layers_come_side_by_side() {
    let (server, image) = with_layer(&[2 << 20, 3000], |seen, bytes, _| Reply::Send(part(seen, bytes)));
    let scratch = Scratch::new();
    let mut bench = Bench::with_store(patience(Duration::from_secs(5)), scratch.dir());
    let mut blobs = native::disk::DiskBlobs::open(scratch.dir()).unwrap();
    bench.pull(&format!("{}/a", server.address), &mut blobs).unwrap();
    for layer in &image.layers {
        let id = layer.descriptor.digest.short();
        let states = bench.watch.events.iter().filter_map(|event| match event {
            Event::Layer(layer) if layer.id == id => Some(layer.state.to_string()),
            _ => None,
        });
        let mut states: Vec<String> = states.collect();
        states.dedup();
        let last = ["Verifying Checksum", "Download complete", "Extracting", "Pull complete"];
        assert!(states.ends_with(&last.map(str::to_owned)), "{states:?}");
        assert_eq!(states[0], "Pulling fs layer");
    }
}

#[test]
fn a_search_reads_what_the_hub_would_answer() {
    let server = Server::start(|seen| {
        let found = br#"{"query":"redis","num_results":2,"results":[
            {"name":"redis","description":"a store\u0007","star_count":13000,"is_official":true},{"name":"me/redis"}]}"#;
        Reply::Send(match seen.target.as_str() {
            "/v1/_ping" => answer(200, "", b"true"),
            "/v1/search?q=redis&n=2" => answer(200, "Content-Type: application/json\r\n", found),
            _ => answer(404, "", b""),
        })
    });
    let mut bench = Bench::new();
    let term = format!("{}/redis", server.address);
    let found = bench.client(|client| client.search(&term, 2)).unwrap();
    let names: Vec<&str> = found.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["redis", "me/redis"]);
    assert_eq!(
        (found[0].description.as_str(), found[0].star_count, found[0].is_official),
        ("a store", 13000, true)
    );
    let error = bench.client(|client| client.search(&term, 3)).unwrap_err().to_string();
    assert!(error.contains("Unexpected status code 404"), "{error}");
}
