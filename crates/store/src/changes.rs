//! Changes from one filesystem to the next: what a layer holds.

mod apply;
mod diff;
mod held;

pub use apply::apply;
pub(crate) use apply::{Before, apply_change, place_of};
pub use diff::diff;
pub use held::Changes;

use crate::{Content, Meta, Node, TreePath};
use oci::Time;

/// Changes in the order in which a layer lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changeset {
    /// First to last. A directory comes before what is in it.
    pub changes: Vec<Change>,
}

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: TreePath,
    /// What becomes of it.
    pub kind: ChangeKind,
}

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// This stands there now. A directory comes without entries and keeps those that the directory below has;
    /// a file comes without a link number.
    Put(Node),
    /// A further name of the file at `to`, which stands there by then.
    Link {
        /// The first name.
        to: TreePath,
        /// Mode, owner and time, those of the file.
        meta: Meta,
    },
    /// Nothing stands there any more: a whiteout.
    Delete,
    /// Of the directory there, everything that lower layers put into it is gone: an opaque whiteout.
    Opaque,
}

impl Changeset {
    /// How many entries the layer has.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Every file with its content; further names of a file are not counted.
    pub fn files(&self) -> impl Iterator<Item = (&TreePath, Content)> {
        self.changes.iter().filter_map(|change| match &change.kind {
            ChangeKind::Put(Node::File(file)) => Some((&change.path, file.content)),
            _ => None,
        })
    }

    /// The bytes of all files, those that are only claimed included.
    pub fn bytes(&self) -> u64 {
        self.files().map(|(_, content)| content.size()).sum()
    }

    /// Whether a file in it is simulated: its size is known, its bytes are not.
    pub fn is_simulated(&self) -> bool {
        self.files()
            .any(|(_, content)| matches!(content, Content::Absent { .. }))
    }

    /// These changes with times as a layer has them: whole seconds, and none later than `latest`. Earlier ones stay.
    ///
    /// Source: BuildKit, `rewrite-timestamp`.
    #[must_use]
    pub fn as_written(mut self, latest: Option<Time>) -> Changeset {
        let clamp = |time: Time| Time::of_secs(latest.map_or(time, |latest| time.min(latest)).secs);
        for change in &mut self.changes {
            match &mut change.kind {
                ChangeKind::Put(node) => {
                    let written = clamp(node.meta().mtime);
                    // Looking first keeps files shared that need no change.
                    if node.meta().mtime != written {
                        node.meta_mut().mtime = written;
                    }
                }
                ChangeKind::Link { meta, .. } => meta.mtime = clamp(meta.mtime),
                ChangeKind::Delete | ChangeKind::Opaque => {}
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
