//! One name for a whole filesystem.

use oci::{Digest, Digester};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{CAPABILITY, Content, Dir, Meta, Node, Special, Tree};

/// Computes digests of trees. It remembers those of directories, so that a tree costs what differs from the trees before it.
#[derive(Debug, Default)]
pub struct TreeDigests {
    /// By address. The directory is held so that nothing else can get the address.
    known: BTreeMap<usize, (Arc<Dir>, Digest)>,
}

impl TreeDigests {
    /// The digest of `tree`: of names, modes, owners, times, capabilities, contents, targets and of which files are one.
    ///
    /// Times count in whole seconds, as layers have them, and the time of the root does not count, which no layer has: so a
    /// filesystem has one digest whether a command has left it or layers were applied. Other extended attributes do not count.
    pub fn of(&mut self, tree: &Tree) -> Digest {
        let root = tree.root();
        let mut out = Digester::new();
        let meta = Meta {
            mtime: store::Time::default(),
            ..root.meta.clone()
        };
        add_meta(&mut out, &meta);
        self.add_entries(&mut out, root);
        for names in tree.link_groups() {
            add_number(&mut out, names.len() as u64);
            for name in names {
                add_bytes(&mut out, name.as_str().as_bytes());
            }
        }
        out.finish()
    }

    fn of_dir(&mut self, dir: &Arc<Dir>) -> Digest {
        let address = Arc::as_ptr(dir) as usize;
        if let Some((_, digest)) = self.known.get(&address) {
            return *digest;
        }
        let mut out = Digester::new();
        add_meta(&mut out, &dir.meta);
        self.add_entries(&mut out, dir);
        let digest = out.finish();
        self.known.insert(address, (dir.clone(), digest));
        digest
    }

    fn add_entries(&mut self, out: &mut Digester, dir: &Dir) {
        add_number(out, dir.entries.len() as u64);
        for (name, node) in &dir.entries {
            add_bytes(out, name.as_bytes());
            match node {
                Node::Dir(below) => {
                    out.update(b"d");
                    add_bytes(out, self.of_dir(below).hex().as_bytes());
                }
                Node::File(file) => {
                    add_content(out, &file.content);
                    add_meta(out, &file.meta);
                }
                Node::Symlink { meta, target } => {
                    out.update(b"l");
                    add_bytes(out, target.as_bytes());
                    add_meta(out, meta);
                }
                Node::Special { meta, kind } => {
                    add_special(out, *kind);
                    add_meta(out, meta);
                }
            }
        }
    }
}

fn add_content(out: &mut Digester, content: &Content) {
    match content {
        Content::Blob { digest, size } => {
            out.update(b"f");
            add_bytes(out, digest.hex().as_bytes());
            add_number(out, *size);
        }
        Content::Absent { size } => {
            out.update(b"a");
            add_number(out, *size);
        }
    }
}

fn add_special(out: &mut Digester, kind: Special) {
    let (letter, major, minor): (&[u8], u32, u32) = match kind {
        Special::Char(major, minor) => (b"c", major, minor),
        Special::Block(major, minor) => (b"b", major, minor),
        Special::Fifo => (b"p", 0, 0),
    };
    out.update(letter);
    add_number(out, u64::from(major));
    add_number(out, u64::from(minor));
}

fn add_meta(out: &mut Digester, meta: &Meta) {
    for number in [meta.mode, meta.uid, meta.gid] {
        out.update(&number.to_le_bytes());
    }
    out.update(&meta.mtime.secs.to_le_bytes());
    match meta.xattrs.get(CAPABILITY) {
        Some(value) => add_bytes(out, value),
        None => add_number(out, 0),
    }
}

fn add_number(out: &mut Digester, number: u64) {
    out.update(&number.to_le_bytes());
}

/// With the length before them, so that no two lists of texts give the same bytes.
fn add_bytes(out: &mut Digester, bytes: &[u8]) {
    add_number(out, bytes.len() as u64);
    out.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Time, TreePath};

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn sample() -> Tree {
        let mut tree = Tree::new();
        tree.mkdir_all(&path("a/b"), &Meta::of_mode(0o755)).unwrap();
        let file = Node::file(Meta::of_mode(0o644), Content::Absent { size: 1 });
        tree.insert(&path("a/b/x"), file.clone()).unwrap();
        tree.insert(&path("a/b/y"), file).unwrap();
        tree
    }

    #[test]
    fn a_digest_follows_what_a_layer_can_tell_and_nothing_else() {
        let mut digests = TreeDigests::default();
        let tree = sample();
        let digest = digests.of(&tree);
        let mut nanos = tree.clone();
        nanos.update_meta(&path("a/b/x"), |meta| meta.mtime.nanos = 5).unwrap();
        nanos
            .update_meta(&TreePath::root(), |meta| meta.mtime = Time::of_secs(7))
            .unwrap();
        assert_eq!(digests.of(&nanos), digest);
        let changes: [fn(&mut Tree); 5] = [
            |tree| tree.update_meta(&path("a/b/x"), |meta| meta.mode = 0o600).unwrap(),
            |tree| {
                tree.update_meta(&path("a/b"), |meta| meta.mtime = Time::of_secs(7))
                    .unwrap();
            },
            |tree| drop(tree.remove(&path("a/b/y")).unwrap()),
            |tree| {
                tree.remove(&path("a/b/y")).unwrap();
                tree.link(&path("a/b/x"), &path("a/b/y")).unwrap();
            },
            |tree| {
                tree.insert(&path("a/b/y"), Node::symlink(Meta::default(), "x"))
                    .unwrap();
            },
        ];
        for change in changes {
            let mut changed = tree.clone();
            change(&mut changed);
            assert_ne!(digests.of(&changed), digest);
            assert_eq!(digests.of(&changed), TreeDigests::default().of(&changed));
        }
    }
}
