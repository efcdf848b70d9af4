//! The files that a machine comes with: an Ubuntu server with Docker on it.

use crate::lab::USER;
use crate::names::PLACES;
use oci::{Reference, Time};
use store::{BlobStore, Content, Meta, Node, Tree, TreePath};

/// What the machines are made of: an image of the catalogue.
const BASE: &str = "ubuntu:jammy";
/// Where the editor's project lies on the first machine.
pub const PROJECT: &str = "/home/cloud_user/project";
/// Programs that a server has and its image does not. What they do is simulated; their bytes are nowhere.
const PROGRAMS: [&str; 26] = [
    "clear",
    "curl",
    "docker",
    "free",
    "htpasswd",
    "ip",
    "journalctl",
    "jq",
    "less",
    "man",
    "more",
    "nano",
    "openssl",
    "ping",
    "ps",
    "scp",
    "service",
    "ssh",
    "sudo",
    "systemctl",
    "top",
    "tree",
    "vi",
    "vim",
    "wget",
    "xz",
];
const ID: u32 = 1000;
const DOCKER_GROUP: u32 = 999;

/// The files of machine number `index`.
///
/// # Errors
///
/// A sentence, if the catalogue's image cannot be made: a mistake of ours.
pub(crate) fn of_machine(index: usize, now: Time, blobs: &mut dyn BlobStore) -> Result<Tree, String> {
    let name = Reference::parse(BASE).map_err(|error| error.to_string())?;
    let image = catalogue::find(&name).ok_or("the catalogue has no server")?;
    let image = image.load(blobs).map_err(|error| error.to_string())?;
    let mut maker = Maker {
        tree: image.tree().map_err(|error| error.to_string())?,
        now,
        blobs,
    };
    let place = PLACES[index];
    maker.append("/etc/passwd", &format!("{USER}:x:{ID}:{ID}::/home/{USER}:/bin/bash\n"))?;
    maker.append(
        "/etc/group",
        &format!("sudo:x:27:{USER}\ndocker:x:{DOCKER_GROUP}:{USER}\n{USER}:x:{ID}:\n"),
    )?;
    maker.file("/etc/hostname", &format!("{}\n", place.name))?;
    let lines = PLACES
        .iter()
        .map(|place| format!("{} {} {}", place.address, place.domain, place.name));
    let lines: Vec<String> = std::iter::once("127.0.0.1 localhost".to_owned()).chain(lines).collect();
    maker.file("/etc/hosts", &(lines.join("\n") + "\n"))?;
    maker.dir("/etc/docker", 0o755, 0)?;
    maker.dir("/var/lib/docker", 0o710, 0)?;
    maker.dir(&format!("/home/{USER}"), 0o750, ID)?;
    maker.dir("/root", 0o700, 0)?;
    if index == 0 {
        maker.dir(PROJECT, 0o755, ID)?;
    }
    for program in PROGRAMS {
        maker.program(&format!("/usr/bin/{program}"))?;
    }
    Ok(maker.tree)
}

struct Maker<'a> {
    tree: Tree,
    now: Time,
    blobs: &'a mut dyn BlobStore,
}

impl Maker<'_> {
    fn meta(&self, mode: u32, id: u32) -> Meta {
        Meta {
            uid: id,
            gid: id,
            mtime: self.now,
            ..Meta::of_mode(mode)
        }
    }

    fn dir(&mut self, path: &str, mode: u32, id: u32) -> Result<(), String> {
        let place = TreePath::parse(path).map_err(|error| error.to_string())?;
        let meta = self.meta(mode, id);
        self.tree.mkdir_all(&place, &meta).map_err(|error| error.to_string())?;
        self.tree
            .update_meta(&place, |known| *known = meta)
            .map_err(|error| error.to_string())
    }

    fn insert(&mut self, path: &str, node: Node) -> Result<(), String> {
        let place = self
            .tree
            .resolve(path, store::Follow::Last)
            .map_err(|error| error.to_string())?;
        self.tree.insert(&place, node).map_err(|error| error.to_string())
    }

    fn file(&mut self, path: &str, text: &str) -> Result<(), String> {
        let digest = self.blobs.put(text.as_bytes()).map_err(|error| error.to_string())?;
        let content = Content::Blob {
            digest,
            size: text.len() as u64,
        };
        let meta = self.meta(0o644, 0);
        self.insert(path, Node::file(meta, content))
    }

    /// Adds lines to a text; a file that is not there begins with them.
    fn append(&mut self, path: &str, lines: &str) -> Result<(), String> {
        let place = TreePath::parse(path).map_err(|error| error.to_string())?;
        let before = match self.tree.get(&place).and_then(Node::as_file).map(|file| file.content) {
            Some(Content::Blob { digest, .. }) => self.blobs.get(&digest).map_err(|error| error.to_string())?.to_vec(),
            _ => Vec::new(),
        };
        let text = String::from_utf8(before).map_err(|error| error.to_string())? + lines;
        self.file(path, &text)
    }

    fn program(&mut self, path: &str) -> Result<(), String> {
        let place = TreePath::parse(path).map_err(|error| error.to_string())?;
        if self.tree.get(&place).is_some() {
            return Ok(());
        }
        let meta = self.meta(0o755, 0);
        self.insert(path, Node::file(meta, Content::Absent { size: 100_000 }))
    }
}
