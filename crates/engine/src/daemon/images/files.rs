//! The filesystem of an image that the machine has: made when somebody first looks at it.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use store::{Image, Tree, TreeError};

/// The filesystem of an image, cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    image: Arc<Image>,
    tree: Arc<OnceLock<Tree>>,
}

impl Files {
    /// The filesystem of an image of which nobody knows yet whether its layers make one.
    ///
    /// # Errors
    ///
    /// As [`Image::tree`].
    pub fn of(image: Arc<Image>) -> Result<Files, TreeError> {
        let tree = image.tree()?.into();
        Ok(Files {
            image,
            tree: Arc::new(tree),
        })
    }

    /// The filesystem of an image that was taken in before, when its layers made one. It is made when it is wanted.
    pub fn later(image: Arc<Image>) -> Files {
        Files {
            image,
            tree: Arc::default(),
        }
    }
}

impl Deref for Files {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        self.tree.get_or_init(|| {
            let made = self.image.tree();
            made.expect("its layers made a filesystem when it was taken in")
        })
    }
}

impl PartialEq for Files {
    fn eq(&self, other: &Files) -> bool {
        Arc::ptr_eq(&self.image, &other.image) || **self == **other
    }
}
