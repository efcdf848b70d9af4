//! What the tests share: a client with its surroundings, images to push, a registry to push to.

use native::net::{Patience, Proxies, Sockets};
use oci::{Digest, ImageConfig, Platform, Reference, Time};
use registry::TlsPolicy;
use registry::client::{
    Anonymous, Client, Credentials, Event, Host, PullOptions, Pulled, PushOptions, Pushed, RegistryConfig,
    RegistryError,
};
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{BlobStore, Content, Image, Layer, Limits, Meta, Node, Tree, TreePath, diff};

/// Waits for nothing and remembers everything.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) events: Vec<Event>,
    pub(crate) waits: Vec<Duration>,
    pub(crate) tls: TlsPolicy,
}

impl Host for Watch {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        self.waits.push(time);
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.events.push(event);
        ControlFlow::Continue(())
    }

    fn certs(&self, _: &str) -> TlsPolicy {
        self.tls.clone()
    }
}

/// So long and no longer for anything, and no waiting between attempts.
pub(crate) fn patience(time: Duration) -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        answer: time,
        piece: time,
        pause: Some(Duration::ZERO),
    }
}

/// A client and all it needs.
pub(crate) struct Bench {
    pub(crate) sockets: Sockets,
    pub(crate) watch: Watch,
    pub(crate) credentials: Box<dyn Credentials>,
    pub(crate) config: RegistryConfig,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(Patience::default())
    }

    pub(crate) fn with(patience: Patience) -> Bench {
        Bench {
            sockets: Sockets::new(Proxies::default(), patience).unwrap(),
            watch: Watch::default(),
            credentials: Box::new(Anonymous),
            config: RegistryConfig::default(),
        }
    }

    /// With lanes to and from the store at `layout`.
    pub(crate) fn with_store(patience: Patience, layout: &Path) -> Bench {
        let mut bench = Bench::with(patience);
        bench.sockets = bench.sockets.with_store(layout.to_owned());
        bench
    }

    pub(crate) fn client<T>(&mut self, work: impl FnOnce(&mut Client<'_>) -> T) -> T {
        work(&mut Client {
            transport: &mut self.sockets,
            host: &mut self.watch,
            credentials: self.credentials.as_ref(),
            config: &self.config,
        })
    }

    pub(crate) fn push(&mut self, image: &Image, name: &str, blobs: &dyn BlobStore) -> Result<Pushed, RegistryError> {
        self.client(|client| {
            let options = PushOptions {
                sources: &|_| Vec::new(),
                chunk_bytes: None,
            };
            client.push(image, &reference(name), &options, blobs)
        })
    }

    pub(crate) fn pull(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<Pulled, RegistryError> {
        self.client(|client| {
            let options = PullOptions {
                platform: &Platform::linux_amd64(),
                limits: &Limits::default(),
                known: &|_| None,
            };
            client.pull(&reference(name), &options, blobs)
        })
    }
}

pub(crate) fn reference(name: &str) -> Reference {
    name.parse().unwrap()
}

/// Bytes that nothing makes smaller, the same for the same seed.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// An image with a layer for each size, each of one file of noise, compressed.
pub(crate) fn image(sizes: &[usize], blobs: &mut dyn BlobStore) -> Image {
    changes(sizes, blobs).gzipped(blobs).unwrap()
}

/// The same, its layers not written yet.
pub(crate) fn changes(sizes: &[usize], blobs: &mut dyn BlobStore) -> Image {
    let mut below = Tree::new();
    let mut layers = Vec::new();
    for (seed, size) in sizes.iter().enumerate() {
        let digest = blobs.put(&noise(seed as u64 + 1, *size)).unwrap();
        let size = *size as u64;
        let mut tree = below.clone();
        let path = TreePath::parse(&format!("file{seed}")).unwrap();
        let file = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
        tree.insert(&path, file).unwrap();
        layers.push(Layer::make(diff(&below, &tree), Some(Time::of_secs(1)), blobs).unwrap());
        below = tree;
    }
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    Image::new(config, layers)
}

/// Whether an image with all its files is in `blobs`.
#[track_caller]
pub(crate) fn check_whole(image: &Image, blobs: &dyn BlobStore) {
    for layer in &image.layers {
        assert_eq!(
            Digest::of(&blobs.get(&layer.descriptor.digest).unwrap()),
            layer.descriptor.digest
        );
    }
    let tree = image.tree().unwrap();
    let mut n_files = 0;
    for file in tree.walk().filter_map(|(_, node)| node.as_file()) {
        let Content::Blob { digest, size } = &file.content else {
            panic!("expected a file with content, found {file:?}");
        };
        assert_eq!(blobs.get(digest).unwrap().len() as u64, *size);
        n_files += 1;
    }
    assert_eq!(n_files, image.layers.len());
}

/// A folder that goes away.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("layerlab-wire-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Our registry as a process of its own; gone when dropped.
pub(crate) struct Registry {
    child: Child,
    pub(crate) address: String,
}

impl Registry {
    pub(crate) fn start() -> Registry {
        let mut child = Command::new(env!("CARGO_BIN_EXE_layerlab"))
            .args(["registry", "serve", "--addr", "127.0.0.1:0"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line
            .split("listening on ")
            .nth(1)
            .unwrap_or_else(|| panic!("no address: {line}"));
        let address = address.split('"').next().unwrap().to_owned();
        // Read on, so that the registry can go on to write.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Registry { child, address }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
