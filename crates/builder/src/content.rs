//! Which files of an input a step looks at, and the key that their content makes.
//!
//! Source: BuildKit, `cache/contenthash/checksum.go` and `solver/llbsolver/ops/opsutils`.

use crate::checksum::Checksums;
use crate::copy::CopyError;
use crate::glob;
use crate::ignore::{Ignore, Trail};
use oci::Digest;
use planner::path;
use std::collections::BTreeMap;
use store::{BlobStore, Dir, Follow, Node, Tree, TreePath};

/// A choice of files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selector {
    /// Absolute; may hold wildcards if `wildcard`.
    pub(crate) path: String,
    pub(crate) wildcard: bool,
    pub(crate) links: Links,
    /// `--parents`: the pattern of what is wanted.
    pub(crate) include: Option<String>,
    /// `--exclude`.
    pub(crate) exclude: Vec<String>,
    /// A path that must exist.
    pub(crate) required: Option<String>,
}

/// Whether a link at the end of the path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Links {
    Stay,
    Follow,
}

impl Selector {
    /// One path, links followed.
    pub(crate) fn plain(path: &str) -> Selector {
        Selector {
            path: path.to_owned(),
            wildcard: false,
            links: Links::Follow,
            include: None,
            exclude: Vec::new(),
            required: None,
        }
    }

    fn is_plain(&self) -> bool {
        !self.wildcard && self.include.is_none() && self.exclude.is_empty()
    }
}

/// Where an input comes from: what its root directory says of itself counts only for some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// Sent by a client: the root's own mode and owner are unknown.
    Sent,
    /// A filesystem like any other.
    Made,
}

/// Reads inputs: trees, their blobs, and the checksums that are known.
pub(crate) struct Reader<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) root: Root,
    pub(crate) blobs: &'a dyn BlobStore,
    pub(crate) sums: &'a mut Checksums,
}

/// A file, link or directory entry that counts: its path as the selector spells it, and its checksum.
type Found = (String, Digest);

impl Reader<'_> {
    /// The key of all that `selectors` choose.
    pub(crate) fn key(&mut self, selectors: &[Selector]) -> Result<Digest, CopyError> {
        let mut joined = String::new();
        for (i, selector) in without_covered(selectors).iter().enumerate() {
            if i > 0 {
                joined.push('\0');
            }
            joined += &self.checksum(selector)?.to_string();
        }
        Ok(Digest::of(joined.as_bytes()))
    }

    /// Every file that `selectors` choose, by path, for telling what changed.
    pub(crate) fn files(&mut self, selectors: &[Selector]) -> Result<BTreeMap<String, Digest>, CopyError> {
        let mut files = BTreeMap::new();
        for selector in without_covered(selectors) {
            if selector.is_plain() {
                let (at, node) = self.find(&selector.path, selector.links)?;
                self.list(at.as_str(), &node, &mut files)?;
            } else {
                let found = self.included(&selector)?;
                files.extend(
                    found
                        .into_iter()
                        .map(|(path, sum)| (path.trim_start_matches('/').to_owned(), sum)),
                );
            }
        }
        Ok(files)
    }

    fn list(&mut self, at: &str, node: &Node, files: &mut BTreeMap<String, Digest>) -> Result<(), CopyError> {
        let Node::Dir(dir) = node else {
            files.insert(at.to_owned(), self.sums.of(node, self.blobs)?);
            return Ok(());
        };
        if !at.is_empty() {
            files.insert(format!("{at}/"), Checksums::of_dir_itself(&dir.meta));
        }
        for (name, child) in &dir.entries {
            let below = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}/{name}")
            };
            self.list(&below, child, files)?;
        }
        Ok(())
    }

    fn checksum(&mut self, selector: &Selector) -> Result<Digest, CopyError> {
        if let Some(required) = &selector.required {
            self.find(required, Links::Follow)?;
        }
        if selector.is_plain() {
            let (at, node) = self.find(&selector.path, selector.links)?;
            return self.of_node(&at, &node);
        }
        let found = self.included(selector)?;
        match found.as_slice() {
            [] => Ok(Digest::of(b"")),
            [(one, sum)] if path::base(one) == path::base(&selector.path) => Ok(*sum),
            many => {
                let prefix = fixed_prefix(selector);
                let records: Vec<String> = many
                    .iter()
                    .map(|(found, sum)| {
                        let below = found.strip_prefix(&prefix).unwrap_or(found);
                        format!("{}{sum}", below.replace('/', "\0"))
                    })
                    .collect();
                Ok(Digest::of(records.join("\0").as_bytes()))
            }
        }
    }

    fn of_node(&mut self, at: &TreePath, node: &Node) -> Result<Digest, CopyError> {
        match node {
            Node::Dir(dir) if at.is_root() && self.root == Root::Sent => {
                Ok(self.sums.of_dir(dir, &Digest::of(b""), self.blobs)?)
            }
            _ => Ok(self.sums.of(node, self.blobs)?),
        }
    }

    /// The node at a path that must exist.
    fn find(&self, path: &str, links: Links) -> Result<(TreePath, Node), CopyError> {
        let missing = || CopyError::NotFound { path: path.to_owned() };
        let follow = match links {
            Links::Follow => Follow::Last,
            Links::Stay => Follow::AllButLast,
        };
        let at = self.tree.resolve(path, follow).map_err(|_| missing())?;
        if at.is_root() {
            let root: Dir = self.tree.root().clone();
            return Ok((at, Node::Dir(root.into())));
        }
        let node = self.tree.get(&at).cloned().ok_or_else(missing)?;
        Ok((at, node))
    }

    /// Everything that a selector with wildcards or patterns chooses, in order.
    fn included(&mut self, selector: &Selector) -> Result<Vec<Found>, CopyError> {
        let prefix = fixed_prefix(selector);
        let follow = if selector.wildcard { Links::Follow } else { Links::Stay };
        let Ok((_, start)) = self.find(if prefix.is_empty() { "/" } else { &prefix }, follow) else {
            return Ok(Vec::new());
        };
        let mut walk = Walk {
            pattern: selector.wildcard.then_some(selector.path.as_str()),
            base: if selector.wildcard { None } else { Some(prefix.clone()) },
            include: match &selector.include {
                Some(pattern) => Some(Ignore::patterns([pattern.as_str()])?),
                None => None,
            },
            exclude: if selector.exclude.is_empty() {
                None
            } else {
                Some(Ignore::patterns(selector.exclude.iter().map(String::as_str))?)
            },
            above: Vec::new(),
            found: Vec::new(),
        };
        self.visit(&prefix, &start, &mut walk)?;
        let mut found = walk.found;
        if selector.links == Links::Follow {
            for (path, sum) in &mut found {
                let (at, node) = self.find(path, Links::Stay)?;
                if matches!(node, Node::Symlink { .. }) {
                    let (at, node) = self.find(&at.absolute(), Links::Follow)?;
                    *sum = self.of_node(&at, &node)?;
                }
            }
        }
        Ok(found)
    }

    fn visit(&mut self, at: &str, node: &Node, walk: &mut Walk) -> Result<(), CopyError> {
        let n_above = walk.above.len();
        let matched_before = walk.base.clone();
        if walk.enters(at) {
            let (wanted, include, exclude) = walk.decide(at);
            match node {
                Node::Dir(dir) => {
                    let header = Checksums::of_dir_itself(&dir.meta);
                    walk.above.push(Above {
                        path: at.to_owned(),
                        header,
                        listed: false,
                        include,
                        exclude,
                    });
                    if wanted {
                        walk.list_above();
                    }
                }
                _ if wanted => {
                    walk.list_above();
                    let sum = self.sums.of(node, self.blobs)?;
                    walk.found.push((at.to_owned(), sum));
                }
                _ => {}
            }
        }
        if let Node::Dir(dir) = node {
            for (name, child) in &dir.entries {
                self.visit(&format!("{at}/{name}"), child, walk)?;
            }
        }
        walk.above.truncate(n_above);
        if walk.pattern.is_some() {
            walk.base = matched_before;
        }
        Ok(())
    }
}

/// A walk over what a selector may choose.
struct Walk<'a> {
    /// What the path must match, if it has wildcards.
    pattern: Option<&'a str>,
    /// The path that include and exclude patterns are relative to: the selector's own, or the last one matched.
    base: Option<String>,
    include: Option<Ignore>,
    exclude: Option<Ignore>,
    above: Vec<Above>,
    found: Vec<Found>,
}

/// A directory on the way.
struct Above {
    path: String,
    header: Digest,
    listed: bool,
    include: Option<Trail>,
    exclude: Option<Trail>,
}

impl Walk<'_> {
    /// Whether `at` matches, or is below something that did.
    fn enters(&mut self, at: &str) -> bool {
        let Some(pattern) = self.pattern else { return true };
        if self.base.is_some() {
            return true;
        }
        let matches = glob::matches(pattern, at);
        if matches {
            self.base = Some(at.to_owned());
        }
        matches
    }

    fn decide(&self, at: &str) -> (bool, Option<Trail>, Option<Trail>) {
        let base = self.base.as_deref().unwrap_or_default();
        let below = at.strip_prefix(base).unwrap_or(at).trim_start_matches('/');
        let above = self.above.last();
        let include = self
            .include
            .as_ref()
            .map(|rules| rules.enter(below, above.and_then(|above| above.include.as_ref())));
        if include.as_ref().is_some_and(|trail| !trail.is_ignored()) {
            return (false, include, None);
        }
        let exclude = self
            .exclude
            .as_ref()
            .map(|rules| rules.enter(below, above.and_then(|above| above.exclude.as_ref())));
        (!exclude.as_ref().is_some_and(Trail::is_ignored), include, exclude)
    }

    /// Lists the directories on the way that are not listed yet.
    fn list_above(&mut self) {
        for above in &mut self.above {
            if !std::mem::replace(&mut above.listed, true) {
                self.found.push((above.path.clone(), above.header));
            }
        }
    }
}

/// The part of a selector's path before its first wildcard; empty for the root.
fn fixed_prefix(selector: &Selector) -> String {
    let prefix = if selector.wildcard {
        glob::split(&selector.path).0
    } else {
        selector.path.clone()
    };
    if prefix == "/" { String::new() } else { prefix }
}

/// Drops plain selectors whose files another plain selector covers, and sorts.
fn without_covered(selectors: &[Selector]) -> Vec<Selector> {
    let covers = |above: &Selector, below: &Selector| {
        let prefix = format!("{}/", above.path.trim_end_matches('/'));
        above.path != below.path && below.path.starts_with(&prefix)
    };
    let mut kept: Vec<Selector> = Vec::new();
    for selector in selectors {
        let covered = selector.is_plain()
            && selectors
                .iter()
                .any(|other| other.is_plain() && other.links == selector.links && covers(other, selector));
        let repeated = selector.is_plain() && kept.contains(selector);
        if !covered && !repeated {
            kept.push(selector.clone());
        }
    }
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    kept
}
