//! What lies outside a build, on this machine: folders and layouts that were named, then the catalogue.

use crate::args::{ContextSource, NamedContext};
use crate::disk::Lender;
use crate::files::read_folder;
use crate::known_files::KnownFiles;
use crate::layout::{Found, find_image};
use builder::{BaseImage, Context, ContextError, Download, Entry, Fidelity, Ignore};
use engine::{Outside, StandIn, World, WorldError, context_name};
use oci::Platform;
use planner::{ImageName, Url};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{BlobStore, Tree};

/// The world of this machine: what `--build-context` names, and else a stand-in for registries and networks.
#[derive(Debug)]
pub struct Machine<'a> {
    /// `--build-context`, in order; the last of equal names counts.
    pub contexts: &'a [NamedContext],
    /// Lends the files of folders and layouts.
    pub lender: Lender,
    /// What is known of files.
    pub known: KnownFiles,
    /// What is simulated.
    pub stand_in: StandIn,
}

/// `docker-image://` names are followed so far.
const MAX_HOPS: usize = 8;

impl World for Machine<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        match self.named(name)? {
            Named::Directory(tree) => Ok(Outside::Directory(tree)),
            Named::Layout(found) => {
                let image = found.read(blobs).map_err(error)?;
                let tree = image.tree().map_err(error)?;
                Ok(Outside::Image(BaseImage {
                    image: Arc::new(image),
                    tree,
                    fidelity: Fidelity::Exact,
                }))
            }
            Named::Elsewhere(name) => self.stand_in.image(&name, blobs),
        }
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.stand_in.download(url, blobs)
    }

    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.stand_in.repository(name, blobs)
    }
}

/// What `--build-context` says of a name.
#[derive(Debug)]
pub enum Named {
    /// It is this image, whose layers are not read yet.
    Layout(Box<Found>),
    /// It is these files.
    Directory(Tree),
    /// Nothing, or that it is another image, which is elsewhere.
    Elsewhere(ImageName),
}

impl Machine<'_> {
    /// Follows `--build-context` from a name.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if what it names cannot be read.
    pub fn named(&self, name: &ImageName) -> Result<Named, WorldError> {
        let platform = Platform::parse(&name.platform, &Platform::linux_amd64()).map_err(error)?;
        let mut wanted = name.name.clone();
        for _ in 0..MAX_HOPS {
            let elsewhere = |name: &str| {
                Named::Elsewhere(ImageName {
                    name: name.to_owned(),
                    platform: platform.to_string(),
                })
            };
            let Some(context) = self.context(&wanted) else {
                return Ok(elsewhere(&wanted));
            };
            match &context.source {
                ContextSource::Image(other) if context_name(other) == context_name(&wanted) => {
                    return Ok(elsewhere(other));
                }
                ContextSource::Image(other) => wanted.clone_from(other),
                ContextSource::Layout { dir, which } => {
                    let found = find_image(dir, which.as_deref(), &platform, &self.lender).map_err(error)?;
                    return Ok(Named::Layout(Box::new(found)));
                }
                ContextSource::Directory(dir) => return self.directory(&context.name, dir).map(Named::Directory),
            }
        }
        Err(error(format!(
            "expected {} to lead to an image, found a circle of --build-context",
            name.name
        )))
    }

    fn context(&self, name: &str) -> Option<&NamedContext> {
        let name = context_name(name);
        self.contexts
            .iter()
            .rfind(|context| context_name(&context.name) == name)
    }

    fn directory(&self, name: &str, dir: &Path) -> Result<Tree, WorldError> {
        if !dir.is_dir() {
            return Err(error(format!(
                "failed to get build context {name}: stat {}: no such folder",
                dir.display()
            )));
        }
        let text = match std::fs::read(dir.join(".dockerignore")) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        };
        let ignore = Ignore::parse(&text).map_err(error)?;
        read_folder(dir, &ignore, &self.lender, &self.known).map_err(error)
    }
}

fn error(message: impl ToString) -> WorldError {
    WorldError {
        message: message.to_string(),
        hints: Vec::new(),
    }
}

/// The build context on this machine.
#[derive(Debug)]
pub struct FolderContext {
    /// The folder; `None` for an empty context.
    pub folder: Option<PathBuf>,
    /// The text of the ignore file.
    pub ignore: String,
    /// Lends its files.
    pub lender: Lender,
    /// What is known of them.
    pub known: KnownFiles,
}

impl Context for FolderContext {
    fn entries(&self) -> Result<Vec<Entry>, ContextError> {
        // Everything that asks goes through `tree` and `ignore_file`, which know more.
        Ok(Vec::new())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ContextError> {
        let failed = |reason: String| ContextError::Read {
            path: path.to_owned(),
            reason,
        };
        let Some(folder) = &self.folder else {
            return Err(failed("the context is empty".to_owned()));
        };
        std::fs::read(folder.join(path))
            .map(Into::into)
            .map_err(|error| failed(error.to_string()))
    }

    fn ignore_file(&self, _: &str) -> Result<Option<(String, String)>, ContextError> {
        Ok(Some((".dockerignore".to_owned(), self.ignore.clone())))
    }

    fn tree(&self, ignore: &Ignore, _: &mut dyn BlobStore) -> Result<Tree, ContextError> {
        let Some(folder) = &self.folder else {
            return Ok(Tree::new());
        };
        read_folder(folder, ignore, &self.lender, &self.known).map_err(|error| ContextError::Read {
            path: folder.display().to_string(),
            reason: error.to_string(),
        })
    }
}
