//! The client against a registry of a few lines, which can be made to misbehave.

mod auth;
mod chaos;
mod fake;
mod faults;
mod hostile;
mod pull;
mod push;
mod words;

use super::*;
use fake::Fake;
use oci::{Digest, ImageConfig, Platform, Reference, Time};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;
use store::{BlobStore, Content, Image, Layer, Limits, MemoryBlobs, Meta, Node, Tree, TreePath, diff};

/// Remembers what it was told and how long it was asked to wait.
#[derive(Default)]
struct Watch {
    events: Vec<Event>,
    waits: Vec<Duration>,
    addresses: Vec<(String, IpAddr)>,
    /// After so many events the work ends.
    patience: Option<usize>,
}

impl Host for Watch {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        self.waits.push(time);
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.events.push(event);
        match self.patience {
            Some(patience) if self.events.len() >= patience => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let known = self.addresses.iter().filter(|(known, _)| known == name);
        known.map(|(_, address)| *address).collect()
    }
}

impl Watch {
    /// Layers and states, a line each, the running ones left out.
    fn layers(&self) -> Vec<String> {
        let lines = self.events.iter().filter_map(|event| match event {
            Event::Layer(LayerEvent {
                state: LayerState::Downloading { .. } | LayerState::Pushing { .. } | LayerState::Extracting { .. },
                ..
            }) => None,
            Event::Layer(LayerEvent { id, state }) => Some(format!("{id}: {state}")),
            _ => None,
        });
        lines.collect()
    }

    fn spared(&self) -> Vec<(SparedReason, u64)> {
        let spared = self.events.iter().filter_map(|event| match event {
            Event::Spared(Spared { reason, bytes, .. }) => Some((reason.clone(), *bytes)),
            _ => None,
        });
        spared.collect()
    }

    /// The last sight of each request.
    fn exchanges(&self) -> Vec<&Exchange> {
        let exchanges = self.events.iter().filter_map(|event| match event {
            Event::Exchange(exchange) if exchange.done => Some(exchange),
            _ => None,
        });
        exchanges.collect()
    }
}

/// One login for every registry it is for.
struct One {
    registry: &'static str,
    login: Login,
    trusted: Option<&'static str>,
}

impl Credentials for One {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError> {
        Ok((registry == self.registry).then(|| self.login.clone()))
    }

    fn trusts_realm(&self, _: &str, realm: &str) -> bool {
        self.trusted == Some(realm)
    }
}

/// A client's surroundings in a test.
struct Bench {
    fake: Fake,
    watch: Watch,
    config: RegistryConfig,
    credentials: Box<dyn Credentials>,
    platform: Platform,
    limits: Limits,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            fake: Fake::default(),
            watch: Watch::default(),
            config: RegistryConfig::default(),
            credentials: Box::new(Anonymous),
            platform: Platform::linux_amd64(),
            limits: Limits::default(),
        }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Client<'_>) -> T) -> T {
        let mut transport = self.fake.clone();
        work(&mut Client {
            transport: &mut transport,
            host: &mut self.watch,
            credentials: self.credentials.as_ref(),
            config: &self.config,
        })
    }

    fn pull(&mut self, name: &str, blobs: &mut MemoryBlobs) -> Result<Pulled, RegistryError> {
        self.pull_knowing(name, blobs, &|_| None)
    }

    fn pull_knowing(
        &mut self,
        name: &str,
        blobs: &mut MemoryBlobs,
        known: &dyn Fn(&Digest) -> Option<Layer>,
    ) -> Result<Pulled, RegistryError> {
        let (platform, limits) = (self.platform.clone(), self.limits);
        self.with(|client| {
            let options = PullOptions {
                platform: &platform,
                limits: &limits,
                known,
            };
            client.pull(&reference(name), &options, blobs)
        })
    }

    fn push(&mut self, image: &Image, name: &str, blobs: &MemoryBlobs) -> Result<Pushed, RegistryError> {
        self.push_with(image, name, blobs, &|_| Vec::new(), None)
    }

    fn push_with(
        &mut self,
        image: &Image,
        name: &str,
        blobs: &MemoryBlobs,
        sources: &dyn Fn(&Digest) -> Vec<String>,
        chunk_bytes: Option<u64>,
    ) -> Result<Pushed, RegistryError> {
        self.with(|client| {
            let options = PushOptions { sources, chunk_bytes };
            client.push(image, &reference(name), &options, blobs)
        })
    }
}

fn reference(name: &str) -> Reference {
    name.parse().expect("a reference")
}

/// An image of two layers, the second with a simulated file, its layers compressed.
fn sample(blobs: &mut MemoryBlobs) -> Image {
    let path = |text: &str| TreePath::parse(text).expect("a path");
    let mut below = Tree::new();
    let text: Vec<u8> = (0..300u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
        .collect();
    let digest = blobs.put(&text).expect("memory takes it");
    let size = text.len() as u64;
    let file = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
    below.insert(&path("/data"), file).expect("a tree");
    let mut above = below.clone();
    let claimed = Node::file(Meta::of_mode(0o755), Content::Absent { size: 1 << 20 });
    above
        .insert(&path("/bin"), Node::dir(Meta::of_mode(0o755)))
        .expect("a tree");
    above.insert(&path("/bin/tool"), claimed).expect("a tree");
    let layer = |from: &Tree, to: &Tree, blobs: &MemoryBlobs| {
        Layer::make(diff(from, to), Some(Time::of_secs(1)), blobs).expect("a layer")
    };
    let layers = vec![layer(&Tree::new(), &below, blobs), layer(&below, &above, blobs)];
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    Image::new(config, layers).gzipped(blobs).expect("memory takes it")
}
