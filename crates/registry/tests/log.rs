//! The log's lines, held against those of the reference implementation (Debian's 2.8.2), times and identifiers aside.

mod support;

use oci::Digest;
use registry::{Config, Identity, Limits, LogStream, Method, REGISTRY_2_CONFIG, Server};
use support::Bench;

fn bench(variables: &[(&str, &str)]) -> Bench {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config = Config::read(REGISTRY_2_CONFIG, &variables).expect("a configuration");
    let mut bench = Bench::with(config, Limits::default());
    bench.now = "2026-11-25T22:21:48.57187777Z".parse().expect("a time");
    "127.0.0.1:38342".clone_into(&mut bench.remote);
    bench
}

/// The lines, with every UUID replaced.
fn lines(bench: &mut Bench) -> Vec<String> {
    let mask = |line: String| {
        let words = line.split(' ').map(|word| match word.split_once("id=") {
            Some((name, _)) => format!("{name}id=ID"),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    bench.log().into_iter().map(mask).collect()
}

fn curl(bench: &mut Bench, method: Method, target: &str) {
    let asked = bench
        .ask(method, target)
        .header("Host", "127.0.0.1:5055")
        .header("User-Agent", "curl/7.88.1");
    asked.send(b"");
}

#[test]
fn a_start_is_logged_as_registry_2_logs_it() {
    let mut bench = bench(&[("REGISTRY_FOO", "1")]);
    bench.server.log_start(bench.now, "[::]:5000");
    let own = "go.version=go1.20.8 instance.id=ID service=registry version=2.8.3";
    let time = "time=\"2026-11-25T22:21:48.57187777Z\"";
    let found = lines(&mut bench);
    assert_eq!(
        found[..5],
        [
            format!("{time} level=warning msg=\"Ignoring unrecognized environment variable REGISTRY_FOO\""),
            format!(
                "{time} level=warning msg=\"No HTTP secret provided - generated random secret. This may cause problems with \
                 uploads if multiple registries are behind a load-balancer. To provide a shared secret, fill in http.secret \
                 in the configuration file or set the REGISTRY_HTTP_SECRET environment variable.\" {own}"
            ),
            format!("{time} level=info msg=\"redis not configured\" {own}"),
            format!("{time} level=info msg=\"using inmemory blob descriptor cache\" {own}"),
            format!("{time} level=info msg=\"listening on [::]:5000\" {own}"),
        ]
    );
    assert!(found[5].contains("msg=\"Starting upload purge in "), "{}", found[5]);
    assert_eq!(found.len(), 6);
}

#[test]
fn tls_and_accounts_are_named_at_the_start() {
    let mut bench = bench(&[
        ("REGISTRY_HTTP_SECRET", "s"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "r"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/p"),
        ("REGISTRY_LOG_LEVEL", "debug"),
    ]);
    bench.server.log_start(bench.now, "[::]:443");
    let log = lines(&mut bench).join("\n");
    for part in [
        r#"level=debug msg="configured \"htpasswd\" access controller""#,
        r#"msg="restricting TLS version to tls1.2 or higher""#,
        r#"msg="restricting TLS cipher suites to: TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,"#,
        r#"msg="listening on [::]:443, tls""#,
    ] {
        assert!(log.contains(part), "{part}\n{log}");
    }
    assert!(!log.contains("No HTTP secret"));
}

#[test]
fn a_server_of_our_own_says_only_what_is_true_of_it() {
    let config = Config::in_memory();
    let mut bench = Bench::new();
    bench.server = Server::new(config, Identity::new("0.1.0"), Limits::default(), [1; 32]);
    bench.server.log_start(bench.now, "127.0.0.1:5000");
    assert_eq!(
        lines(&mut bench),
        ["time=\"2023-11-14T22:13:20Z\" level=info msg=\"listening on 127.0.0.1:5000\" instance.id=ID version=0.1.0"]
    );
}

#[test]
fn a_request_is_logged_twice_at_info() {
    let mut bench = bench(&[]);
    curl(&mut bench, Method::Get, "/v2/");
    assert_eq!(
        lines(&mut bench),
        [
            "time=\"2026-11-25T22:21:48.57187777Z\" level=info msg=\"response completed\" go.version=go1.20.8 \
             http.request.host=\"127.0.0.1:5055\" http.request.id=ID http.request.method=GET \
             http.request.remoteaddr=\"127.0.0.1:38342\" http.request.uri=/v2/ http.request.useragent=curl/7.88.1 \
             http.response.contenttype=\"application/json; charset=utf-8\" http.response.status=200 http.response.written=2",
            "127.0.0.1 - - [25/Nov/2026:22:21:48 +0000] \"GET /v2/ HTTP/1.1\" 200 2 \"\" \"curl/7.88.1\"",
        ]
    );
}

#[test]
fn an_error_is_logged_with_its_code() {
    let mut bench = bench(&[]);
    curl(&mut bench, Method::Get, "/v2/nope/tags/list?n=1");
    assert_eq!(
        lines(&mut bench)[0],
        "time=\"2026-11-25T22:21:48.57187777Z\" level=error msg=\"response completed with error\" \
         err.code=\"name unknown\" err.detail=\"map[name:nope]\" err.message=\"repository name not known to registry\" \
         go.version=go1.20.8 http.request.host=\"127.0.0.1:5055\" http.request.id=ID http.request.method=GET \
         http.request.remoteaddr=\"127.0.0.1:38342\" http.request.uri=\"/v2/nope/tags/list?n=1\" \
         http.request.useragent=curl/7.88.1 http.response.contenttype=\"application/json; charset=utf-8\" \
         http.response.status=404 http.response.written=112 vars.name=nope"
    );
}

#[test]
fn debug_says_more_and_error_says_less() {
    let digest = Digest::of(b"x");
    let target = format!("/v2/a/blobs/{digest}");
    let count = |level: &str| {
        let mut bench = bench(&[("REGISTRY_LOG_LEVEL", level)]);
        bench.push_blob("a", b"x");
        bench.log();
        curl(&mut bench, Method::Get, &target);
        lines(&mut bench)
    };
    let debug = count("debug");
    assert_eq!(debug.len(), 4, "{debug:?}");
    assert!(debug[0].contains("level=debug msg=\"authorizing request\""));
    assert!(
        debug[1].contains("level=debug msg=GetBlob ") && debug[1].ends_with(" vars.name=a"),
        "{}",
        debug[1]
    );
    assert_eq!(count("info").len(), 2);
    assert_eq!(count("error").len(), 1, "the access log has its own switch");
}

#[test]
fn the_access_log_can_be_switched_off() {
    let mut bench = bench(&[("REGISTRY_LOG_ACCESSLOG_DISABLED", "true")]);
    curl(&mut bench, Method::Get, "/v2/");
    let streams: Vec<_> = bench.server.take_log().into_iter().map(|line| line.stream).collect();
    assert_eq!(streams, [LogStream::Err]);
}

#[test]
fn what_is_not_part_of_the_api_is_only_in_the_access_log() {
    let mut bench = bench(&[]);
    for target in ["/", "/v2", "/v1/x", "/v2/NOPE/x"] {
        curl(&mut bench, Method::Get, target);
        assert_eq!(lines(&mut bench).len(), 1, "{target}");
    }
}

#[test]
fn lines_that_nobody_takes_do_not_pile_up() {
    let mut bench = bench(&[("REGISTRY_LOG_LEVEL", "error")]);
    for _ in 0..10_050 {
        bench.get("/");
    }
    assert_eq!(bench.log().len(), 10_000);
}
