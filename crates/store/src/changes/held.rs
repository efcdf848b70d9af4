//! Changes that a layer holds: at hand, or fetched when somebody first looks at them.

use super::Changeset;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The changes of a layer, cheap to clone.
///
/// Of most images that a machine has, a command needs the names and sizes only: then what the layers list stays where it lies. Whoever
/// dereferences this has it fetched, once for all clones.
#[derive(Clone)]
pub struct Changes(Arc<Held>);

struct Held {
    found: OnceLock<Changeset>,
    bytes: u64,
    is_simulated: bool,
    fetch: Option<Box<dyn Fn() -> Changeset + Send + Sync>>,
}

impl Changes {
    /// Changes that `fetch` brings when they are wanted, with the figures that are known without them: [`Changeset::bytes`] and
    /// [`Changeset::is_simulated`].
    ///
    /// `fetch` has no way to say that it failed: it returns the changes, or does not return.
    pub fn later(bytes: u64, is_simulated: bool, fetch: impl Fn() -> Changeset + Send + Sync + 'static) -> Changes {
        Changes(Arc::new(Held {
            found: OnceLock::new(),
            bytes,
            is_simulated,
            fetch: Some(Box::new(fetch)),
        }))
    }

    /// The bytes of all files, those that are only claimed included.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Whether a file in it is simulated: its size is known, its bytes are not.
    pub fn is_simulated(&self) -> bool {
        self.0.is_simulated
    }

    /// Whether they were fetched, or never had to be.
    pub fn is_here(&self) -> bool {
        self.0.found.get().is_some()
    }
}

impl From<Changeset> for Changes {
    fn from(changes: Changeset) -> Changes {
        Changes(Arc::new(Held {
            bytes: changes.bytes(),
            is_simulated: changes.is_simulated(),
            found: OnceLock::from(changes),
            fetch: None,
        }))
    }
}

impl Deref for Changes {
    type Target = Changeset;

    fn deref(&self) -> &Changeset {
        self.0.found.get_or_init(|| {
            let fetch = self.0.fetch.as_ref();
            fetch.expect("what is not found from the start is fetched")()
        })
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Changes) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Eq for Changes {}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.found.get() {
            Some(found) => found.fmt(f),
            None => write!(f, "Changes {{ not fetched, bytes: {} }}", self.0.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ChangeKind, Content, Meta, Node, TreePath};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn changes(size: u64) -> Changeset {
        let node = Node::file(Meta::of_mode(0o644), Content::Absent { size });
        let change = Change {
            path: TreePath::parse("a").expect("a path"),
            kind: ChangeKind::Put(node),
        };
        Changeset { changes: vec![change] }
    }

    #[test]
    fn changes_are_fetched_once_and_only_if_somebody_looks() {
        static FETCHED: AtomicUsize = AtomicUsize::new(0);
        let later = Changes::later(7, true, || {
            FETCHED.fetch_add(1, Ordering::Relaxed);
            changes(7)
        });
        let clone = later.clone();
        assert_eq!((later.bytes(), later.is_simulated(), later.is_here()), (7, true, false));
        assert_eq!(FETCHED.load(Ordering::Relaxed), 0);
        assert_eq!(clone.len(), 1);
        assert_eq!(later, Changes::from(changes(7)));
        assert_ne!(later, Changes::from(changes(8)));
        assert_eq!(FETCHED.load(Ordering::Relaxed), 1);
    }
}
