//! `layerlab registry serve` over a socket, asked by `curl`, by `skopeo` and by hand.
//!
//! `cargo xtask test native` installs both programs.

mod registry_bench;

use registry_bench::{Bench, field};
use std::fs;
use std::io::{Read, Write};
use std::process::Command;

const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn curl_pushes_in_chunks_and_pulls_in_parts() {
    let bench = Bench::new(&[]);
    assert!(bench.curl(&[], "/v2/").starts_with("HTTP/1.1 200 OK\n"));
    let location = bench.begin();
    let reply = bench.curl(
        &["-X", "PATCH", "-H", "Content-Range: 0-1", "--data-binary", "he"],
        &location,
    );
    assert_eq!(field(&reply, "range"), "0-1");
    let wrong = bench.curl(
        &["-X", "PATCH", "-H", "Content-Range: 3-4", "--data-binary", "lo"],
        &location,
    );
    assert!(wrong.starts_with("HTTP/1.1 416 "), "{wrong}");
    // `curl` sends a body of unknown length in chunks of its own.
    let stream = [
        "-X",
        "PATCH",
        "-H",
        "Transfer-Encoding: chunked",
        "--data-binary",
        "llo",
    ];
    assert_eq!(field(&bench.curl(&stream, &location), "range"), "0-4");
    let done = bench.curl(&["-X", "PUT"], &format!("{location}?digest={HELLO}"));
    assert!(done.starts_with("HTTP/1.1 201 Created\n"), "{done}");
    let blob = field(&done, "location").to_owned();
    assert!(bench.curl(&[], &blob).ends_with("\n\nhello"));
    let part = bench.curl(&["--range", "1-2"], &blob);
    assert!(part.starts_with("HTTP/1.1 206 ") && part.ends_with("\n\nel"), "{part}");
    let head = bench.curl(&["--head"], &blob);
    assert_eq!(field(&head, "content-length"), "5");
    let known = bench.curl(&["-H", &format!("If-None-Match: \"{HELLO}\"")], &blob);
    assert!(known.starts_with("HTTP/1.1 304 "), "{known}");
}

#[test]
fn skopeo_pushes_copies_and_pulls_the_same_image() {
    let bench = Bench::new(&[("REGISTRY_STORAGE_DELETE_ENABLED", "true")]);
    let id = bench.build();
    let image = |name: &str| format!("docker://{}/{name}", bench.address);
    let (first, second) = (image("team/app:v1"), image("other/app:v2"));
    bench.skopeo(&["copy", "--dest-tls-verify=false", "oci-archive:image.tar", &first]);
    bench.skopeo(&[
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &first,
        &second,
    ]);
    bench.skopeo(&["copy", "--src-tls-verify=false", &second, "dir:back"]);
    let manifest = fs::read_to_string(bench.dir.join("back/manifest.json")).unwrap();
    assert!(manifest.contains(&id), "{id} in {manifest}");
    let docker = image("team/app:docker");
    bench.skopeo(&[
        "copy",
        "--dest-tls-verify=false",
        "--format",
        "v2s2",
        "oci-archive:image.tar",
        &docker,
    ]);
    let tags = bench.skopeo(&["list-tags", "--tls-verify=false", &image("team/app")]);
    assert!(tags.contains("\"docker\"") && tags.contains("\"v1\""), "{tags}");
    bench.skopeo(&["delete", "--tls-verify=false", &first]);
    let gone = bench.curl(&[], "/v2/team/app/manifests/v1");
    assert!(gone.starts_with("HTTP/1.1 404 "), "{gone}");
}

#[test]
fn only_who_has_an_account_comes_in() {
    let bench = Bench::new(&[
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "htpasswd"),
    ]);
    let stranger = bench.curl(&[], "/v2/");
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
    assert_eq!(field(&stranger, "www-authenticate"), "Basic realm=\"Registry Realm\"");
    assert!(
        bench
            .curl(&["--user", "testuser:pw"], "/v2/")
            .starts_with("HTTP/1.1 200 ")
    );
    bench.build();
    let app = format!("docker://{}/app:v1", bench.address);
    bench.skopeo(&[
        "copy",
        "--dest-tls-verify=false",
        "--dest-creds",
        "testuser:pw",
        "oci-archive:image.tar",
        &app,
    ]);
    let denied = bench.run(
        "skopeo",
        &[
            "--insecure-policy",
            "copy",
            "--src-tls-verify=false",
            "--src-no-creds",
            &app,
            "dir:back",
        ],
    );
    assert!(!denied.status.success());
}

#[test]
fn an_upload_whose_connection_broke_can_go_on() {
    let bench = Bench::new(&[]);
    let location = bench.begin();
    let mut stream = bench.connect();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    // Whatever comes back, after it the registry has dealt with the piece.
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(field(&bench.curl(&[], &location), "range"), "0-2");
    let rest = ["-X", "PUT", "-H", "Content-Range: 3-4", "--data-binary", "lo"];
    let done = bench.curl(&rest, &format!("{location}?digest={HELLO}"));
    assert!(done.starts_with("HTTP/1.1 201 "), "{done}");
}

#[test]
fn a_client_that_dawdles_keeps_nobody_waiting() {
    let bench = Bench::new(&[]);
    let location = bench.begin();
    let mut slow = bench.connect();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhel");
    slow.write_all(head.as_bytes()).unwrap();
    assert!(bench.curl(&["--max-time", "20"], "/v2/").starts_with("HTTP/1.1 200 "));
}

#[test]
fn requests_that_two_programs_would_read_differently_change_nothing() {
    let bench = Bench::new(&[]);
    let location = bench.begin();
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length : 5\r\n",
    ] {
        let mut stream = bench.connect();
        let request = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\nhello");
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 4"),
            "{fields:?}: {reply}"
        );
        assert_eq!(field(&bench.curl(&[], &location), "range"), "0-0", "{fields:?}");
    }
}

#[test]
fn what_is_not_here_yet_is_refused_at_the_start() {
    for (variable, value, reason) in [
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "x", "expected http.tls.key"),
        (
            "REGISTRY_STORAGE",
            "swift",
            "expected storage filesystem, inmemory or s3",
        ),
        ("REGISTRY_LOG_LEVEL", "loud", "invalid loglevel loud"),
        (
            "REGISTRY_AUTH_HTPASSWD_PATH",
            "x",
            "must be set for htpasswd access controller",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_layerlab"))
            .args(["registry", "serve", "--addr", "127.0.0.1:0"])
            .env_clear()
            .env(variable, value)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}
