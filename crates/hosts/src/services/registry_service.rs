//! A registry that runs in a container.

use super::{Storage, launch::Plan};
use crate::claims::Claims;
use oci::{Descriptor, Manifest, Time};
use registry::{AuthConfig, Identity, Limits, Server};
use std::collections::BTreeMap;
use store::{BlobStore, MemoryBlobs};

/// What one simulated registry may hold, in bytes: it lives in the page's memory.
const MAX_BLOB_BYTES: u64 = 256 << 20;

/// So many repositories, and so many tags of one, are listed.
const MAX_LISTED: usize = 200;

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its path.
    pub name: String,
    /// Its tags, in order.
    pub tags: Vec<String>,
    /// Bytes of the blobs that its tags lead to, each once; of simulated ones what they stand for.
    pub bytes: u64,
}

/// A registry with what it keeps.
pub(crate) struct RegistryService {
    pub(crate) server: Server,
    pub(crate) blobs: MemoryBlobs,
    /// The port it listens on, in its container.
    pub(crate) port: u16,
    /// Its certificate in PEM, if it speaks TLS.
    pub(crate) certificate: Option<String>,
    /// When the container's process was started.
    pub(crate) started: Time,
    /// The name of what lies under it.
    storage: String,
}

impl RegistryService {
    /// The registry of a plan, with what was kept under its storage's name before. `number` tells it from all others.
    pub(super) fn new(plan: Plan, storage: Storage, number: u64) -> RegistryService {
        let needs_accounts = matches!(plan.config.auth, AuthConfig::Htpasswd { .. });
        let server = Server::with_state(
            plan.config,
            Identity::registry_2(),
            Limits {
                blob_bytes: MAX_BLOB_BYTES,
                ..Limits::default()
            },
            seed(number),
            storage.records,
            storage.uploads,
        );
        if needs_accounts {
            server.set_accounts(plan.accounts);
        }
        server.log_start(plan.started, &format!("[::]:{}", plan.port));
        RegistryService {
            server,
            blobs: storage.blobs,
            port: plan.port,
            certificate: plan.certificate,
            started: plan.started,
            storage: plan.storage,
        }
    }

    /// Its repositories that have a tag. One that cannot be read is left out.
    pub(crate) fn repositories(&self, claims: &Claims) -> Vec<Repository> {
        let names = self.server.records().repositories("", MAX_LISTED).unwrap_or_default();
        names
            .into_iter()
            .filter_map(|name| self.repository(name, claims))
            .collect()
    }

    fn repository(&self, name: String, claims: &Claims) -> Option<Repository> {
        let records = self.server.records();
        let tags = records.tags(&name, "", MAX_LISTED).ok()?;
        let mut blobs = BTreeMap::new();
        for tag in &tags {
            let digest = records.tag(&name, tag).ok()??;
            let manifest = records.manifest(&name, &digest).ok()??;
            blobs.insert(manifest.content, manifest.size);
            let bytes = self.blobs.get(&manifest.content).ok()?;
            if let Ok(manifest) = Manifest::parse(&bytes) {
                blobs.insert(manifest.config.digest, manifest.config.size);
                let size = |layer: &Descriptor| claims.get(&layer.digest).unwrap_or(layer.size);
                blobs.extend(manifest.layers.iter().map(|layer| (layer.digest, size(layer))));
            }
        }
        let bytes = blobs.values().sum();
        (!tags.is_empty()).then_some(Repository { name, tags, bytes })
    }

    /// What it keeps, and under which name.
    pub(super) fn into_storage(self) -> (String, Storage) {
        let (records, uploads) = self.server.into_state();
        let storage = Storage {
            records,
            uploads,
            blobs: self.blobs,
        };
        (self.storage, storage)
    }
}

/// Upload identifiers need not be secret in a simulation, but they must differ.
fn seed(number: u64) -> [u8; 32] {
    *oci::Digest::of(&number.to_be_bytes()).as_bytes()
}
