//! What a build takes from outside: base images, contexts, downloads and secrets.

use crate::cache::Key;
use crate::content::Root;
use crate::error::{BuildError, BuildErrorKind};
use crate::execute::Fidelity;
use crate::operation;
use oci::Digest;
use planner::{ImageName, Input, Plan, Source, Url};
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
        let found = plan.sources.iter().enumerate();
        found
            .map(|(index, source)| {
                self.find(source, now).map_err(|what| {
                    // The line that names it first.
                    let user = plan.steps.iter().position(|step| {
                        step.base == Input::Source(index) || step.action.inputs().contains(&Input::Source(index))
                    });
                    match user {
                        Some(step) => BuildError::at(plan, step, BuildErrorKind::Source { what }),
                        None => BuildError::source(what),
                    }
                })
            })
            .collect()
    }

    /// What a source is; if it is not, why.
    fn find(&self, source: &Source, now: Time) -> Result<Found, String> {
        let missing = |what: &str| format!("{what}: not found");
        Ok(match source {
            Source::Context => sent(&self.context, now),
            Source::Named(name) => sent(self.named.get(name).ok_or_else(|| missing(name))?, now),
            Source::Image(image) => self.image(image)?,
            Source::Url(url) => download(url, self.urls.get(url).ok_or_else(|| missing(&url.url))?)?,
            Source::Git(name) => {
                let (tree, commit) = self.repositories.get(name).ok_or_else(|| missing(name))?;
                Found {
                    tree: tree.clone(),
                    root: Root::Made,
                    keys: vec![operation::of_source(&format!("git {commit} {name}"))],
                    image: None,
                }
            }
            Source::Inline { name, mode, text } => Found {
                tree: one_file(name, Meta::of_mode(*mode), text.as_bytes(), now),
                root: Root::Made,
                keys: vec![operation::of_inline(&format!("/{name}"), *mode, text)],
                image: None,
            },
            Source::CacheDir { mode, uid, gid } => Found {
                tree: one_dir("cache", *mode, (*uid, *gid), now),
                root: Root::Made,
                keys: vec![operation::of_cache_dir(*mode, *uid, *gid)],
                image: None,
            },
        })
    }

    fn image(&self, name: &ImageName) -> Result<Found, String> {
        let Some(base) = self.images.get(name) else {
            return Err(format!("{}: not found", name.name));
        };
        let mut keys = vec![operation::of_image(&base.image.digest(), &base.image.config.platform)];
        let chain = base.image.chain_ids();
        keys.extend(chain.last().map(|chain| operation::of_source(&chain.to_string())));
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

/// A downloaded file, which must be the one that `--checksum` asks for.
fn download(url: &Url, download: &Download) -> Result<Found, String> {
    if let (Some(expected), Content::Blob { digest, .. }) = (&url.checksum, download.content)
        && digest.to_string() != *expected
    {
        return Err(format!("digest mismatch {digest}: {expected}"));
    }
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
    Ok(Found {
        tree,
        root: Root::Made,
        keys: vec![operation::of_download(&url.filename, &content, said)],
        image: None,
    })
}

/// A filesystem with one file, whose bytes are kept when a step looks at it.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(checksum: Option<&str>) -> Url {
        Url {
            url: "https://example.com/f".to_owned(),
            filename: "f".to_owned(),
            checksum: checksum.map(ToOwned::to_owned),
        }
    }

    fn at(bytes: &[u8], modified: &str) -> Download {
        Download {
            content: Content::Blob {
                digest: Digest::of(bytes),
                size: bytes.len() as u64,
            },
            last_modified: Some((modified.to_owned(), Time::of_secs(7))),
        }
    }

    #[test]
    fn a_download_must_be_what_its_checksum_says() {
        let right = Digest::of(b"right").to_string();
        assert!(download(&url(Some(&right)), &at(b"right", "then")).is_ok());
        let wrong = download(&url(Some(&right)), &at(b"wrong", "then")).expect_err("other bytes");
        assert!(wrong.starts_with("digest mismatch sha256:"), "{wrong}");
    }

    #[test]
    fn when_a_download_changed_counts_unless_its_checksum_is_given() {
        let keys = |url: &Url, modified: &str| download(url, &at(b"x", modified)).expect("good").keys;
        let checksum = Digest::of(b"x").to_string();
        assert_ne!(keys(&url(None), "then"), keys(&url(None), "now"));
        assert_eq!(keys(&url(Some(&checksum)), "then"), keys(&url(Some(&checksum)), "now"));
    }

    #[test]
    fn a_download_is_readable_for_its_owner_only_and_as_old_as_the_server_says() {
        let found = download(&url(None), &at(b"x", "then")).expect("good");
        let path = TreePath::clean("f").expect("a path");
        let meta = found.tree.get(&path).expect("the file").meta().clone();
        assert_eq!((meta.mode, meta.mtime.secs), (0o600, 7));
    }
}
