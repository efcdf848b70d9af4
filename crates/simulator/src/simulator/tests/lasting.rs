//! Programs that do not end by themselves.

use super::{Stage, contains};
use builder::{Purpose, RunOutcome};

/// The image, as the process of a container.
fn container(image: &str, purpose: Purpose) -> Stage {
    let mut stage = Stage::of(image);
    stage.request.purpose = purpose;
    stage
}

fn words(outcome: &RunOutcome) -> String {
    assert_eq!(outcome.exit, 0, "{}", outcome.log());
    outcome.lasting.as_ref().map(|argv| argv.join(" ")).unwrap_or_default()
}

#[test]
fn servers_last_through_their_entrypoints() {
    for (image, argv, lasting) in [
        (
            "nginx",
            "/docker-entrypoint.sh nginx -g |daemon off;",
            "nginx -g daemon off;",
        ),
        (
            "registry:2",
            "/entrypoint.sh /etc/docker/registry/config.yml",
            "registry serve /etc/docker/registry/config.yml",
        ),
        ("redis", "docker-entrypoint.sh redis-server", "redis-server"),
        ("postgres", "docker-entrypoint.sh postgres", "postgres"),
        ("httpd", "httpd-foreground", "httpd -DFOREGROUND"),
    ] {
        let mut stage = container(image, Purpose::Process);
        if image == "redis" {
            stage.request.cwd = "/data".to_owned();
        }
        let argv: Vec<&str> = match argv.split_once('|') {
            Some((first, last)) => first.split_whitespace().chain([last]).collect(),
            None => argv.split_whitespace().collect(),
        };
        let outcome = stage.exec(&argv);
        assert_eq!(words(&outcome), lasting, "{}", outcome.log());
        assert!(!outcome.log().contains("not simulated"), "{}", outcome.log());
    }
}

#[test]
fn servers_say_that_they_start() {
    let mut stage = container("nginx", Purpose::Process);
    let log = stage
        .exec(&["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"])
        .log();
    contains(
        &log,
        "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh\n",
    );
    contains(
        &log,
        "/docker-entrypoint.sh: Configuration complete; ready for start up\n2023/11/14 22:13:20 [notice] 1#1: using",
    );
    let mut stage = container("redis", Purpose::Process);
    contains(
        &stage.exec(&["redis-server"]).log(),
        "1:M 14 Nov 2023 22:13:20.000 * Ready to accept connections tcp\n",
    );
}

#[test]
fn the_registrys_image_hashes_passwords() {
    let mut stage = container("registry:2", Purpose::Process);
    let outcome = stage.exec(&["htpasswd", "-Bbn", "testuser", "password"]);
    assert_eq!((outcome.exit, outcome.output.len()), (0, 1), "{}", outcome.log());
    let log = outcome.log();
    assert!(log.starts_with("testuser:$2y$05$") && log.ends_with("\n\n"), "{log}");
    assert_eq!(log.trim().len(), "testuser:".len() + 60);
    stage.request.now = store::Time::of_secs(1_700_000_009);
    assert_ne!(stage.exec(&["htpasswd", "-Bbn", "testuser", "password"]).log(), log);
    contains(
        &stage.text("/etc/docker/registry/config.yml"),
        "rootdirectory: /var/lib/registry",
    );
}

#[test]
fn what_was_done_and_said_before_a_program_that_lasts_is_kept() {
    let mut stage = container("alpine:3.9.3", Purpose::Process);
    let outcome = stage.run("echo one; touch /before; { echo two >&2; sleep 100; }; touch /after; echo three");
    assert_eq!(words(&outcome), "sleep 100");
    assert_eq!(outcome.log(), "one\ntwo\n");
    assert!(stage.node("/before").is_some());
    assert!(stage.node("/after").is_none());
}

#[test]
fn waiting_lasts_and_short_sleeps_pass() {
    for (script, lasting) in [
        ("sleep 2", ""),
        ("sleep infinity", "sleep infinity"),
        ("while true; do echo tick; sleep 1; done", "sleep 1"),
        ("tail -f /dev/null", "tail -f /dev/null"),
        ("echo x > /l; tail -n1 -F /l", "tail -n1 -F /l"),
        ("cat", ""),
        ("sh", ""),
        ("while :; do :; done", "/bin/sh -c while :; do :; done"),
    ] {
        let mut stage = container("alpine:3.9.3", Purpose::Process);
        assert_eq!(words(&stage.run(script)), lasting, "{script}");
    }
}

#[test]
fn nothing_lasts_in_a_build() {
    let mut stage = Stage::of("nginx");
    for script in ["sleep 100", "tail -f /dev/null", "nginx -g 'daemon off;'"] {
        assert_eq!(words(&stage.run(script)), "", "{script}");
    }
}

#[test]
fn a_shell_or_cat_waits_for_a_standard_input_that_is_open() {
    let mut stage = container("alpine:3.9.3", Purpose::Interactive);
    for program in ["sh", "cat", "/bin/sh"] {
        assert_eq!(words(&stage.exec(&[program])), program.trim_start_matches("/bin/"));
    }
    stage.request.stdin = b"echo hi > /x\n".to_vec();
    assert_eq!(words(&stage.exec(&["sh"])), "sh");
    assert_eq!(stage.text("/x"), "hi\n");
    let outcome = stage.exec(&["cat"]);
    assert_eq!(outcome.log(), "echo hi > /x\n");
    stage.ok("printf '#!/bin/sh\\nexec \"$@\"\\n' > /e && chmod +x /e");
    assert_eq!(words(&stage.exec(&["/e", "sh"])), "sh");
}

#[test]
fn a_process_reads_its_standard_input_to_the_end() {
    let mut stage = container("alpine:3.9.3", Purpose::Process);
    stage.request.stdin = vec![0, 255, b'\n'];
    let outcome = stage.exec(&["cat"]);
    assert_eq!(outcome.output, [builder::Output::out(vec![0, 255, b'\n'])]);
    stage.request.stdin = b"echo from stdin\n".to_vec();
    let outcome = stage.exec(&["sh"]);
    assert_eq!((words(&outcome).as_str(), outcome.log().as_str()), ("", "from stdin\n"));
    stage.request.stdin = b"line\n".to_vec();
    assert_eq!(stage.run("read x; echo got $x").log(), "got line\n");
}

#[test]
fn an_init_starts_what_it_is_given() {
    let mut stage = container("alpine:3.9.3", Purpose::Process);
    stage.ok("cp /bin/busybox /sbin/tini");
    assert_eq!(words(&stage.exec(&["/sbin/tini", "--", "sleep", "60"])), "sleep 60");
}

#[test]
fn scripts_last_if_they_serve() {
    let mut stage = container("python:3.12-slim", Purpose::Process);
    stage.file(
        "/app.py",
        b"from flask import Flask\napp = Flask(__name__)\napp.run(port=80)\n",
    );
    stage.file("/once.py", b"print('once')\n");
    assert_eq!(words(&stage.exec(&["python", "/app.py"])), "python /app.py");
    let once = stage.exec(&["python", "/once.py"]);
    assert_eq!(words(&once), "");
    contains(&once.log(), "not simulated");
}

#[test]
fn the_machine_is_called_as_the_request_says() {
    let mut stage = container("alpine:3.9.3", Purpose::Process);
    stage.request.hostname = "f00dfeed".to_owned();
    assert_eq!(stage.ok("hostname; uname -n"), "f00dfeed\nf00dfeed\n");
}
