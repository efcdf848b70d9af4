//! What a build takes from outside: base images, contexts, downloads and secrets.

use crate::cache::Key;
use crate::content::Root;
use crate::error::BuildError;
use crate::execute::Fidelity;
use oci::Digest;
use planner::{ImageName, Plan, Source, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Content, Image, Meta, Node, Time, Tree, TreePath};

/// Everything a plan's sources name.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The build context, ignored files left out: see [`crate::load`].
    pub context: Tree,
    /// Images.
    pub images: BTreeMap<ImageName, BaseImage>,
    /// Directories given by `--build-context`, ignored files left out.
    pub named: BTreeMap<String, Tree>,
    /// Downloads.
    pub urls: BTreeMap<Url, Download>,
    /// Repositories as written in the Dockerfile: their files, and the commit they are of.
    pub repositories: BTreeMap<String, (Tree, String)>,
    /// Secrets, by their identity.
    pub secrets: BTreeMap<String, Vec<u8>>,
}

/// An image to build on or copy from.
#[derive(Debug, Clone)]
pub struct BaseImage {
    /// The image.
    pub image: Arc<Image>,
    /// Its filesystem.
    pub tree: Tree,
    /// Whether it is the published one, or a stand-in.
    pub fidelity: Fidelity,
}

/// A file from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its bytes, which the blob store has.
    pub content: Content,
    /// The `Last-Modified` header: as text, and as a time.
    pub last_modified: Option<(String, Time)>,
}

/// A source of a plan as steps see it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) tree: Tree,
    pub(crate) root: Root,
    /// What it is known by; nothing if only its content says what it is.
    pub(crate) keys: Vec<Key>,
    /// The image, if it is one.
    pub(crate) image: Option<BaseImage>,
}

impl Sources {
    /// What every source of `plan` is.
    pub(crate) fn find_all(&self, plan: &Plan, now: Time) -> Result<Vec<Found>, BuildError> {
        plan.sources.iter().map(|source| self.find(source, now)).collect()
    }

    fn find(&self, source: &Source, now: Time) -> Result<Found, BuildError> {
        let missing = |what: &str| BuildError::source(format!("{what}: not found"));
        Ok(match source {
            Source::Context => sent(&self.context, now),
            Source::Named(name) => sent(self.named.get(name).ok_or_else(|| missing(name))?, now),
            Source::Image(image) => self.image(image)?,
            Source::Url(url) => download(url, self.urls.get(url).ok_or_else(|| missing(&url.url))?),
            Source::Git(name) => {
                let (tree, commit) = self.repositories.get(name).ok_or_else(|| missing(name))?;
                Found {
                    tree: tree.clone(),
                    root: Root::Made,
                    keys: vec![key(&["git", commit, name])],
                    image: None,
                }
            }
            Source::Inline { name, mode, text } => Found {
                tree: one_file(name, Meta::of_mode(*mode), text.as_bytes(), now),
                root: Root::Made,
                keys: vec![key(&["inline", name, &mode.to_string(), text])],
                image: None,
            },
            Source::CacheDir { mode, uid, gid } => Found {
                tree: one_dir("cache", *mode, (*uid, *gid), now),
                root: Root::Made,
                keys: vec![key(&["cache", &format!("{mode:o} {uid}:{gid}")])],
                image: None,
            },
        })
    }

    fn image(&self, name: &ImageName) -> Result<Found, BuildError> {
        let Some(base) = self.images.get(name) else {
            return Err(BuildError::source(format!("{}: not found", name.name)));
        };
        let mut keys = vec![key(&["image", &base.image.digest().to_string(), &name.platform])];
        keys.extend(
            base.image
                .chain_ids()
                .last()
                .map(|chain| key(&["layers", &chain.to_string()])),
        );
        Ok(Found {
            tree: base.tree.clone(),
            root: Root::Made,
            keys,
            image: Some(base.clone()),
        })
    }
}

/// Files that a client sends: the directory they are put into is new.
fn sent(tree: &Tree, now: Time) -> Found {
    let mut tree = tree.clone();
    tree.update_meta(&TreePath::root(), |meta| meta.mtime = now)
        .expect("the root is there");
    Found {
        tree,
        root: Root::Sent,
        keys: Vec::new(),
        image: None,
    }
}

fn download(url: &Url, download: &Download) -> Found {
    let modified = download.last_modified.as_ref();
    let meta = Meta {
        mtime: modified.map(|(_, time)| *time).unwrap_or_default(),
        ..Meta::of_mode(0o600)
    };
    let content = match download.content {
        Content::Blob { digest, .. } => digest.to_string(),
        Content::Absent { size } => format!("simulated {size}"),
    };
    // A checksum in the Dockerfile says all there is to say.
    let said = match (&url.checksum, modified) {
        (None, Some((text, _))) => text.as_str(),
        _ => "",
    };
    let mut tree = Tree::new();
    let path = TreePath::clean(&url.filename).unwrap_or_default();
    if !path.is_root() {
        tree.insert(&path, Node::file(meta, download.content))
            .expect("the root takes any name");
    }
    Found {
        tree,
        root: Root::Made,
        keys: vec![key(&["url", &url.filename, &content, said])],
        image: None,
    }
}

/// A filesystem with one file, whose bytes the caller keeps: see [`Sources::inline_texts`].
fn one_file(name: &str, meta: Meta, bytes: &[u8], now: Time) -> Tree {
    let content = Content::Blob {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    };
    let meta = Meta { mtime: now, ..meta };
    let mut tree = Tree::new();
    let path = TreePath::clean(name).unwrap_or_default();
    if let Some(parent) = path.parent() {
        let dir = Meta {
            mtime: now,
            ..Meta::of_mode(0o755)
        };
        tree.mkdir_all(&parent, &dir).expect("nothing is in the way");
        tree.insert(&path, Node::file(meta, content))
            .expect("its directory is there");
    }
    tree
}

fn one_dir(name: &str, mode: u32, (uid, gid): (u32, u32), now: Time) -> Tree {
    let mut tree = Tree::new();
    let meta = Meta {
        uid,
        gid,
        mtime: now,
        ..Meta::of_mode(mode)
    };
    let path = TreePath::clean(name).expect("the name has no NUL");
    tree.insert(&path, Node::dir(meta)).expect("the root takes any name");
    tree
}

fn key(parts: &[&str]) -> Key {
    Digest::of(parts.join("\0").as_bytes())
}
