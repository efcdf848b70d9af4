//! The project's files on the workstation: what the editor changes lies there for commands, and what commands change comes back.

use crate::project::Project;
use hosts::PROJECT;
use messages::FileInput;
use std::collections::BTreeSet;
use store::{BlobStore, Content, Follow, Meta, Node, Time, Tree, TreePath};

/// Who owns the project's files on the workstation.
const OWNER: u32 = 1000;

/// What commands did to the project's files.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Changes {
    pub(crate) files: Vec<FileInput>,
    pub(crate) removed: Vec<String>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.removed.is_empty()
    }
}

/// What was laid out last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    paths: BTreeSet<String>,
    is_fresh: bool,
}

impl Desk {
    /// The project was edited: what lies out is old.
    pub(crate) fn is_old(&mut self) {
        self.is_fresh = false;
    }

    /// Lays the project's files out, if they have changed since they last were.
    ///
    /// # Errors
    ///
    /// A sentence, if a file cannot lie where it should: a command has put something in its way.
    pub(crate) fn lay_out(
        &mut self,
        project: &Project,
        tree: &mut Tree,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<(), String> {
        if self.is_fresh {
            return Ok(());
        }
        let meta = |mode: u32| Meta {
            uid: OWNER,
            gid: OWNER,
            mtime: now,
            ..Meta::of_mode(mode)
        };
        let mut after = tree.clone();
        let known: BTreeSet<String> = project.paths().map(str::to_owned).collect();
        for gone in self.paths.difference(&known) {
            // A command may have removed it already.
            let _ = place(gone).and_then(|place| after.remove(&place).map_err(|error| error.to_string()));
        }
        for path in &known {
            let Some((mode, mtime, bytes)) = project.file(path) else {
                continue;
            };
            let place = place(path)?;
            let digest = blobs.put(bytes).map_err(|error| error.to_string())?;
            let content = Content::Blob {
                digest,
                size: bytes.len() as u64,
            };
            let is_same = after
                .get(&place)
                .and_then(Node::as_file)
                .is_some_and(|file| file.content == content);
            if is_same {
                continue;
            }
            if let Some(parent) = place.parent() {
                after
                    .mkdir_all(&parent, &meta(0o755))
                    .map_err(|error| error.to_string())?;
            }
            let meta = Meta { mtime, ..meta(mode) };
            after
                .insert(&place, Node::file(meta, content))
                .map_err(|error| error.to_string())?;
        }
        *tree = after;
        self.paths = known;
        self.is_fresh = true;
        Ok(())
    }

    /// What commands did to the files since they were laid out. Links, devices and simulated files stay on the workstation.
    pub(crate) fn changes(&mut self, project: &Project, tree: &Tree, blobs: &dyn BlobStore) -> Changes {
        let mut changes = Changes::default();
        let mut found = BTreeSet::new();
        if let Ok(root) = tree.resolve(PROJECT, Follow::Last)
            && let Some(node) = tree.get(&root)
        {
            collect(node, "", &mut |path, mode, content| {
                let Content::Blob { digest, .. } = content else {
                    return;
                };
                found.insert(path.to_owned());
                let known = project.file(path);
                let Ok(bytes) = blobs.get(&digest) else {
                    return;
                };
                if known.is_none_or(|(_, _, own)| own != &*bytes) {
                    changes.files.push(FileInput {
                        path: path.to_owned(),
                        mode,
                        bytes: bytes.to_vec(),
                    });
                }
            });
        }
        let gone = self.paths.difference(&found);
        changes.removed.extend(gone.cloned());
        self.paths = found;
        changes
    }
}

fn place(path: &str) -> Result<TreePath, String> {
    TreePath::parse(&format!("{PROJECT}/{path}")).map_err(|error| error.to_string())
}

fn collect(node: &Node, path: &str, act: &mut dyn FnMut(&str, u32, Content)) {
    match node {
        Node::File(file) => act(path, file.meta.mode, file.content),
        Node::Dir(dir) => {
            for (name, below) in &dir.entries {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}/{name}")
                };
                collect(below, &path, act);
            }
        }
        Node::Symlink { .. } | Node::Special { .. } => {}
    }
}
