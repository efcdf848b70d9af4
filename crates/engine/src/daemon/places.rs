//! Where a daemon keeps what it has, as `inspect` tells it.

use super::Daemon;
use super::json::{Json, object};
use oci::Digest;

/// Where a daemon keeps what it has, and what runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The folder of everything.
    pub root: String,
    /// How layers lie in it.
    pub storage: Storage,
    /// What runs the processes of containers, as Docker names runtimes.
    pub runtime: &'static str,
}

/// How layers lie in a daemon's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Each in a folder of its own, as Docker's driver has them.
    Overlay2,
    /// In no folder that anybody could look into; containers write into folders of their own.
    Overlayfs,
}

impl Default for Places {
    /// Docker's.
    fn default() -> Places {
        Places {
            root: "/var/lib/docker".to_owned(),
            storage: Storage::Overlay2,
            runtime: "runc",
        }
    }
}

impl Storage {
    /// What Docker calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Storage::Overlay2 => "overlay2",
            Storage::Overlayfs => "overlayfs",
        }
    }
}

impl Places {
    /// The directory of a volume.
    pub(crate) fn volume(&self, name: &str) -> String {
        format!("{}/volumes/{name}/_data", self.root)
    }

    /// A file that a daemon keeps for a container; empty for one that it does not keep.
    pub(crate) fn file(&self, container: &str, file: &str) -> String {
        match self.storage {
            Storage::Overlay2 => format!("{}/containers/{container}/{file}", self.root),
            Storage::Overlayfs => String::new(),
        }
    }

    /// The log of a container.
    pub(crate) fn log(&self, container: &str) -> String {
        match self.storage {
            Storage::Overlay2 => self.file(container, &format!("{container}-json.log")),
            Storage::Overlayfs => format!("{}/containers/{container}/log", self.root),
        }
    }

    /// Where a stack of layers is, base first; `own` is a container's writable layer.
    pub(crate) fn graph_driver(&self, own: Option<&str>, chain: &[Digest]) -> Json {
        let driver = |data: Json| object([("Data", data), ("Name", self.storage.name().into())]);
        if self.storage == Storage::Overlayfs {
            return driver(Json::Null);
        }
        let place = |id: &str, what: &str| format!("{}/overlay2/{id}/{what}", self.root);
        let hex: Vec<String> = chain.iter().map(Digest::hex).collect();
        let (top, below) = match (own, hex.split_last()) {
            (Some(own), _) => (own.to_owned(), hex.as_slice()),
            (None, Some((top, below))) => (top.clone(), below),
            (None, None) => return driver(Json::Null),
        };
        let lower: Vec<String> = below.iter().rev().map(|id| place(id, "diff")).collect();
        let mut data = Vec::new();
        if !lower.is_empty() {
            data.push(("LowerDir".to_owned(), Json::from(lower.join(":"))));
        }
        for (key, what) in [("MergedDir", "merged"), ("UpperDir", "diff"), ("WorkDir", "work")] {
            data.push((key.to_owned(), place(&top, what).into()));
        }
        driver(Json::Map(data))
    }
}

impl Daemon {
    /// Tells where it keeps what it has, if that is elsewhere than Docker's own does.
    pub fn keep_at(&mut self, places: Places) {
        self.places = places;
    }

    /// The folder of everything that it keeps.
    pub fn data_root(&self) -> &str {
        &self.places.root
    }

    /// The directory of a volume on the daemon's machine.
    pub fn volume_place(&self, name: &str) -> String {
        self.places.volume(name)
    }

    /// What runs the processes of its containers, as Docker names runtimes.
    pub fn runtime(&self) -> &'static str {
        self.places.runtime
    }

    /// What keeps layers, as Docker calls it.
    pub fn storage_driver(&self) -> &'static str {
        self.places.storage.name()
    }
}
