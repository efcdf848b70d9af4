//! The world as the shell's file system: its paths, its errors, and programs that are there without their bytes.

use crate::world::{Errno, Result, Shared, World};
use bashkit::{DirEntry, FileSystem, FileSystemExt, FileType, Metadata, async_trait};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{Follow, Node, Special, Time};

/// The text that makes the shell run the builtin named behind it when a file with this content is executed.
const BUILTIN_MARK: &str = "#!/bin/sh\n# bashkit builtin: ";
/// The builtin that says that a program is not simulated.
pub(crate) const UNSIMULATED: &str = "__layerlab_unsimulated";

/// The tree, for the shell.
#[derive(Debug, Clone)]
pub(crate) struct Vfs {
    pub(crate) shared: Shared,
    /// Names that the shell has a builtin for.
    pub(crate) builtins: std::sync::Arc<std::collections::BTreeSet<String>>,
}

fn error(errno: Errno) -> bashkit::Error {
    let kind = match errno {
        Errno::NoEntry => io::ErrorKind::NotFound,
        Errno::Exists => io::ErrorKind::AlreadyExists,
        Errno::Access | Errno::NotPermitted => io::ErrorKind::PermissionDenied,
        Errno::NotDirectory => io::ErrorKind::NotADirectory,
        Errno::IsDirectory => io::ErrorKind::IsADirectory,
        Errno::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
        Errno::ReadOnly => io::ErrorKind::ReadOnlyFilesystem,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, errno.to_string()).into()
}

/// The path as text from the root. The shell hands over absolute paths.
fn text(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.starts_with('/') {
        text.into_owned()
    } else {
        format!("/{text}")
    }
}

impl Vfs {
    fn lock<T>(&self, work: impl FnOnce(&mut World) -> Result<T>) -> bashkit::Result<T> {
        work(&mut self.shared.lock()).map_err(error)
    }

    async fn with<T>(&self, work: impl FnMut(&mut World) -> Result<T>) -> bashkit::Result<T> {
        self.shared.with(work).await.map_err(error)
    }

    /// What the shell finds in a program: scripts as they are; for others, the call of the builtin that stands for them.
    fn program(&self, path: &str, world: &World) -> Result<Option<Vec<u8>>> {
        let (_, node) = world.node(path, Follow::Last)?;
        let Node::File(file) = node else { return Ok(None) };
        if world.tools > 0 || file.meta.mode & 0o111 == 0 {
            return Ok(None);
        }
        if let Ok(bytes) = world.bytes_of(&file.content)
            && !bytes.starts_with(b"\x7fELF")
        {
            return Ok(None);
        }
        if let Err(need @ Errno::Need(_)) = world.bytes_of(&file.content) {
            return Err(need);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        Ok(Some(
            if self.builtins.contains(name) || matches!(name, "sh" | "bash" | "ash" | "dash") {
                let name = if matches!(name, "ash" | "dash") { "sh" } else { name };
                format!("{BUILTIN_MARK}{name}\n").into_bytes()
            } else if path.starts_with("/docker-entrypoint.d/") {
                // nginx's own scripts fit its configuration to the machine; here it fits already.
                b"#!/bin/sh\n:\n".to_vec()
            } else if name.contains("entrypoint") {
                // Whatever it prepares, in the end it starts what it is given.
                b"#!/bin/sh\nexec \"$@\"\n".to_vec()
            } else {
                format!("#!/bin/sh\n{UNSIMULATED} '{}' \"$@\"\n", path.replace('\'', "'\\''")).into_bytes()
            },
        ))
    }
}

/// What the shell learns of a node.
fn metadata(node: &Node) -> Metadata {
    let meta = node.meta();
    let (file_type, size) = match node {
        Node::File(file) => (FileType::File, file.content.size()),
        Node::Dir(_) => (FileType::Directory, 4096),
        Node::Symlink { target, .. } => (FileType::Symlink, target.len() as u64),
        Node::Special {
            kind: Special::Fifo, ..
        } => (FileType::Fifo, 0),
        Node::Special { .. } => (FileType::File, 0),
    };
    let modified = bashkit::time::UNIX_EPOCH + Duration::new(meta.mtime.secs.max(0).unsigned_abs(), meta.mtime.nanos);
    Metadata {
        file_type,
        size,
        mode: meta.mode,
        modified,
        created: modified,
    }
}

#[async_trait]
impl FileSystemExt for Vfs {
    async fn mkfifo(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        let path = text(path);
        self.lock(|world| {
            let target = world.resolve_new(&path, Follow::AllButLast)?;
            let meta = world.meta_for(&target, mode & 0o7777);
            let kind = Special::Fifo;
            world.put(&target, Node::Special { meta, kind })
        })
    }

    fn backend_kind(&self) -> &'static str {
        "layerlab"
    }
}

#[async_trait]
impl FileSystem for Vfs {
    async fn read_file(&self, path: &Path) -> bashkit::Result<Vec<u8>> {
        let path = text(path);
        self.with(|world| {
            match world.node(&path, Follow::Last) {
                Ok((
                    _,
                    Node::Special {
                        kind: Special::Char(1, 5),
                        ..
                    },
                )) => return Ok(vec![0; 1 << 20]),
                Ok((
                    _,
                    Node::Special {
                        kind: Special::Char(1, 8 | 9),
                        ..
                    },
                )) => {
                    return Ok((0..1024).flat_map(|_| world.random().to_le_bytes()).collect());
                }
                _ => {}
            }
            if let Some(program) = self.program(&path, world)? {
                return Ok(program);
            }
            let bytes = world.read(&path)?.to_vec();
            // The hooks of what reads it will make text of it.
            world.keep_binary(&bytes);
            Ok(bytes)
        })
        .await
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        let path = text(path);
        let content = self.shared.lock().binary(content.to_vec());
        self.with(|world| world.write(&path, &content)).await
    }

    async fn append_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        let path = text(path);
        let content = self.shared.lock().binary(content.to_vec());
        self.with(|world| world.append(&path, &content)).await
    }

    async fn mkdir(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        let path = text(path);
        self.lock(|world| {
            if recursive {
                world.mkdir_all(&path)
            } else {
                world.mkdir(&path, 0o777).map(drop)
            }
        })
    }

    async fn remove(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        let path = text(path);
        self.lock(|world| {
            let target = world.resolve(&path, Follow::AllButLast)?;
            match world.tree.get(&target).ok_or(Errno::NoEntry)? {
                Node::Dir(_) if recursive => world.take(&target),
                Node::Dir(_) => world.rmdir(&path),
                _ => world.take(&target),
            }
        })
    }

    async fn stat(&self, path: &Path) -> bashkit::Result<Metadata> {
        let path = text(path);
        self.lock(|world| {
            // bashkit's outer layers ask this even where a tool asked for `lstat`.
            let follow = match world.walkers.last() {
                Some(true) => Follow::AllButLast,
                _ => Follow::Last,
            };
            Ok(metadata(world.node(&path, follow)?.1))
        })
    }

    async fn lstat(&self, path: &Path) -> bashkit::Result<Metadata> {
        let path = text(path);
        self.lock(|world| Ok(metadata(world.node(&path, Follow::AllButLast)?.1)))
    }

    async fn read_dir(&self, path: &Path) -> bashkit::Result<Vec<DirEntry>> {
        let path = text(path);
        self.lock(|world| {
            let (_, node) = world.node(&path, Follow::Last)?;
            let Node::Dir(dir) = node else {
                return Err(Errno::NotDirectory);
            };
            if !world.may(&dir.meta, 4) {
                return Err(Errno::Access);
            }
            Ok(dir
                .entries
                .iter()
                .map(|(name, node)| DirEntry {
                    name: name.clone(),
                    metadata: metadata(node),
                })
                .collect())
        })
    }

    async fn exists(&self, path: &Path) -> bashkit::Result<bool> {
        Ok(self.shared.lock().exists(&text(path)))
    }

    async fn rename(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        let (from, to) = (text(from), text(to));
        self.lock(|world| world.rename(&from, &to))
    }

    async fn copy(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        let (from, to) = (text(from), text(to));
        self.lock(|world| {
            let (_, node) = world.node(&from, Follow::Last)?;
            let file = node.as_file().ok_or(Errno::IsDirectory)?.clone();
            world.write_content(&to, file.content)
        })
    }

    async fn symlink(&self, target: &Path, link: &Path) -> bashkit::Result<()> {
        let link = text(link);
        self.lock(|world| world.symlink(&target.to_string_lossy(), &link))
    }

    async fn read_link(&self, path: &Path) -> bashkit::Result<PathBuf> {
        let path = text(path);
        self.lock(|world| match world.node(&path, Follow::AllButLast)?.1 {
            Node::Symlink { target, .. } => Ok(PathBuf::from(target)),
            _ => Err(Errno::Invalid),
        })
    }

    async fn chmod(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        let path = text(path);
        self.lock(|world| {
            let target = world.resolve(&path, Follow::Last)?;
            world.chmod(&target, mode)
        })
    }

    async fn set_modified_time(&self, path: &Path, time: bashkit::time::SystemTime) -> bashkit::Result<()> {
        let path = text(path);
        let since = time.duration_since(bashkit::time::UNIX_EPOCH).unwrap_or_default();
        self.lock(|world| {
            let target = world.resolve(&path, Follow::Last)?;
            world.set_time(
                &target,
                Time {
                    secs: since.as_secs() as i64,
                    nanos: since.subsec_nanos(),
                },
            )
        })
    }
}
