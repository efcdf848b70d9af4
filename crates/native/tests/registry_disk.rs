//! `layerlab registry serve` on disk: what was acknowledged is there after it was killed, and what is under way goes on.

mod registry_bench;

use registry_bench::{Bench, IMAGE, field};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let mut bench = Bench::on_disk(&[]);
    let small = bench.push_blob("a", b"hello");
    let large_bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let large = bench.push_blob("a", &large_bytes);
    let image = bench.push_image("team/app", "v1", &large_bytes);
    bench.restart();
    assert_eq!(
        bench.ask("GET", &format!("/v2/a/blobs/{small}"), &[], b"").body,
        b"hello"
    );
    assert_eq!(
        bench.ask("GET", &format!("/v2/a/blobs/{large}"), &[], b"").body,
        large_bytes
    );
    let reply = bench.ask("GET", "/v2/team/app/manifests/v1", &[("Accept", IMAGE)], b"");
    assert_eq!((reply.status, reply.body), (200, image));
    let catalog = bench.ask("GET", "/v2/_catalog", &[], b"").text();
    assert_eq!(catalog, "{\"repositories\":[\"a\",\"team/app\"]}\n");
}

#[test]
fn an_upload_goes_on_where_it_was_when_the_registry_was_killed() {
    let mut bench = Bench::on_disk(&[]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 249) as u8).collect();
    fs::write(bench.dir.join("first"), &bytes[..1_000_000]).unwrap();
    fs::write(bench.dir.join("second"), &bytes[1_000_000..2_000_000]).unwrap();
    fs::write(bench.dir.join("third"), &bytes[2_000_000..]).unwrap();
    let location = bench.begin();
    let send = |bench: &Bench, range: &str, file: &str| {
        let (range, data) = (format!("Content-Range: {range}"), format!("@{file}"));
        bench.curl(&["-X", "PATCH", "-H", &range, "--data-binary", &data], &location)
    };
    assert_eq!(field(&send(&bench, "0-999999", "first"), "range"), "0-999999");
    bench.restart();
    assert_eq!(field(&bench.curl(&[], &location), "range"), "0-999999");
    // The range is wrong by one: nothing is taken.
    assert!(send(&bench, "999999-1999998", "second").starts_with("HTTP/1.1 416 "));
    assert_eq!(field(&send(&bench, "1000000-1999999", "second"), "range"), "0-1999999");
    // In the middle of the third piece.
    let mut stream = bench.connect();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&bytes[2_000_000..2_400_000]).unwrap();
    bench.restart();
    drop(stream);
    let size: usize = field(&bench.curl(&[], &location), "range")[2..]
        .parse::<usize>()
        .unwrap()
        + 1;
    assert!((2_000_000..=2_400_000).contains(&size), "{size}");
    fs::write(bench.dir.join("rest"), &bytes[size..]).unwrap();
    let digest = oci::Digest::of(&bytes);
    let done = bench.curl(
        &["-X", "PUT", "--data-binary", "@rest"],
        &format!("{location}?digest={digest}"),
    );
    assert!(done.starts_with("HTTP/1.1 201 "), "{done}");
    assert_eq!(bench.ask("GET", field(&done, "location"), &[], b"").body, bytes);
}

#[test]
fn asked_to_stop_it_finishes_what_is_under_way_and_takes_on_nothing_new() {
    let mut bench = Bench::on_disk(&[]);
    let location = bench.begin();
    let digest = oci::Digest::of(b"hello");
    let mut stream = bench.connect();
    let head = format!("PUT {location}?digest={digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    stream.write_all(head.as_bytes()).unwrap();
    // Once the bytes are on the disk, the request is surely under way.
    while !bench
        .dir
        .join("registry/uploads")
        .join(location.rsplit('/').next().unwrap())
        .exists()
    {
        std::thread::yield_now();
    }
    bench.signal("TERM");
    while !bench.log().contains("stopping after SIGTERM") {
        std::thread::yield_now();
    }
    assert!(!is_answered(&bench.address));
    stream.write_all(b"lo").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
    assert_eq!(bench.wait(), Some(0));
}

/// Whether somebody answers there. One who stops listening just now refuses, resets, or says nothing.
fn is_answered(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut reply = Vec::new();
    let asked = stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_to_end(&mut reply)).is_ok() && !reply.is_empty()
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut bench = Bench::on_disk(&[]);
    let location = bench.begin();
    let mut stream = bench.connect();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    stream.write_all(head.as_bytes()).unwrap();
    while !bench
        .dir
        .join("registry/uploads")
        .join(location.rsplit('/').next().unwrap())
        .exists()
    {
        std::thread::yield_now();
    }
    bench.signal("INT");
    while !bench.log().contains("stopping after SIGINT") {
        std::thread::yield_now();
    }
    bench.signal("INT");
    assert_eq!(bench.wait(), Some(130));
}

#[test]
fn killed_again_and_again_while_clients_push_and_delete_it_loses_nothing() {
    let mut bench = Bench::on_disk(&[("REGISTRY_STORAGE_DELETE_ENABLED", "true")]);
    let (mut kept, mut deleted) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..6 {
        let count = AtomicUsize::new(0);
        let outcomes = std::thread::scope(|scope| {
            let pushers: Vec<_> = (0..3)
                .map(|pusher| {
                    let (bench, count) = (&bench, &count);
                    scope.spawn(move || push_until_it_dies(bench, &format!("{round} {pusher}"), count))
                })
                .collect();
            // Another number of answers each time, so that it dies at another moment of a push.
            while count.load(Ordering::SeqCst) < 20 + 7 * round {
                std::thread::yield_now();
            }
            bench.signal("KILL");
            pushers
                .into_iter()
                .map(|pusher| pusher.join().unwrap())
                .collect::<Vec<_>>()
        });
        for (more_kept, more_deleted) in outcomes {
            kept.extend(more_kept);
            deleted.extend(more_deleted);
        }
        bench.restart();
        for bytes in &kept {
            let reply = bench.ask("GET", &format!("/v2/a/blobs/{}", oci::Digest::of(bytes)), &[], b"");
            assert!(reply.status == 200 && reply.body == *bytes, "{reply:?}");
        }
        for digest in &deleted {
            assert_eq!(bench.ask("GET", &format!("/v2/a/blobs/{digest}"), &[], b"").status, 404);
        }
    }
    assert!(
        kept.len() > 100 && deleted.len() > 30,
        "{} {}",
        kept.len(),
        deleted.len()
    );
}

/// Pushes blobs, small and large, and deletes every fourth, as long as it gets answers; what was acknowledged.
fn push_until_it_dies(bench: &Bench, name: &str, count: &AtomicUsize) -> (BTreeSet<Vec<u8>>, BTreeSet<oci::Digest>) {
    let (mut kept, mut deleted) = (BTreeSet::new(), BTreeSet::new());
    for n in 0.. {
        let size = if n % 5 == 0 { 200_000 } else { 2000 };
        let bytes: Vec<u8> = format!("{name} {n} ").bytes().cycle().take(size).collect();
        let digest = oci::Digest::of(&bytes);
        match bench.try_ask("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], &bytes) {
            Some(reply) => assert_eq!(reply.status, 201),
            None => break,
        }
        count.fetch_add(1, Ordering::SeqCst);
        if n % 4 == 0 {
            // Without an answer, nobody knows.
            match bench.try_ask("DELETE", &format!("/v2/a/blobs/{digest}"), &[], b"") {
                Some(reply) => assert_eq!(reply.status, 202),
                None => break,
            }
            deleted.insert(digest);
        } else {
            kept.insert(bytes);
        }
    }
    (kept, deleted)
}

#[test]
fn the_folder_of_another_registry_is_refused() {
    let bench = Bench::on_disk(&[]);
    let serve = |root: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_layerlab"))
            .args(["registry", "serve", "--addr", "127.0.0.1:0"])
            .current_dir(&bench.dir)
            .env_clear()
            .env("REGISTRY_STORAGE", "filesystem")
            .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", root)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        serve("registry"),
        "error: registry: another registry is using this folder\n"
    );
    fs::create_dir_all(bench.dir.join("docker/docker/registry/v2/blobs")).unwrap();
    let said = serve("docker");
    assert!(said.contains("found the data of registry:2"), "{said}");
}

#[test]
fn garbage_is_listed_then_deleted_and_a_check_says_what_is_left() {
    let mut bench = Bench::on_disk(&[("REGISTRY_STORAGE_DELETE_ENABLED", "true")]);
    bench.push_image("app", "v1", b"one");
    bench.push_image("app", "v2", b"two");
    bench.push_blob("app", b"garbage");
    assert_eq!(bench.ask("DELETE", "/v2/app/manifests/v2", &[], b"").status, 202);
    fs::write(
        bench.dir.join("config.yml"),
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: registry\n",
    )
    .unwrap();
    let said = |words: &[&str]| {
        let output = bench.run(env!("CARGO_BIN_EXE_layerlab"), &[&["registry"], words].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, text) = said(&["fsck", "config.yml"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(1), "error: registry: another registry is using this folder\n")
    );
    bench.signal("TERM");
    bench.wait();
    let said = |words: &[&str]| {
        let output = bench.run(env!("CARGO_BIN_EXE_layerlab"), &[&["registry"], words].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    };
    for _ in 0..2 {
        let (code, text) = said(&["garbage-collect", "--dry-run", "config.yml"]);
        assert_eq!(code, Some(0), "{text}");
        assert!(
            text.ends_with("1 blobs and 0 manifests eligible for deletion, 7 bytes\n"),
            "{text}"
        );
    }
    let (_, text) = said(&["garbage-collect", "config.yml"]);
    assert!(text.ends_with("1 blobs and 0 manifests deleted, 7 bytes\n"), "{text}");
    let (_, text) = said(&["garbage-collect", "--delete-untagged", "config.yml"]);
    assert!(text.contains("2 blobs and 1 manifests deleted"), "{text}");
    let (code, text) = said(&["fsck", "config.yml"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "3 blobs are whole, 0 things are missing or broken\n")
    );
    let digest = oci::Digest::of(b"one").hex();
    fs::write(
        bench.dir.join("registry/blobs/sha256").join(&digest[..2]).join(&digest),
        "eno",
    )
    .unwrap();
    let (code, text) = said(&["fsck", "config.yml"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with(&format!("corrupt blob: expected sha256:{digest}, found ")),
        "{text}"
    );
    fs::write(
        bench.dir.join("nowhere.yml"),
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: nowhere\n",
    )
    .unwrap();
    let (code, text) = said(&["garbage-collect", "nowhere.yml"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(1), "error: expected the folder of a registry, found no nowhere\n")
    );
    assert!(!bench.dir.join("nowhere").exists());
}

#[test]
fn figures_for_prometheus_are_at_the_second_address() {
    let bench = Bench::on_disk(&[
        ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"),
        ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "true"),
    ]);
    bench.push_blob("a", b"hello");
    let log = bench.log();
    let address = log
        .split("debug server listening ")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let metrics = bench.run("curl", &["--silent", &format!("http://{address}/metrics")]);
    let text = String::from_utf8(metrics.stdout).unwrap();
    let line = "registry_http_requests_total{code=\"201\",handler=\"blob_upload\",method=\"post\"} 1";
    assert!(text.lines().any(|found| found == line), "{text}");
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    let health = bench.run("curl", &["--silent", &format!("http://{address}/debug/health")]);
    assert_eq!(health.stdout, b"{}");
    assert_eq!(bench.ask("GET", "/metrics", &[], b"").status, 404);
}

#[test]
fn a_socket_in_the_file_system_is_served() {
    let dir = registry_bench::new_dir();
    let mut registry = Command::new(env!("CARGO_BIN_EXE_layerlab"))
        .args(["registry", "serve"])
        .current_dir(&dir)
        .env_clear()
        .envs([("REGISTRY_HTTP_NET", "unix"), ("REGISTRY_HTTP_ADDR", "registry.sock")])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut log = std::io::BufReader::new(registry.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut log, &mut line).unwrap();
    assert!(line.contains("listening on registry.sock"), "{line}");
    let mut stream = std::os::unix::net::UnixStream::connect(dir.join("registry.sock")).unwrap();
    stream
        .write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    registry.kill().unwrap();
    registry.wait().unwrap();
    fs::remove_dir_all(dir).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}

#[test]
fn a_push_goes_on_when_the_registry_is_killed_and_started_again_in_its_midst() {
    let mut bench = Bench::on_disk(&[]);
    let (name, dir) = (format!("{}/a:1", bench.address), bench.dir.clone());
    let layerlab = |root: &str, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command
            .args(words)
            .current_dir(&dir)
            .env("LAYERLAB_ROOT", dir.join(root));
        command
            .env("HOME", &dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let id = |root: &str| {
        let output = layerlab(root, &["inspect", &name, "-f", "{{.Id}}"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    fs::create_dir(dir.join("context")).unwrap();
    fs::write(dir.join("context/Dockerfile"), "FROM scratch\nCOPY noise /\n").unwrap();
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.take(2 << 20).flatten().collect();
    fs::write(dir.join("context/noise"), noise).unwrap();
    let built = layerlab("from", &["preview", "-q", "-t", &name, "context"])
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let mut push = layerlab("from", &["push", &name]).spawn().unwrap();
    let came = || -> u64 {
        let uploads = fs::read_dir(dir.join("registry/uploads"))
            .into_iter()
            .flatten()
            .flatten();
        uploads.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    };
    while came() < 3 << 20 {
        assert!(
            push.try_wait().unwrap().is_none(),
            "it was over before it could be disturbed"
        );
        std::thread::yield_now();
    }
    bench.restart();
    let pushed = push.wait_with_output().unwrap();
    assert!(pushed.status.success(), "{pushed:?}");
    let pulled = layerlab("to", &["pull", "-q", &name]).output().unwrap();
    assert!(pulled.status.success(), "{pulled:?}");
    assert_eq!(id("to"), id("from"));
}
