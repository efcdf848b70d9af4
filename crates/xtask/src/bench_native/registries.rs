//! Registries and their clients: ours and Debian's docker-registry, our push and pull and skopeo's.

use super::http::Connection;
use super::images::{layout, sha256};
use super::nowhere::Nowhere;
use super::servers::Running;
use super::table::{Aim, Table};
use super::work::random_file;
use super::{Bench, table};
use crate::failure::Failure;
use crate::{files, process};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LARGE_BYTES: u64 = 256 << 20;
const N_SMALL: usize = 200;
const SMALL_BYTES: u64 = 4 << 10;
const MEMORY_BYTES: u64 = 64 << 20;
/// Layers beside the large one of the image that clients push and pull.
const N_LAYERS: usize = 20;

/// Which registry.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ours,
    Debian,
}

/// A registry that keeps what it has in a folder of its own.
struct Registry {
    kind: Kind,
    folder: PathBuf,
    program: PathBuf,
    server: Option<Running>,
    address: String,
}

pub(super) fn measure(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let large = bench.folder.join("image/large");
    layout(&large, &[LARGE_BYTES])?;
    let mixed = bench.folder.join("image/mixed");
    let sizes: Vec<u64> = std::iter::once(LARGE_BYTES)
        .chain((0..N_LAYERS).map(|_| 64 << 10))
        .collect();
    layout(&mixed, &sizes)?;
    pushes_by_skopeo(bench, &large, table)?;
    small_blobs(bench, table)?;
    clients(bench, &mixed, table)
}

/// What pushing a large image cost a registry.
struct Cost {
    taken: Duration,
    processor: f64,
    memory: u64,
}

fn pushes_by_skopeo(bench: &Bench, image: &Path, table: &mut Table) -> Result<(), Failure> {
    println!("push of 256 MiB by skopeo:");
    let cost = |kind| -> Result<Cost, Failure> {
        let registry = RefCell::new(Registry::new(bench, kind));
        let usage = RefCell::new(Vec::new());
        let taken = bench.median(
            || registry.borrow_mut().restart_empty(),
            || {
                let registry = registry.borrow();
                skopeo_push(image, &registry.name())?;
                usage
                    .borrow_mut()
                    .extend(registry.server.as_ref().and_then(Running::usage));
                Ok(())
            },
        )?;
        let mut usage = usage.into_inner();
        usage.sort_by(|a, b| a.0.total_cmp(&b.0));
        let processor = usage.get(usage.len() / 2).map_or(f64::NAN, |usage| usage.0);
        let memory = usage.iter().map(|usage| usage.1).max().unwrap_or(u64::MAX);
        Ok(Cost {
            taken,
            processor,
            memory,
        })
    };
    let (ours, theirs) = (cost(Kind::Ours)?, cost(Kind::Debian)?);
    let nowhere = Nowhere::start()?;
    let least = bench.median(|| Ok(()), || skopeo_push(image, &nowhere.name()))?;
    let peers = [("docker-registry", theirs.taken)];
    table.times(
        "push of 256 MiB by skopeo, durable",
        ours.taken,
        &peers,
        &[("", Aim::Faster(1.5))],
    );
    table.least(
        "skopeo's own part: to a registry that keeps nothing",
        least,
        ours.taken,
        theirs.taken,
    );
    let share = Aim::AtMost(ours.processor / theirs.processor, 0.5, "of docker-registry's");
    table.row(
        "its processor time in the registry",
        format!("{:.2} s", ours.processor),
        format!("docker-registry {:.2} s", theirs.processor),
        table::verdict(share, ours.taken, &[], ""),
    );
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let most = Aim::AtMost(mebibytes(ours.memory), mebibytes(MEMORY_BYTES), "MiB");
    table.row(
        "the most memory it held",
        format!("{:.0} MiB", mebibytes(ours.memory)),
        format!("docker-registry {:.0} MiB", mebibytes(theirs.memory)),
        table::verdict(most, ours.taken, &[], ""),
    );
    Ok(())
}

fn small_blobs(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    println!("{N_SMALL} blobs of 4 KiB, one after the other:");
    let mut blobs = Vec::new();
    for number in 0..N_SMALL {
        let file = bench.folder.join("small");
        random_file(&file, SMALL_BYTES, 1000 + number as u64)?;
        blobs.push((sha256(&file)?, files::read_bytes(&file)?));
    }
    let push = |kind| {
        let registry = RefCell::new(Registry::new(bench, kind));
        bench.median(
            || registry.borrow_mut().restart_empty(),
            || {
                let mut connection = Connection::open(&registry.borrow().address)?;
                blobs
                    .iter()
                    .try_for_each(|(digest, bytes)| connection.push_blob("bench", digest, bytes))
            },
        )
    };
    let (ours, theirs) = (push(Kind::Ours)?, push(Kind::Debian)?);
    let peers = [("docker-registry", theirs)];
    table.times(
        "200 blobs of 4 KiB pushed, durable",
        ours,
        &peers,
        &[("", Aim::Faster(5.0))],
    );
    Ok(())
}

fn clients(bench: &Bench, image: &Path, table: &mut Table) -> Result<(), Failure> {
    println!("push and pull of an image of 256 MiB and {N_LAYERS} small layers:");
    let registry = RefCell::new(Registry::new(bench, Kind::Debian));
    let root = bench.folder.join("client");
    let ours = |words: &[&str]| process::run_quietly(Command::new(&bench.program).arg("--root").arg(&root).args(words));
    files::remove_dir(&root)?;
    let archive = bench.folder.join("image.tar");
    let mut pack = Command::new("tar");
    process::run_quietly(pack.arg("-cf").arg(&archive).arg("-C").arg(image).arg("."))?;
    ours(&["load", "--input", &archive.to_string_lossy()])?;
    let restart = || {
        registry.borrow_mut().restart_empty()?;
        ours(&["tag", "bench", &registry.borrow().name()])
    };
    let our_push = bench.median(restart, || ours(&["push", &registry.borrow().name()]))?;
    let their_push = bench.median(
        || registry.borrow_mut().restart_empty(),
        || skopeo_push(image, &registry.borrow().name()),
    )?;
    let blobs = blobs(image)?;
    let least_push = bench.median(
        || registry.borrow_mut().restart_empty(),
        || blobs.push(&registry.borrow().address),
    )?;
    let least_pull = bench.median(|| Ok(()), || blobs.pull(&registry.borrow().address))?;
    skopeo_push(image, &registry.borrow().name())?;
    let our_pull = bench.median(
        || files::remove_dir(&root),
        || ours(&["pull", "--quiet", &registry.borrow().name()]),
    )?;
    let copy = bench.folder.join("copy");
    let their_pull = bench.median(
        || files::remove_dir(&copy),
        || {
            let mut skopeo = Command::new("skopeo");
            skopeo.args(["copy", "--quiet", "--src-tls-verify=false"]);
            skopeo.arg(format!("docker://{}", registry.borrow().name()));
            process::run_quietly(skopeo.arg(format!("oci:{}:bench", copy.display())))
        },
    )?;
    table.times(
        "our push to docker-registry",
        our_push,
        &[("skopeo", their_push)],
        &[("", Aim::Faster(1.5))],
    );
    table.least(
        "docker-registry's own part: bytes that are known, from nowhere",
        least_push,
        our_push,
        their_push,
    );
    table.times(
        "our pull from docker-registry",
        our_pull,
        &[("skopeo", their_pull)],
        &[("", Aim::Faster(1.5))],
    );
    table.least(
        "docker-registry's own part: bytes that go nowhere",
        least_pull,
        our_pull,
        their_pull,
    );
    Ok(())
}

fn skopeo_push(image: &Path, name: &str) -> Result<(), Failure> {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "--quiet", "--dest-tls-verify=false"]);
    skopeo.arg(format!("oci:{}:bench", image.display()));
    process::run_quietly(skopeo.arg(format!("docker://{name}")))
}

impl Registry {
    fn new(bench: &Bench, kind: Kind) -> Registry {
        Registry {
            kind,
            folder: bench.folder.join("registry"),
            program: bench.program.clone(),
            server: None,
            address: String::new(),
        }
    }

    /// What the image is called there.
    fn name(&self) -> String {
        format!("{}/bench:1", self.address)
    }

    fn restart_empty(&mut self) -> Result<(), Failure> {
        drop(self.server.take());
        files::remove_dir(&self.folder)?;
        files::create_dir(&self.folder)?;
        // Both read this; an access log would cost both.
        let config = self.folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{}\n",
            self.folder.join("data").display(),
            free_port()?
        );
        files::write(&config, text)?;
        let mut command = match self.kind {
            Kind::Ours => {
                let mut command = Command::new(&self.program);
                command.args(["registry", "serve"]);
                command
            }
            Kind::Debian => {
                let mut command = Command::new("docker-registry");
                command.arg("serve");
                command
            }
        };
        let (server, line) = Running::start(command.arg(&config), "listening on ")?;
        self.server = Some(server);
        let address = line
            .split("listening on ")
            .nth(1)
            .and_then(|rest| rest.split(['"', ',', ' ']).next());
        self.address = address
            .map(|address| address.trim().to_owned())
            .ok_or_else(|| Failure::new(format!("expected an address, found {line:?}"), "see the registry's log"))?;
        Ok(())
    }
}

/// The blobs of an image, by their digests.
struct Blobs(Vec<(String, Vec<u8>)>);

/// The blobs of a layout.
fn blobs(image: &Path) -> Result<Blobs, Failure> {
    let folder = image.join("blobs/sha256");
    let failed = |error| Failure::io(format!("could not read {}", folder.display()), &error);
    let mut blobs = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        blobs.push((name, files::read_bytes(&path)?));
    }
    Ok(Blobs(blobs))
}

impl Blobs {
    /// Pushes them over two connections, as many as there are cores here.
    fn push(&self, address: &str) -> Result<(), Failure> {
        self.over_two(address, |connection, digest, bytes| {
            connection.push_blob("bench", digest, bytes)
        })
    }

    /// Reads them over two connections.
    fn pull(&self, address: &str) -> Result<(), Failure> {
        self.over_two(address, |connection, digest, bytes| {
            connection.read_blob("bench", digest, bytes.len() as u64)
        })
    }

    /// Does it with the largest over one connection, and with the others over another.
    fn over_two(
        &self,
        address: &str,
        each: impl Fn(&mut Connection, &str, &[u8]) -> Result<(), Failure> + Sync,
    ) -> Result<(), Failure> {
        let (large, small): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|(_, bytes)| bytes.len() as u64 > LARGE_BYTES / 2);
        let run = |blobs: &[&(String, Vec<u8>)]| {
            let mut connection = Connection::open(address)?;
            blobs
                .iter()
                .try_for_each(|(digest, bytes)| each(&mut connection, digest, bytes))
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(&small));
            run(&large).and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }
}

/// A port that nobody listens at.
fn free_port() -> Result<u16, Failure> {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(bound
        .map_err(|error| Failure::io("could not find a free port", &error))?
        .port())
}
