//! Which files of a source are meant: wildcards, `--exclude`, `--parents`.

use super::{CopyError, existing};
use crate::glob;
use crate::ignore::Ignore;
use store::{Follow, Node, Tree, TreePath};

/// The places that `path` names in `source`, links followed, each with the name it was found under, in the order of a walk.
///
/// A wildcard that matches nothing names nothing, and that is no error.
///
/// # Errors
///
/// [`CopyError::NotFound`] if `path` has no wildcard and is not there.
pub(super) fn matches(source: &Tree, path: &str) -> Result<Vec<(TreePath, String)>, CopyError> {
    let (plain, wild) = glob::split(path);
    if wild.is_empty() {
        return Ok(vec![(existing(source, path)?, planner::path::base(&plain).to_owned())]);
    }
    let mut found = Vec::new();
    if let Ok(root) = source.resolve(&plain, Follow::Last)
        && let Some(node) = source.get(&root)
    {
        walk(node, &root, "", &wild, &mut found);
    }
    let followed = found.into_iter().map(|path| {
        let name = path.name().unwrap_or("/").to_owned();
        Ok((existing(source, &path.absolute())?, name))
    });
    followed.collect()
}

fn walk(node: &Node, at: &TreePath, below: &str, wild: &str, found: &mut Vec<TreePath>) {
    let Node::Dir(dir) = node else { return };
    for (name, child) in &dir.entries {
        let below = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let place = at.join(name).expect("a tree holds only good names");
        if glob::matches(wild, &below) {
            found.push(place);
        } else {
            walk(child, &place, &below, wild, found);
        }
    }
}

/// What is taken of a directory that is copied; paths are relative to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    /// `--parents`: only what matches, and the directories on the way to it.
    pub(super) include: Option<&'a Ignore>,
    /// `--exclude`: all but what matches.
    pub(super) exclude: &'a Ignore,
}

impl Filter<'_> {
    /// Whether `path` itself is taken.
    pub(super) fn takes(&self, path: &str) -> bool {
        // A pattern of --parents means what an ignore file's pattern means, the other way round.
        let included = self.include.is_none_or(|include| include.ignores(path));
        included && !self.exclude.ignores(path)
    }
}
