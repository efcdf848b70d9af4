//! Builds on Debian's Docker engine, whose BuildKit answers as a worker does. Takes root: `cargo xtask test peers`.

use super::context::Shared;
use super::control::{Order, Worker};
use super::session::{Offer, Registries};
use super::{Builder, build, random_id};
use crate::args::{Cli, Command as Asked};
use crate::failure::Failure;
use crate::logins::Logins;
use crate::terminal::Terminal;
use crate::testing::Scratch;
use clap::Parser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use store::Time;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A Docker engine of its own, in a folder; all gone when dropped.
struct Docker {
    process: Option<Child>,
    scratch: Scratch,
}

impl Docker {
    fn start() -> Docker {
        let scratch = Scratch::new();
        let mut dockerd = Command::new("dockerd");
        dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]);
        dockerd
            .arg(scratch.path("data"))
            .arg("--exec-root")
            .arg(scratch.path("exec"));
        dockerd.arg("--pidfile").arg(scratch.path("pid"));
        dockerd
            .arg("-H")
            .arg(format!("unix://{}", scratch.path("socket").display()));
        dockerd
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = dockerd.spawn().expect("`cargo xtask test peers` installs dockerd");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("API listen on") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "dockerd ended:\n{seen}");
        }
        // Read on, so that it can go on to write.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Docker {
            process: Some(child),
            scratch,
        }
    }

    fn address(&self) -> String {
        format!("docker://{}", self.scratch.path("socket").display())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        self.scratch.write(name, text)
    }

    /// A folder with a Dockerfile and a program that runs without anything beside it.
    fn project(&self, dockerfile: &str) -> PathBuf {
        let folder = self
            .write("project/Dockerfile", dockerfile)
            .parent()
            .unwrap()
            .to_owned();
        fs::copy("/bin/busybox", folder.join("busybox")).expect("`cargo xtask test peers` installs busybox-static");
        self.write("project/a", "first\n");
        folder
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Asked to end, Docker unmounts what it mounted.
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }
}

const DOCKERFILE: &str = "\
FROM scratch AS base
COPY busybox /bin/busybox
SHELL [\"/bin/busybox\", \"sh\", \"-c\"]
ARG GREETING
RUN --mount=type=secret,id=token echo $GREETING && busybox wc -c < /run/secrets/token > /length
FROM base
COPY a /a
LABEL from=\"$GREETING\"
";

/// What a build says on standard output and standard error.
fn run(words: &[&str], builders: &[&str]) -> Result<(String, String), Failure> {
    let mut line = vec!["layerlab", "build", "--progress", "plain"];
    line.extend(words);
    for builder in builders {
        line.extend(["--builder", builder]);
    }
    let Asked::Build(args) = Cli::try_parse_from(line).unwrap().command else {
        panic!("expected build");
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        stdin: &mut std::io::empty(),
        stdout: &mut stdout,
        stderr: &mut stderr,
        colour: false,
        environment: &|name| (name == "TOKEN").then(|| "secret".to_owned()),
        now: Time::default(),
    };
    build(&args, &mut terminal)?;
    Ok((String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
}

/// Whether the log of the RUN is there: what it wrote, and not only its name.
fn is_run(progress: &str) -> bool {
    progress
        .lines()
        .any(|line| line.starts_with('#') && line.ends_with(" hello"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_docker_engine_builds_and_the_image_is_kept_here() {
    let docker = Docker::start();
    let folder = docker.project(DOCKERFILE);
    let (root, tar, metadata, id) = (
        docker.scratch.path("root"),
        docker.scratch.path("image.tar"),
        docker.scratch.path("metadata.json"),
        docker.scratch.path("id"),
    );
    let output = format!("type=oci,dest={}", text(&tar));
    let words = [
        text(&folder),
        "--root",
        text(&root),
        "-t",
        "site:1",
        "--network",
        "none",
        "--secret",
        "id=token,env=TOKEN",
        "--build-arg",
        "GREETING=hello",
        "--output",
        &output,
        "--metadata-file",
        text(&metadata),
        "--iidfile",
        text(&id),
    ];
    let (out, progress) = run(&words, &[&docker.address()]).unwrap_or_else(|failure| panic!("{}", failure.render()));
    let image = fs::read_to_string(&id).unwrap();
    assert!(
        out.contains(&image) && out.contains("docker.io/library/site:1"),
        "{out}"
    );
    assert!(is_run(&progress) && !progress.contains("CACHED"), "{progress}");
    let inspected = Command::new("docker")
        .args(["-H", &format!("unix://{}", docker.scratch.path("socket").display())])
        .args(["image", "inspect", "--format", "{{.Id}}", "site:1"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&inspected.stdout).trim(),
        image,
        "the engine has the same image"
    );
    assert!(tar.metadata().unwrap().len() > 1_000_000);
    let facts: serde_json::Value = serde_json::from_slice(&fs::read(&metadata).unwrap()).unwrap();
    assert_eq!(facts["containerimage.config.digest"], image.as_str());
    assert_eq!(facts["layerlab.steps"][0]["cached"], false);

    let (_, again) = run(&words, &[&docker.address()]).unwrap();
    assert!(again.matches("CACHED").count() >= 3, "{again}");
    assert_eq!(fs::read_to_string(&id).unwrap(), image);

    docker.write("project/a", "second\n");
    let (_, changed) = run(&words, &[&docker.address()]).unwrap();
    assert!(changed.contains("CACHED") && !is_run(&changed), "{changed}");
    assert_ne!(fs::read_to_string(&id).unwrap(), image);
    // Of the folder, only the file that changed was sent again.
    let sent = changed
        .lines()
        .rfind(|line| line.contains("transferring context"))
        .unwrap();
    assert!(!sent.contains("MB"), "{sent}");
}

#[test]
fn an_error_of_the_engine_has_its_line() {
    let docker = Docker::start();
    let folder = docker.project("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"false\"]\n");
    let root = docker.scratch.path("root");
    let words = [text(&folder), "--root", text(&root), "--network", "none", "-t", "x"];
    let failure = run(&words, &[&docker.address()]).unwrap_err();
    let shown = failure.render();
    assert!(shown.starts_with("Dockerfile:3\n"), "{shown}");
    assert!(
        shown.contains("error: failed to solve: ") && shown.contains("/bin/busybox"),
        "{shown}"
    );
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY missing /\n").unwrap();
    let shown = run(&words, &[&docker.address()]).unwrap_err().render();
    assert!(shown.contains("missing"), "{shown}");
}

#[test]
fn a_builder_that_does_not_answer_is_passed_over_and_said() {
    let docker = Docker::start();
    let folder = docker.project("FROM scratch\nCOPY a /a\n");
    let root = docker.scratch.path("root");
    let words = [text(&folder), "--root", text(&root)];
    let failure = run(&words, &["unix:///nowhere/socket"]).unwrap_err();
    assert_eq!(
        failure.render(),
        "error: could not reach builder unix:///nowhere/socket: No such file or directory (os error 2)\n"
    );
    // Whichever comes first for this build, it is built.
    let address = docker.address();
    let project = format!("{}\0", folder.canonicalize().unwrap().display());
    let absent = |is_first: bool| {
        let mut names = (0..).map(|number| format!("unix:///nowhere/{number}"));
        let fits = |name: &String| (super::order(&[name, &address], &project)[0] == &name) == is_first;
        names.find(fits).unwrap()
    };
    for is_first in [true, false] {
        let (out, progress) = run(&words, &[&absent(is_first), &address]).unwrap();
        assert!(out.contains("sha256:"), "{out}");
        assert_eq!(
            progress.contains("warning: could not reach builder unix:///nowhere/"),
            is_first,
            "{progress}"
        );
    }
}

/// Certificates of one authority, as files.
struct Pki {
    authority: PathBuf,
    server: (PathBuf, PathBuf),
    client: (PathBuf, PathBuf),
}

fn pki(scratch: &Scratch) -> Pki {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        (
            scratch.write(&format!("{name}.pem"), certificate.pem()),
            scratch.write(&format!("{name}.key"), key.serialize_pem()),
        )
    };
    Pki {
        server: issue("server"),
        client: issue("client"),
        authority: scratch.write("authority.pem", authority.pem()),
    }
}

/// Speaks mutual TLS on a port and passes what is said on to the engine's BuildKit. Returns the port.
fn door(runtime: &Runtime, pki: &Pki, engine: Builder) -> u16 {
    let certificates = |path: &Path| {
        CertificateDer::pem_file_iter(path)
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificates(&pki.authority).remove(0)).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            certificates(&pki.server.0),
            PrivateKeyDer::from_pem_file(&pki.server.1).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, engine) = (acceptor.clone(), engine.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(stream).await else {
                    return;
                };
                let mut engine = super::connect::connect(&engine).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut engine).await;
            });
        }
    });
    port
}

#[test]
fn a_worker_behind_mutual_tls_builds_and_sends_the_result_back() {
    let docker = Docker::start();
    let folder = docker.project("");
    let pki = pki(&docker.scratch);
    let runtime = Runtime::new().unwrap();
    let port = door(&runtime, &pki, docker.address().parse().unwrap());
    let address = |identity: &str| -> Builder {
        format!("buildkit://localhost:{port}?cacert={}{identity}", text(&pki.authority))
            .parse()
            .unwrap()
    };
    let stranger = runtime.block_on(Worker::reach(&address("")));
    assert!(stranger.is_err(), "a client without a certificate is sent away");
    let known = format!("&cert={}&key={}", text(&pki.client.0), text(&pki.client.1));
    let worker = runtime.block_on(Worker::reach(&address(&known))).unwrap();
    // An engine's worker has no exporter of images; what it sends as a tar comes the same way.
    let tar = docker.scratch.path("result.tar");
    let mut result = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&tar)
        .unwrap();
    let dockerfile = b"FROM scratch\nCOPY a /copied\n".to_vec();
    let offer = Offer {
        folders: BTreeMap::from([
            ("context".to_owned(), Shared::Folder(folder)),
            (
                "dockerfile".to_owned(),
                Shared::Texts(vec![("Dockerfile".to_owned(), dockerfile)]),
            ),
        ]),
        secrets: BTreeMap::new(),
        agents: BTreeMap::new(),
        registries: Registries::new(Logins::default(), []),
        result: result.try_clone().unwrap(),
    };
    let order = Order {
        frontend: BTreeMap::from([("filename".to_owned(), "Dockerfile".to_owned())]),
        exporter: ("tar", BTreeMap::new()),
        cache_from: Vec::new(),
        cache_to: Vec::new(),
        entitlements: Vec::new(),
        id: random_id().unwrap(),
        shared_key: "key".to_owned(),
    };
    let mut steps = 0;
    let done = runtime.block_on(worker.build(order, offer, &mut |status| steps += status.vertexes.len()));
    done.unwrap_or_else(|status| panic!("{status}"));
    assert!(steps > 0, "the worker's steps were told");
    result.rewind().unwrap();
    let mut bytes = Vec::new();
    result.read_to_end(&mut bytes).unwrap();
    let changes = store::read_tar(
        &mut bytes.as_slice(),
        &store::Limits::default(),
        store::Whiteouts::Keep,
        &mut store::MemoryBlobs::default(),
    );
    let paths: Vec<String> = changes
        .unwrap()
        .changes
        .changes
        .iter()
        .map(|change| change.path.to_string())
        .collect();
    assert_eq!(paths, ["copied"]);
}
