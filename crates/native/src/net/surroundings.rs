//! What surrounds the client on a real machine: it waits, looks names up, and reads `certs.d`.

use super::Uploads;
use crate::failure::Failure;
use registry::TlsPolicy;
use registry::client::{DAEMON_JSON, DaemonConfig, Host, RegistryConfig, UploadKey, read_certs};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest file of certificates that is read, in bytes.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// The machine around a client, and what its files say of registries.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// What `daemon.json` says.
    pub registries: RegistryConfig,
    /// Folders with a folder of certificates for each registry, the first one that knows a registry counts.
    pub certs: Vec<PathBuf>,
    /// Uploads that another process goes on with; `None` to forget them.
    pub uploads: Option<Uploads>,
    /// What was looked up already.
    known: RefCell<BTreeMap<String, Vec<IpAddr>>>,
}

impl Surroundings {
    /// Reads the files of the machine: those of the person first (`~/.config/layerlab`, `~/.config/docker`), then those of the
    /// system (`/etc/docker`). Of several `daemon.json` the first counts.
    ///
    /// # Errors
    ///
    /// If a `daemon.json` is there and cannot be understood.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Surroundings, Failure> {
        let home = variable("HOME").filter(|home| home.starts_with('/'));
        let config = variable("XDG_CONFIG_HOME").filter(|folder| folder.starts_with('/'));
        let config = config.or_else(|| Some(format!("{}/.config", home.as_deref()?)));
        let mut folders: Vec<PathBuf> = Vec::new();
        if let Some(config) = config {
            folders.extend(["layerlab", "docker"].map(|name| Path::new(&config).join(name)));
        }
        folders.extend(Path::new(DAEMON_JSON).parent().map(Path::to_owned));
        Surroundings::of_folders(&folders)
    }

    /// The same, from these folders.
    ///
    /// # Errors
    ///
    /// As [`read`](Surroundings::read).
    pub fn of_folders(folders: &[PathBuf]) -> Result<Surroundings, Failure> {
        let mut surroundings = Surroundings::default();
        for folder in folders {
            let path = folder.join("daemon.json");
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let config = DaemonConfig::parse(&text)
                        .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.0)))?;
                    surroundings.registries = config.registries;
                    break;
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(Failure::usage(format!("{}: {error}", path.display()))),
            }
        }
        surroundings.certs = folders.iter().map(|folder| folder.join("certs.d")).collect();
        Ok(surroundings)
    }
}

impl Host for Surroundings {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        std::thread::sleep(time);
        ControlFlow::Continue(())
    }

    fn kept_upload(&self, upload: UploadKey<'_>) -> Option<String> {
        self.uploads.as_ref()?.find(upload)
    }

    fn keep_upload(&mut self, upload: UploadKey<'_>, location: Option<&str>) {
        match (&self.uploads, location) {
            (Some(uploads), Some(location)) => uploads.keep(upload, location),
            (Some(uploads), None) => uploads.forget(upload),
            (None, _) => {}
        }
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let name = name.trim_start_matches('[').trim_end_matches(']');
        // Only networks need addresses, and loopback, which every machine knows by name.
        if self.registries.insecure_networks.is_empty() && name != "localhost" {
            return Vec::new();
        }
        let mut known = self.known.borrow_mut();
        let found = known.entry(name.to_owned()).or_insert_with(|| {
            let addresses = (name, 0).to_socket_addrs();
            addresses.map_or_else(|_| Vec::new(), |found| found.map(|address| address.ip()).collect())
        });
        found.clone()
    }

    fn certs(&self, registry: &str) -> TlsPolicy {
        // The name of a registry becomes the name of a folder: it must be one.
        if registry.contains('/') || matches!(registry, "" | "." | "..") {
            return TlsPolicy::default();
        }
        let mut folders = self.certs.iter().map(|folder| folder.join(registry));
        let Some(folder) = folders.find(|folder| folder.is_dir()) else {
            return TlsPolicy::default();
        };
        let policy = read_folder(&folder).and_then(|files| {
            let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            read_certs(files).map_err(|error| error.to_string())
        });
        policy.unwrap_or_else(|problem| TlsPolicy {
            broken: Some(problem),
            ..TlsPolicy::default()
        })
    }
}

/// The files of a folder of certificates, by name.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    let failed = |path: &Path, error: std::io::Error| format!("open {}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if ![".crt", ".cert", ".key"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(|error| failed(&path, error))?;
        let read = file.take(MAX_CERTIFICATES).read_to_string(&mut text);
        read.map_err(|error| failed(&path, error))?;
        files.insert(name.to_owned(), text);
    }
    Ok(files)
}
