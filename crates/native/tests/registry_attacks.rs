//! What strangers try on a registry, over a socket. Named after the reports of it elsewhere.

mod registry_bench;

use registry_bench::{Bench, IMAGE};
use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

const DELETE: (&str, &str) = ("REGISTRY_STORAGE_DELETE_ENABLED", "true");

const ACCOUNTS: [(&str, &str); 2] = [
    ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
    ("REGISTRY_AUTH_HTPASSWD_PATH", "htpasswd"),
];

/// `testuser:pw`.
const RIGHT: (&str, &str) = ("Authorization", "Basic dGVzdHVzZXI6cHc=");

/// In KiB, as the system counts it.
fn resident(bench: &Bench, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", bench.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_start_matches(':')
        .trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn cve_2023_2253_a_huge_page_of_the_catalogue_is_refused() {
    let bench = Bench::on_disk(&[]);
    bench.push_blob("a", b"hello");
    for n in ["1001", "99999999999999999999999", "-1"] {
        let reply = bench.ask("GET", &format!("/v2/_catalog?n={n}"), &[], b"");
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "PAGINATION_NUMBER_INVALID"),
            "{n}"
        );
    }
    assert_eq!(bench.ask("GET", "/v2/_catalog?n=1000", &[], b"").status, 200);
}

#[test]
fn cve_2017_11468_a_manifest_without_end_takes_no_memory() {
    let bench = Bench::on_disk(&[]);
    let before = resident(&bench, "VmHWM");
    let announced = bench.raw(
        format!("PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {IMAGE}\r\nContent-Length: 99999999999\r\n\r\n")
            .as_bytes(),
    );
    assert_eq!(announced.unwrap().status, 413);
    let mut stream = bench.connect();
    let head = format!(
        "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: {IMAGE}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    // It stops listening long before this ends.
    let sent = (0..64).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent < 64, "all of it was read");
    let grown = resident(&bench, "VmHWM") - before;
    assert!(grown < 32 << 10, "{grown} KiB");
}

#[test]
fn cve_2026_41888_a_tag_stays_while_deletes_are_off() {
    let bench = Bench::on_disk(&[]);
    bench.push_image("a", "v1", b"layer");
    assert_eq!(bench.ask("DELETE", "/v2/a/manifests/v1", &[], b"").status, 405);
    assert_eq!(
        bench
            .ask("HEAD", "/v2/a/manifests/v1", &[("Accept", IMAGE)], b"")
            .status,
        200
    );
}

#[test]
fn while_it_is_only_read_nothing_is_written() {
    let mut bench = Bench::on_disk(&[DELETE]);
    bench.push_image("a", "v1", b"layer");
    bench.signal("TERM");
    bench.wait();
    let root = bench.dir.clone();
    let read_only = [
        ("REGISTRY_STORAGE", "filesystem"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "registry"),
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true"),
        DELETE,
    ];
    let bench = Bench::start(root, &read_only);
    for (method, target) in [
        ("POST", "/v2/a/blobs/uploads/"),
        ("PUT", "/v2/a/manifests/v2"),
        ("DELETE", "/v2/a/manifests/v1"),
    ] {
        assert_eq!(bench.ask(method, target, &[], b"{}").status, 405, "{method} {target}");
    }
    assert_eq!(
        bench.ask("GET", "/v2/a/manifests/v1", &[("Accept", IMAGE)], b"").status,
        200
    );
}

#[test]
fn slowloris_many_who_never_finish_their_header_keep_nobody_out() {
    let bench = Bench::on_disk(&[]);
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = bench.connect();
        stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-a: ").unwrap();
        slow.push(stream);
    }
    assert_eq!(bench.ask("GET", "/v2/", &[], b"").status, 200);
    // Nor do those who never finish their body.
    let location = bench
        .ask("POST", "/v2/a/blobs/uploads/", &[], b"")
        .header("location")
        .to_owned();
    for _ in 0..100 {
        let mut stream = bench.connect();
        let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx");
        stream.write_all(head.as_bytes()).unwrap();
        slow.push(stream);
    }
    assert_eq!(bench.push_blob("b", b"hello"), oci::Digest::of(b"hello").to_string());
    assert!(resident(&bench, "VmHWM") < 64 << 10);
}

#[test]
fn floods_of_header_fields_are_refused() {
    let bench = Bench::on_disk(&[]);
    let many = "X-a: b\r\n".repeat(5000);
    let long = format!("X-a: {}\r\n", "b".repeat(1 << 20));
    for fields in [many, long] {
        let request = format!("GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
        let reply = bench.raw(request.as_bytes());
        assert!(reply.is_none_or(|reply| reply.status == 431), "it was answered");
    }
    let target = format!("/v2/{}", "a".repeat(100_000));
    let reply = bench.raw(format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(reply.is_none_or(|reply| matches!(reply.status, 404 | 414 | 431)));
    assert_eq!(bench.ask("GET", "/v2/", &[], b"").status, 200);
    assert!(resident(&bench, "VmHWM") < 64 << 10);
}

#[test]
fn floods_of_ranges_are_answered_with_the_whole_once() {
    let bench = Bench::on_disk(&[]);
    let bytes = vec![7; 100_000];
    let digest = bench.push_blob("a", &bytes);
    let ranges: Vec<String> = (0..5000).map(|n| format!("{n}-")).collect();
    let flood = format!("bytes={}", ranges.join(","));
    let reply = bench.ask("GET", &format!("/v2/a/blobs/{digest}"), &[("Range", &flood)], b"");
    assert_eq!((reply.status, reply.body.len()), (200, bytes.len()));
}

#[test]
fn bcrypt_long_passwords_and_costs_of_hours_keep_nobody_waiting() {
    let bench = Bench::on_disk(&ACCOUNTS);
    let file = bench.dir.join("htpasswd");
    let mut lines = fs::read_to_string(&file).unwrap();
    lines += "dear:$2y$31$2xkI7E08aS.RL6qtgg4NiOrbBVEaxJ/Wlf6iQgXMqJV/9ZnQza/My\r\n# a remark\r\n\r\n";
    fs::write(&file, lines).unwrap();
    let basic = |pair: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let status = |pair: &str| bench.ask("GET", "/v2/", &[("Authorization", &basic(pair))], b"").status;
    assert_eq!(status("dear:pw"), 401);
    assert_eq!(status(&format!("testuser:{}", "p".repeat(50_000))), 401);
    assert_eq!(status("testuser:pw"), 200);
}

#[test]
fn guesses_from_many_connections_do_not_keep_out_who_is_known() {
    let bench = Bench::on_disk(&ACCOUNTS);
    assert_eq!(bench.ask("GET", "/v2/", &[RIGHT], b"").status, 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |n: usize| {
            let bench = &bench;
            scope.spawn(move || {
                use base64::Engine;
                let pair = format!("user{n}:wrong");
                let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
                bench.ask("GET", "/v2/", &[("Authorization", &value)], b"").status
            })
        };
        let guesses: Vec<_> = (0..40).map(guess).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    // From one address, a few are free; then each must wait.
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
}

#[test]
fn who_may_not_come_in_learns_nothing_and_mounts_nothing_ghsa_55r9_5mx9_qq7r() {
    let bench = Bench::on_disk(&ACCOUNTS);
    let digest = oci::Digest::of(b"secret");
    let target = format!("/v2/private/blobs/uploads/?digest={digest}");
    assert_eq!(bench.ask("POST", &target, &[RIGHT], b"secret").status, 201);
    for (method, target) in [
        ("GET", format!("/v2/private/blobs/{digest}")),
        ("HEAD", format!("/v2/private/blobs/{digest}")),
        ("POST", format!("/v2/mine/blobs/uploads/?mount={digest}&from=private")),
        ("POST", format!("/v2/mine/blobs/uploads/?mount={digest}")),
        ("GET", format!("/v2/mine/blobs/{digest}")),
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/private/tags/list".to_owned()),
        ("GET", format!("/v2/private/referrers/{digest}")),
    ] {
        let reply = bench.ask(method, &target, &[], b"");
        assert_eq!(reply.status, 401, "{method} {target}");
        assert!(!reply.text().contains("secret"));
    }
    // Another repository's blob is not there until it is mounted.
    assert_eq!(
        bench
            .ask("GET", &format!("/v2/mine/blobs/{digest}"), &[RIGHT], b"")
            .status,
        404
    );
}

#[test]
fn what_a_request_says_of_the_host_is_not_repeated_in_locations() {
    let bench = Bench::on_disk(&[]);
    for field in [
        "Host: evil.test",
        "Host: x\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https",
        "Host: x\r\nForwarded: host=evil.test",
    ] {
        let request =
            format!("POST /v2/a/blobs/uploads/ HTTP/1.1\r\n{field}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let reply = bench.raw(request.as_bytes()).unwrap();
        assert_eq!(reply.status, 202);
        let location = reply.header("location");
        assert!(location.starts_with("/v2/a/blobs/uploads/"), "{location}");
    }
}

#[test]
fn nothing_a_client_sends_forges_the_log_and_no_secret_is_in_it() {
    let bench = Bench::on_disk(&ACCOUNTS);
    let agent = ("User-Agent", "x\" level=fatal msg=\"forged");
    bench.ask("GET", "/v2/a/manifests/v1%0alevel=fatal%1b[2J", &[RIGHT, agent], b"");
    bench.ask(
        "GET",
        "/v2/",
        &[("Authorization", "Basic dGVzdHVzZXI6c2VjcmV0"), agent],
        b"",
    );
    while bench.log().lines().filter(|line| line.contains("http.request")).count() < 3 {
        std::thread::yield_now();
    }
    let log = bench.log();
    for line in log.lines() {
        assert!(line.starts_with("time=\"") && !line.contains('\u{1b}'), "{line}");
        assert!(!line.contains("level=fatal msg=\"forged"), "{line}");
    }
    for secret in ["dGVzdHVzZXI6", "secret", "$2b$", "Basic "] {
        assert!(
            !log.contains(&format!("={secret}")) && !log.contains(&format!("\"{secret}")),
            "{secret}: {log}"
        );
    }
}

#[test]
fn ten_thousand_uploads_that_nobody_finishes_are_too_many() {
    let bench = Bench::on_disk(&[]);
    let mut stream = bench.connect();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let request = b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let last = b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let mut text = String::new();
    std::thread::scope(|scope| {
        let mut writer = stream.try_clone().unwrap();
        scope.spawn(move || {
            for _ in 0..1999 {
                writer.write_all(request).unwrap();
            }
            writer.write_all(last).unwrap();
        });
        stream.read_to_string(&mut text).unwrap();
    });
    let count = |status: &str| text.matches(&format!("HTTP/1.1 {status} ")).count();
    assert_eq!((count("202"), count("429")), (1000, 1000));
    assert_eq!(fs::read_dir(bench.dir.join("registry/uploads")).unwrap().count(), 1000);
}

#[test]
fn two_who_change_one_upload_do_not_mix_their_bytes() {
    let bench = Bench::on_disk(&[]);
    let location = bench.begin();
    let mut first = bench.connect();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhel");
    first.write_all(head.as_bytes()).unwrap();
    while !bench
        .dir
        .join("registry/uploads")
        .join(location.rsplit('/').next().unwrap())
        .exists()
    {
        std::thread::yield_now();
    }
    assert_eq!(bench.ask("PATCH", &location, &[], b"XXXXX").status, 429);
    assert_eq!(bench.ask("DELETE", &location, &[], b"").status, 429);
    assert_eq!(bench.ask("GET", &location, &[], b"").status, 204);
    first.write_all(b"lo").unwrap();
    let mut reply = String::new();
    first.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 202 "), "{reply}");
    let digest = oci::Digest::of(b"hello");
    assert_eq!(
        bench
            .ask("PUT", &format!("{location}?digest={digest}"), &[], b"")
            .status,
        201
    );
}

#[test]
fn a_large_blob_comes_and_goes_in_little_memory() {
    let bench = Bench::on_disk(&[]);
    let size = 128 << 20;
    let file = bench.dir.join("large");
    fs::write(&file, vec![7; size]).unwrap();
    let mut digester = oci::Digester::new();
    digester.update(&fs::read(&file).unwrap());
    let digest = digester.finish();
    let location = bench.begin();
    let done = bench.curl(
        &["-X", "PUT", "--upload-file", "large"],
        &format!("{location}?digest={digest}"),
    );
    assert!(done.contains("HTTP/1.1 201 "), "{done}");
    let words = [
        "--silent",
        "--output",
        "back",
        &bench.url(&format!("/v2/a/blobs/{digest}")),
    ];
    assert!(bench.run("curl", &words).status.success());
    assert_eq!(fs::metadata(bench.dir.join("back")).unwrap().len(), size as u64);
    let peak = resident(&bench, "VmHWM");
    assert!(peak < 64 << 10, "{peak} KiB");
}
