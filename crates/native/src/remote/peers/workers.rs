//! Workers that are no engines: behind mutual TLS, in a pod.

use super::super::context::Shared;
use super::super::control::{Order, Worker};
use super::super::session::{Offer, Registries};
use super::super::{Builder, connect, random_id};
use super::{Docker, text};
use crate::logins::Logins;
use crate::testing::Scratch;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

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
                if let Ok(client) = acceptor.accept(stream).await {
                    pass_on(client, &engine).await;
                }
            });
        }
    });
    port
}

/// The same without TLS.
fn open_door(runtime: &Runtime, engine: Builder) -> u16 {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let engine = engine.clone();
            tokio::spawn(async move { pass_on(stream, &engine).await });
        }
    });
    port
}

/// Passes on what a client and the engine's BuildKit say to each other, until one of them has said all.
async fn pass_on(mut client: impl AsyncRead + AsyncWrite + Unpin, engine: &Builder) {
    let mut engine = connect::connect(engine).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut engine).await;
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
    builds(&runtime, worker, folder, &docker.scratch);
}

/// Builds a file of the folder into an image on the worker, and reads what it sends back. An engine's worker has no exporter of images;
/// what it sends as a tar comes the same way.
fn builds(runtime: &Runtime, worker: Worker, folder: PathBuf, scratch: &Scratch) {
    let tar = scratch.path("result.tar");
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
        layouts: BTreeMap::new(),
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

/// What stands for `kubectl` and a pod with a worker: it opens the engine's BuildKit as `buildctl dial-stdio` does a socket of its own.
const KUBECTL: &str = r#"#!/bin/bash
echo "$*" > "${0%/*}/words"
exec 3<> "/dev/tcp/127.0.0.1/PORT"
cat <&3 &
cat >&3
"#;

#[test]
fn a_worker_in_a_pod_builds_through_kubectl() {
    let docker = Docker::start();
    let folder = docker.project("");
    let runtime = Runtime::new().unwrap();
    let port = open_door(&runtime, docker.address().parse().unwrap());
    let kubectl = docker.write("bin/kubectl", &KUBECTL.replace("PORT", &port.to_string()));
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", text(kubectl.parent().unwrap()));
    let pod: Builder = "kube-pod://buildkitd-0?namespace=ci&container=buildkitd"
        .parse()
        .unwrap();
    let pod = pod.found(&|name| (name == "PATH").then(|| path.clone())).unwrap();
    let worker = runtime.block_on(Worker::reach(&pod)).unwrap();
    builds(&runtime, worker, folder, &docker.scratch);
    let words = fs::read_to_string(docker.scratch.path("bin/words")).unwrap();
    let expected = "--namespace=ci --container=buildkitd exec -i buildkitd-0 -- buildctl dial-stdio\n";
    assert_eq!(words, expected);

    docker.write(
        "bin/kubectl",
        "#!/bin/sh\necho 'pods \"buildkitd-0\" not found' >&2\nexit 1\n",
    );
    let refused = runtime
        .block_on(Worker::reach(&pod))
        .err()
        .expect("nobody answers")
        .to_string();
    assert!(refused.contains("pods \"buildkitd-0\" not found"), "{refused}");
}
