//! From a container that runs `registry serve` to what its server is made with.

use super::ContainerKey;
use crate::machine::{FilesOf, Machine};
use engine::{Container, CopyOptions, Host, MountSource, Simulated};
use oci::Time;
use registry::{Accounts, AuthConfig, Config};
use std::io::Read;
use store::{BlobStore, Content, Limits, MemoryBlobs, Node, TreePath, Whiteouts, apply, read_tar};

const DEFAULT_CONFIG: &str = "/etc/docker/registry/config.yml";
/// Largest configuration, certificate or file of accounts that is read.
const MAX_FILE: u64 = 1 << 20;

/// What a registry's server is made with.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) accounts: Accounts,
    pub(super) certificate: Option<String>,
    pub(super) port: u16,
    pub(super) started: Time,
    pub(super) storage: String,
}

/// Reads what a registry in a container is started with.
///
/// # Errors
///
/// What the program would have said before it ended.
pub(super) fn plan(
    key: &ContainerKey,
    machine: &mut Machine,
    now: Time,
    blobs: &mut dyn BlobStore,
) -> Result<Plan, String> {
    let (index, id) = key;
    let container = machine
        .daemon
        .container(id)
        .map_err(|refusal| refusal.to_string())?
        .clone();
    let process = container.state.processes.first().ok_or("the process has ended")?;
    let started = process.started;
    let path = process.argv.get(2).map_or(DEFAULT_CONFIG, String::as_str).to_owned();
    let mut files = ContainerFiles {
        machine,
        id,
        now,
        blobs,
    };
    let text = files
        .text(&path)
        .ok_or_else(|| format!("configuration error: open {path}: no such file or directory"))?;
    let variables: Vec<(String, String)> = container
        .config
        .env
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let config = Config::read(&text, &variables)
        .map_err(|error| format!("configuration error: error parsing {path}: {error}"))?;
    let accounts = match &config.auth {
        AuthConfig::None => None,
        AuthConfig::Htpasswd { path, .. } => {
            let text = files.text(path).ok_or_else(|| {
                fatal(&format!(
                    "unable to configure authorization (htpasswd): open {path}: no such file or directory"
                ))
            })?;
            Some(Accounts::parse(&text).map_err(|error| fatal(&error.to_string()))?)
        }
    };
    let certificate = match (&config.http.tls.certificate, &config.http.tls.key) {
        (Some(certificate), key) => {
            let missing = |path: &str| fatal(&format!("open {path}: no such file or directory"));
            let pem = files.text(certificate).ok_or_else(|| missing(certificate))?;
            let key = key.clone().unwrap_or_default();
            files.text(&key).ok_or_else(|| missing(&key))?;
            Some(pem)
        }
        (None, _) => None,
    };
    let port = config
        .http
        .address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    Ok(Plan {
        accounts: match accounts {
            Some(accounts) => accounts,
            None => Accounts::parse("").map_err(|error| error.to_string())?,
        },
        certificate,
        port: port.ok_or_else(|| {
            fatal(&format!(
                "listen tcp: address {}: missing port in address",
                config.http.address
            ))
        })?,
        started,
        storage: storage_of(*index, &container, &config),
        config,
    })
}

/// As logrus words what ends a program.
fn fatal(message: &str) -> String {
    format!("level=fatal msg={message:?}")
}

/// The files of a container as its processes see them.
struct ContainerFiles<'a> {
    machine: &'a mut Machine,
    id: &'a str,
    now: Time,
    blobs: &'a mut dyn BlobStore,
}

impl ContainerFiles<'_> {
    /// The text of a file; `None` if there is no such text.
    fn text(&mut self, path: &str) -> Option<String> {
        let mut tar = Vec::new();
        let follow = CopyOptions {
            follow: true,
            ..CopyOptions::default()
        };
        let Machine { daemon, tree, .. } = &mut *self.machine;
        let mut files = FilesOf { tree, now: self.now };
        let mut host = Host {
            now: self.now,
            blobs: &mut *self.blobs,
            executor: &mut crate::machine::NoExecutor,
            files: &mut files,
            runtime: &mut Simulated,
        };
        daemon.archive_from(self.id, path, follow, &mut host, &mut tar).ok()?;
        let mut own = MemoryBlobs::default();
        let limits = Limits::default();
        let read = read_tar(&mut tar.as_slice(), &limits, Whiteouts::Keep, &mut own).ok()?;
        let tree = apply(&store::Tree::new(), &read.changes).ok()?;
        let name = path.rsplit('/').next()?;
        let node = tree.get(&TreePath::parse(name).ok()?)?;
        text_of(node, &own)
    }
}

fn text_of(node: &Node, blobs: &MemoryBlobs) -> Option<String> {
    let Content::Blob { digest, size } = node.as_file()?.content else {
        return None;
    };
    if size > MAX_FILE {
        return None;
    }
    let mut text = String::new();
    blobs.open(&digest).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The name of what lies under a registry: the volume at its root directory, a directory of the host, or its container.
fn storage_of(index: usize, container: &Container, config: &Config) -> String {
    let root = config
        .storage
        .parameters
        .get("rootdirectory")
        .map_or("/var/lib/registry", String::as_str);
    let mount = container.mounts.iter().find(|mount| {
        let target = mount.target.trim_end_matches('/');
        root == target || root.starts_with(&format!("{target}/"))
    });
    match mount.map(|mount| &mount.source) {
        Some(MountSource::Volume(name)) => volume_storage(index, name),
        Some(MountSource::Bind(path)) => format!("{}bind {path}", storage_prefix(index)),
        Some(MountSource::Tmpfs) | None => container_storage(index, &container.id),
    }
}

pub(super) fn storage_prefix(index: usize) -> String {
    format!("{index} ")
}

pub(super) fn volume_storage(index: usize, name: &str) -> String {
    format!("{}volume {name}", storage_prefix(index))
}

pub(super) fn container_storage(index: usize, id: &str) -> String {
    format!("{}container {id}", storage_prefix(index))
}

/// Whether it lies in a directory of the host, which no command of Docker takes away.
pub(super) fn is_bind(storage: &str) -> bool {
    storage.split(' ').nth(1) == Some("bind")
}
