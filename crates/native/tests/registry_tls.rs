//! TLS and accounts of `layerlab registry serve`: certificates and passwords that change while it runs.

mod registry_bench;

use registry_bench::{Bench, new_dir};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The command of the course: a certificate that has a common name and nothing else, signed by itself.
fn self_signed(dir: &Path, name: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "365",
    ]);
    openssl.args([
        "-keyout",
        "domain.key",
        "-out",
        "domain.crt",
        "-subj",
        &format!("/CN={name}"),
    ]);
    let output = openssl.current_dir(dir).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate for 127.0.0.1 that clients who know it believe.
fn for_loopback(dir: &Path, name: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]);
    openssl.args([
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-subj",
        &format!("/CN={name}"),
    ]);
    openssl.args(["-keyout", "domain.key", "-out", "domain.crt", "-days", "365"]);
    let output = openssl.current_dir(dir).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const TLS: [(&str, &str); 2] = [
    ("REGISTRY_HTTP_TLS_CERTIFICATE", "domain.crt"),
    ("REGISTRY_HTTP_TLS_KEY", "domain.key"),
];

const ACCOUNTS: [(&str, &str); 2] = [
    ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
    ("REGISTRY_AUTH_HTPASSWD_PATH", "htpasswd"),
];

fn https(bench: &Bench, words: &[&str], target: &str) -> (bool, String) {
    let url = format!("https://{}{target}", bench.address);
    let fixed = ["--silent", "--show-error", "--include", "--max-time", "60"];
    let output = bench.run("curl", &[&fixed, words, &[&url]].concat());
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_self_signed_certificate_with_a_common_name_alone_is_served() {
    let dir = new_dir();
    self_signed(&dir, "registry.test");
    let bench = Bench::start(dir, &TLS);
    let (is_fine, said) = https(&bench, &["--insecure"], "/v2/");
    assert!(is_fine && said.contains(" 200"), "{said}");
    let (is_fine, said) = https(&bench, &[], "/v2/");
    assert!(!is_fine && said.contains("certificate"), "{said}");
}

#[test]
fn plain_http_where_tls_is_spoken_is_told_so() {
    let dir = new_dir();
    self_signed(&dir, "registry.test");
    let bench = Bench::start(dir, &TLS);
    let said = bench.curl(&["--http1.0"], "/v2/");
    assert!(said.starts_with("HTTP/1.0 400 Bad Request\n"), "{said}");
    assert!(
        said.ends_with("\n\nClient sent an HTTP request to an HTTPS server.\n"),
        "{said}"
    );
    // What is neither ends without an answer, and keeps nobody waiting.
    assert_eq!(bench.raw(b"\x00\x01\x02"), None);
    assert!(https(&bench, &["--insecure"], "/v2/").0);
}

#[test]
fn a_certificate_that_changes_is_served_without_a_restart_and_a_broken_one_is_not() {
    let dir = new_dir();
    for_loopback(&dir, "first");
    let bench = Bench::start(dir.clone(), &TLS);
    fs::copy(dir.join("domain.crt"), dir.join("first.crt")).unwrap();
    let sees = |name: &str| https(&bench, &["--cacert", name], "/v2/").0;
    assert!(sees("first.crt"));
    for_loopback(&dir, "second");
    fs::copy(dir.join("domain.crt"), dir.join("second.crt")).unwrap();
    assert!(!sees("first.crt") && sees("second.crt"));
    fs::write(dir.join("domain.crt"), "no certificate").unwrap();
    assert!(sees("second.crt"));
    fs::copy(dir.join("first.crt"), dir.join("domain.crt")).unwrap();
    // This one does not fit the key.
    assert!(sees("second.crt"));
}

#[test]
fn versions_before_the_least_that_is_asked_for_are_refused() {
    let dir = new_dir();
    self_signed(&dir, "registry.test");
    let least = ("REGISTRY_HTTP_TLS_MINIMUMTLS", "tls1.3");
    let bench = Bench::start(dir, &[TLS[0], TLS[1], least]);
    assert!(https(&bench, &["--insecure"], "/v2/").0);
    assert!(!https(&bench, &["--insecure", "--tls-max", "1.2"], "/v2/").0);
}

#[test]
fn where_client_certificates_are_asked_for_nobody_comes_without_one() {
    let dir = new_dir();
    for_loopback(&dir, "server");
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-CA",
        "domain.crt",
        "-CAkey",
        "domain.key",
    ]);
    openssl.args([
        "-extensions",
        "usr_cert",
        "-subj",
        "/CN=client",
        "-keyout",
        "client.key",
        "-out",
        "client.crt",
    ]);
    let output = openssl.current_dir(&dir).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cas = ("REGISTRY_HTTP_TLS_CLIENTCAS", "[domain.crt]");
    let bench = Bench::start(dir, &[TLS[0], TLS[1], cas]);
    assert!(!https(&bench, &["--insecure"], "/v2/").0);
    let (is_fine, said) = https(
        &bench,
        &["--insecure", "--cert", "client.crt", "--key", "client.key"],
        "/v2/",
    );
    assert!(is_fine, "{said}");
}

#[test]
fn accounts_that_change_count_without_a_restart_and_a_broken_file_changes_nobody() {
    let bench = Bench::new(&ACCOUNTS);
    let status = |user: &str| {
        let said = bench.curl(&["--user", user], "/v2/");
        said.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(
        (status("testuser:pw"), status("other:pw")),
        ("200".to_owned(), "401".to_owned())
    );
    let line = registry::htpasswd_line("other", "pw", 4, [7; 16]);
    fs::write(bench.dir.join("htpasswd"), format!("# from now on\r\n{line}\r\n")).unwrap();
    assert_eq!(
        (status("testuser:pw"), status("other:pw")),
        ("401".to_owned(), "200".to_owned())
    );
    fs::write(bench.dir.join("htpasswd"), "no colon in this line\n").unwrap();
    assert_eq!(status("other:pw"), "200");
    fs::remove_file(bench.dir.join("htpasswd")).unwrap();
    assert_eq!(status("other:pw"), "200");
    fs::write(bench.dir.join("htpasswd"), "").unwrap();
    assert_eq!(status("other:pw"), "401");
}

#[test]
fn skopeo_copies_both_ways_over_tls_with_a_password() {
    let dir = new_dir();
    for_loopback(&dir, "registry.test");
    fs::create_dir_all(dir.join("certs")).unwrap();
    fs::copy(dir.join("domain.crt"), dir.join("certs/ca.crt")).unwrap();
    let bench = Bench::start(dir, &[TLS, ACCOUNTS].concat());
    let id = bench.build();
    let app = format!("docker://{}/team/app:v1", bench.address);
    let push = [
        "copy",
        "--dest-cert-dir",
        "certs",
        "--dest-creds",
        "testuser:pw",
        "oci-archive:image.tar",
        &app,
    ];
    bench.skopeo(&push);
    bench.skopeo(&[
        "copy",
        "--src-cert-dir",
        "certs",
        "--src-creds",
        "testuser:pw",
        &app,
        "dir:back",
    ]);
    let manifest = fs::read_to_string(bench.dir.join("back/manifest.json")).unwrap();
    assert!(manifest.contains(&id), "{id} in {manifest}");
    let words = [
        "--insecure-policy",
        "copy",
        "--src-cert-dir",
        "certs",
        "--src-creds",
        "testuser:no",
        &app,
        "dir:no",
    ];
    assert!(!bench.run("skopeo", &words).status.success());
}
