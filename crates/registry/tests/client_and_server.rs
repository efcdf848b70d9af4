//! Our client and our server, in memory.

use oci::{Digest, ImageConfig, Platform, Reference, Time};
use registry::client::{
    Bare, Client, CredentialError, Credentials, Login, PullOptions, Pulled, PushOptions, Pushed, RegistryConfig,
    RegistryError,
};
use registry::{
    Accounts, Answer, AuthConfig, Body, Call, Config, Identity, Limits, Method, Request, Server, Transport,
    TransportError, htpasswd_line,
};
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};
use store::{BlobStore, Content, Image, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, diff};

/// One server that answers at any address.
struct Wire {
    server: Server,
    blobs: MemoryBlobs,
    /// After so many bytes, in and out, connections break; then the count begins anew.
    fuse: Option<usize>,
    left: usize,
}

impl Wire {
    fn new(config: Config) -> Wire {
        Wire {
            server: Server::new(config, Identity::registry_2(), Limits::default(), [7; 32]),
            blobs: MemoryBlobs::default(),
            fuse: None,
            left: usize::MAX,
        }
    }

    /// Takes `count` bytes off the fuse; how many of them get through.
    fn burn(&mut self, count: usize) -> usize {
        let through = count.min(self.left);
        self.left -= through;
        if through < count {
            self.left = self.fuse.unwrap_or(usize::MAX);
        }
        through
    }
}

impl Transport for Wire {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        let (_, rest) = call.url.split_once("://").expect("an absolute URL");
        let target = &rest[rest.find('/').expect("a path")..];
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut sent = Vec::new();
        call.body.read_to_end(&mut sent).expect("a body");
        let through = self.burn(sent.len());
        let is_broken = through < sent.len();
        sent.truncate(through);
        let mut headers = call.headers.clone();
        if let Some(length) = call.length {
            headers.set("Content-Length", length.to_string());
        }
        let mut body = Cursor::new(sent).chain(Broken(is_broken));
        let request = Request {
            method: call.method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            remote: "10.0.0.2:40000".to_owned(),
            body: &mut body,
        };
        let response = self
            .server
            .handle(request, Time::of_secs(1_700_000_000), &mut self.blobs);
        if is_broken {
            return Err(TransportError::Closed);
        }
        let mut bytes = match response.body {
            _ if call.method == Method::Head => Vec::new(),
            Body::Bytes(bytes) => bytes,
            Body::Blob { digest, start, length } => {
                let whole = self.blobs.get(&digest).expect("the server names blobs it has");
                whole[start as usize..(start + length) as usize].to_vec()
            }
        };
        let through = self.burn(bytes.len());
        let is_broken = through < bytes.len();
        bytes.truncate(through);
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            body: Box::new(Cursor::new(bytes).chain(Broken(is_broken))),
        })
    }
}

/// The end of a connection, which may be a bad one.
struct Broken(bool);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        if self.0 {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(0)
    }
}

struct Account(Option<Login>);

impl Credentials for Account {
    fn login(&self, _: &str) -> Result<Option<Login>, CredentialError> {
        Ok(self.0.clone())
    }
}

fn with<T>(wire: &mut Wire, account: &Account, work: impl FnOnce(&mut Client<'_>) -> T) -> T {
    work(&mut Client {
        transport: wire,
        host: &mut Bare,
        credentials: account,
        config: &RegistryConfig::default(),
    })
}

fn reference(name: &str) -> Reference {
    name.parse().expect("a reference")
}

fn push(
    wire: &mut Wire,
    image: &Image,
    name: &str,
    blobs: &MemoryBlobs,
    chunk: Option<u64>,
) -> Result<Pushed, RegistryError> {
    let options = PushOptions {
        sources: &|_: &Digest| vec!["base".to_owned()],
        chunk_bytes: chunk,
    };
    with(wire, &Account(None), |client| {
        client.push(image, &reference(name), &options, blobs)
    })
}

fn pull(wire: &mut Wire, name: &str, blobs: &mut MemoryBlobs) -> Result<Pulled, RegistryError> {
    let platform = Platform::linux_amd64();
    let limits = store::Limits::default();
    let options = PullOptions {
        platform: &platform,
        limits: &limits,
        known: &|_| None,
    };
    with(wire, &Account(None), |client| {
        client.pull(&reference(name), &options, blobs)
    })
}

/// Two layers, one with a file of 100 kB that does not compress, one with a simulated file.
fn sample(blobs: &mut MemoryBlobs) -> Image {
    let path = |text: &str| TreePath::parse(text).expect("a path");
    let bytes: Vec<u8> = (0..800u32)
        .flat_map(|n| *Digest::of(&n.to_le_bytes()).as_bytes())
        .collect();
    let digest = blobs.put(&bytes).expect("memory takes it");
    let size = bytes.len() as u64;
    let mut below = Tree::new();
    let file = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
    below.insert(&path("/data"), file).expect("a tree");
    let mut above = below.clone();
    let claimed = Node::file(Meta::of_mode(0o755), Content::Absent { size: 5_000_000 });
    above.insert(&path("/tool"), claimed).expect("a tree");
    let layer =
        |from: &Tree, to: &Tree, blobs: &MemoryBlobs| Layer::make(diff(from, to), None, blobs).expect("a layer");
    let layers = vec![layer(&Tree::new(), &below, blobs), layer(&below, &above, blobs)];
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    Image::new(config, layers).gzipped(blobs).expect("memory takes it")
}

#[test]
fn what_is_pushed_is_pulled_back_the_same() {
    let (mut wire, mut blobs) = (Wire::new(Config::in_memory()), MemoryBlobs::default());
    let image = sample(&mut blobs);
    for (name, chunk) in [
        ("r.example/a:v1", None),
        ("r.example/b/c", Some(1000)),
        ("r.example/d", Some(1 << 20)),
    ] {
        let pushed = push(&mut wire, &image, name, &blobs, chunk).expect("pushed");
        assert_eq!(pushed.digest, image.digest());
        let pulled = pull(&mut wire, name, &mut MemoryBlobs::default()).expect("pulled");
        assert_eq!((pulled.digest, pulled.image.id()), (image.digest(), image.id()));
        let tree = pulled.image.tree().expect("a tree");
        assert_eq!(tree, image.tree().expect("a tree"), "what is simulated stays so");
    }
}

#[test]
fn what_is_in_another_repository_is_mounted_and_what_is_there_is_left() {
    let (mut wire, mut blobs) = (Wire::new(Config::in_memory()), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let first = push(&mut wire, &image, "r.example/base", &blobs, None).expect("pushed");
    assert!(first.sent > 25_000);
    let mounted = push(&mut wire, &image, "r.example/mine", &blobs, None).expect("pushed");
    assert_eq!(mounted.sent, 0);
    let again = push(&mut wire, &image, "r.example/mine:again", &blobs, None).expect("pushed");
    assert_eq!(again.sent, 0);
    pull(&mut wire, "r.example/mine", &mut MemoryBlobs::default()).expect("pulled");
}

#[test]
fn connections_may_break_all_the_time() {
    let mut blobs = MemoryBlobs::default();
    let image = sample(&mut blobs);
    for fuse in [9_000, 10_001, 12_345, 20_000] {
        let mut wire = Wire::new(Config::in_memory());
        (wire.fuse, wire.left) = (Some(fuse), fuse);
        push(&mut wire, &image, "r.example/a", &blobs, None).unwrap_or_else(|error| panic!("{fuse}: {error}"));
        let pulled = pull(&mut wire, "r.example/a", &mut MemoryBlobs::default());
        assert_eq!(
            pulled.unwrap_or_else(|error| panic!("{fuse}: {error}")).digest,
            image.digest()
        );
    }
}

#[test]
fn a_registry_with_accounts_lets_in_who_has_one() {
    let config = Config {
        auth: AuthConfig::Htpasswd {
            realm: "Registry Realm".to_owned(),
            path: "/auth/htpasswd".to_owned(),
        },
        ..Config::in_memory()
    };
    let (mut wire, mut blobs) = (Wire::new(config), MemoryBlobs::default());
    let line = htpasswd_line("testuser", "password", 4, [1; 16]);
    wire.server.set_accounts(Accounts::parse(&line).expect("accounts"));
    let image = sample(&mut blobs);
    let error = push(&mut wire, &image, "r.example/a", &blobs, None).expect_err("no login");
    assert_eq!(error.to_string(), "no basic auth credentials");
    let error = pull(&mut wire, "r.example/a", &mut MemoryBlobs::default()).expect_err("no login");
    assert_eq!(
        error.to_string(),
        "Head \"https://r.example/v2/a/manifests/latest\": no basic auth credentials"
    );
    let wrong = with(&mut wire, &Account(None), |client| {
        client.login("r.example", &Login::new("testuser", "guess"))
    });
    assert_eq!(
        wrong.expect_err("wrong").to_string(),
        "login attempt to https://r.example/v2/ failed with status: 401 Unauthorized"
    );
    let login = Login::new("testuser", "password");
    let kept = with(&mut wire, &Account(None), |client| client.login("r.example", &login)).expect("right");
    let options = PushOptions {
        sources: &|_: &Digest| Vec::new(),
        chunk_bytes: None,
    };
    let pushed = with(&mut wire, &Account(Some(kept)), |client| {
        client.push(&image, &reference("r.example/a"), &options, &blobs)
    });
    assert_eq!(pushed.expect("pushed").digest, image.digest());
}

#[test]
fn what_is_missing_is_said_in_the_words_of_docker() {
    let (mut wire, mut blobs) = (Wire::new(Config::in_memory()), MemoryBlobs::default());
    let image = sample(&mut blobs);
    push(&mut wire, &image, "r.example/a", &blobs, None).expect("pushed");
    let mut missing = |name: &str| {
        pull(&mut wire, name, &mut MemoryBlobs::default())
            .expect_err("not there")
            .to_string()
    };
    assert_eq!(
        missing("r.example/a:nosuch"),
        "manifest for r.example/a:nosuch not found: manifest unknown: manifest unknown"
    );
    let unknown = missing("r.example/nosuch");
    assert!(
        unknown.starts_with("manifest for r.example/nosuch:latest not found: manifest unknown"),
        "{unknown}"
    );
    let search = with(&mut wire, &Account(None), |client| client.search("r.example/ubuntu", 0));
    assert_eq!(
        search.expect_err("no search there").to_string(),
        "Unexpected status code 404"
    );
}

#[test]
fn tags_and_repositories_are_listed_and_deleted() {
    let mut config = Config::in_memory();
    config.storage.delete = true;
    let (mut wire, mut blobs) = (Wire::new(config), MemoryBlobs::default());
    let image = sample(&mut blobs);
    for name in ["r.example/a:1", "r.example/a:2", "r.example/b/c:1"] {
        push(&mut wire, &image, name, &blobs, None).expect("pushed");
    }
    with(&mut wire, &Account(None), |client| {
        assert_eq!(client.tags(&reference("r.example/a")).expect("tags"), ["1", "2"]);
        assert_eq!(client.catalog("r.example").expect("repositories"), ["a", "b/c"]);
        client.ping("r.example").expect("there");
        client.delete(&reference("r.example/a:1")).expect("deleted");
        assert_eq!(
            client.tags(&reference("r.example/a")).expect("tags"),
            Vec::<String>::new()
        );
    });
}

/// A wire that several threads share.
#[derive(Clone)]
struct SharedWire(Arc<Mutex<Wire>>);

impl Transport for SharedWire {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        self.0.lock().expect("no thread panicked").send(call)
    }
}

#[test]
fn layers_go_several_at_once_where_the_host_can() {
    let mut blobs = MemoryBlobs::default();
    let image = sample(&mut blobs);
    let wire = SharedWire(Arc::new(Mutex::new(Wire::new(Config::in_memory()))));
    let client = |wire: SharedWire, work: &mut dyn FnMut(&mut Client<'_>)| {
        work(&mut Client {
            transport: &mut { wire },
            host: &mut Bare,
            credentials: &Account(None),
            config: &RegistryConfig::default(),
        });
    };
    let name = reference("r.example/a");
    let options = PushOptions {
        sources: &|_: &Digest| Vec::new(),
        chunk_bytes: None,
    };
    let mut session = None;
    client(wire.clone(), &mut |client| {
        session = Some(client.push_session(&name).expect("a session"));
    });
    let session = session.expect("a session");
    std::thread::scope(|scope| {
        for layer in &image.layers {
            let (wire, mut session, blobs) = (wire.clone(), session.clone(), &blobs);
            scope.spawn(move || {
                let options = PushOptions {
                    sources: &|_: &Digest| Vec::new(),
                    chunk_bytes: None,
                };
                client(wire, &mut |client| {
                    client
                        .push_layer(layer, "a", &mut session, &options, blobs)
                        .expect("pushed");
                });
            });
        }
    });
    client(wire.clone(), &mut |client| {
        let pushed = client
            .push_manifest(&image, &name, &mut session.clone())
            .expect("pushed");
        assert_eq!(pushed.digest, image.digest());
        assert_eq!(client.push(&image, &name, &options, &blobs).expect("again").sent, 0);
    });

    let platform = Platform::linux_amd64();
    let limits = store::Limits::default();
    let pull = PullOptions {
        platform: &platform,
        limits: &limits,
        known: &|_| None,
    };
    client(wire.clone(), &mut |outer| {
        let mut resolved = outer.resolve(&name, &pull).expect("resolved");
        let mut here = MemoryBlobs::default();
        let missing = resolved.missing(outer, &pull, &here).expect("missing");
        let fetched: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let fetch = |descriptor: oci::Descriptor| {
                let (wire, mut session) = (wire.clone(), resolved.session.clone());
                scope.spawn(move || {
                    let mut own = MemoryBlobs::default();
                    client(wire, &mut |client| {
                        client.fetch(&mut session, "a", &descriptor, &mut own).expect("fetched");
                    });
                    own.get(&descriptor.digest).expect("it is there").to_vec()
                })
            };
            let threads: Vec<_> = missing.iter().cloned().map(fetch).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        for bytes in &fetched {
            here.put(bytes).expect("memory takes it");
        }
        let pulled = resolved.assemble(outer, &pull, &mut here).expect("an image");
        assert_eq!(pulled.digest(), image.digest());
    });
}

#[test]
fn images_of_the_catalogue_come_back_simulated_as_they_were() {
    let mut wire = Wire::new(Config::in_memory());
    let images: Vec<_> = catalogue::list().collect();
    assert!(!images.is_empty());
    for known in images {
        let mut blobs = MemoryBlobs::default();
        let image = known.load(&mut blobs).expect("an image");
        let image = image.gzipped(&mut blobs).expect("memory takes it");
        let pushed = push(&mut wire, &image, "r.example/a", &blobs, None).expect("pushed");
        let pulled = pull(&mut wire, "r.example/a", &mut MemoryBlobs::default()).expect("pulled");
        assert_eq!((pulled.digest, pulled.image.id()), (pushed.digest, image.id()));
        assert!(pulled.image.is_simulated(), "what is simulated stays so");
        assert_eq!(pulled.image.tree().expect("a tree"), image.tree().expect("a tree"));
        assert!(pushed.sent < 4 << 20, "bytes that are nowhere are not sent");
    }
}
