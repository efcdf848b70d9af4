//! Which files of a source are meant: wildcards, `--exclude`, `--parents`.

use super::{CopyError, existing};
use crate::glob;
use crate::ignore::{Ignore, Trail};
use store::{Follow, Node, Tree, TreePath};

/// The places that `path` names in `source`, links followed, each with the name it was found under, in the order of a walk.
///
/// A wildcard that matches nothing names nothing, and that is no error.
///
/// # Errors
///
/// [`CopyError::NotFound`] if `path` has no wildcard and is not there; [`CopyError::NoDirectory`] if what stands before its
/// first wildcard is not there.
pub(super) fn matches(source: &Tree, path: &str) -> Result<Vec<(TreePath, String)>, CopyError> {
    let (plain, wild) = glob::split(path);
    if wild.is_empty() {
        return Ok(vec![(existing(source, path)?, planner::path::base(&plain).to_owned())]);
    }
    let mut found = Vec::new();
    let root = source.resolve(&plain, Follow::Last).ok();
    let root = root.and_then(|root| source.get(&root).map(|node| (root, node)));
    let (root, node) = root.ok_or(CopyError::NoDirectory { path: plain })?;
    walk(node, &root, "", &wild, &mut found);
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

/// What the patterns say of a directory, so that they can say what they mean for what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trails {
    include: Option<Trail>,
    exclude: Option<Trail>,
}

/// What becomes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is taken.
    Taken,
    /// It is not, but something in it may be.
    Left,
    /// Neither it nor anything in it is.
    Dropped,
}

impl Filter<'_> {
    /// What becomes of `path`, which is in a directory of which the patterns say `above`.
    pub(super) fn choose(&self, path: &str, above: &Trails) -> (Choice, Trails) {
        // A pattern of --parents means what an ignore file's pattern means, the other way round.
        let include = self.include.map(|rules| rules.enter(path, above.include.as_ref()));
        let exclude = (!self.exclude.rules().is_empty()).then(|| self.exclude.enter(path, above.exclude.as_ref()));
        let excluded = exclude.as_ref().is_some_and(Trail::is_ignored);
        let choice = if excluded && !self.exclude.has_exceptions() {
            Choice::Dropped
        } else if excluded || include.as_ref().is_some_and(|trail| !trail.is_ignored()) {
            Choice::Left
        } else {
            Choice::Taken
        };
        (choice, Trails { include, exclude })
    }
}
