//! The folder under `--root`: who may use and change it, and where things are in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A root folder that this process uses, beside others, until it is dropped.
///
/// While anybody uses it, nothing is collected that somebody could still want: see [`State::alone`].
#[derive(Debug)]
pub struct State {
    root: PathBuf,
    /// Held shared by all that use the folder; the system lets go of it even if the process is killed.
    lock: File,
}

/// The right to change what is named: images, the cache's records, containers. Dropping it gives it back.
#[derive(Debug)]
pub struct Changing(#[expect(dead_code, reason = "it holds the lock")] File);

impl State {
    /// Opens the folder, making it if it is missing. If another process collects garbage there, `on_wait` is called once and this
    /// waits.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or locked.
    pub fn open(root: &Path, on_wait: impl FnOnce()) -> io::Result<State> {
        fs::create_dir_all(root)?;
        let lock = lock_file(&root.join("lock"))?;
        if is_free(lock.try_lock_shared())? {
            return Ok(State {
                root: root.to_owned(),
                lock,
            });
        }
        on_wait();
        lock.lock_shared()?;
        Ok(State {
            root: root.to_owned(),
            lock,
        })
    }

    /// Lets this process change what is named, one at a time. It reads, changes, and writes whole files while it holds the right,
    /// which takes milliseconds: blobs are stored before. If another process has it, `on_wait` is called once and this waits.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn change(&self, on_wait: impl FnOnce()) -> io::Result<Changing> {
        let lock = lock_file(&self.root.join("change.lock"))?;
        if !is_free(lock.try_lock())? {
            on_wait();
            lock.lock()?;
        }
        Ok(Changing(lock))
    }

    /// Uses the folder alone from here on, if nobody else uses it: then what nobody refers to may be removed.
    ///
    /// What was read of the folder before is not valid any more, whatever the answer: others may have had it in between.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn alone(&self) -> io::Result<bool> {
        let is_alone = is_free(self.lock.try_lock())?;
        if !is_alone {
            self.lock.lock_shared()?;
        }
        Ok(is_alone)
    }

    /// Uses the folder alone from here on. If others use it, `on_wait` is called once and this waits for them.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn wait_alone(&self, on_wait: impl FnOnce()) -> io::Result<()> {
        if !self.alone()? {
            on_wait();
            self.lock.lock()?;
        }
        Ok(())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The OCI layout that holds all blobs and, in its index, the images.
    pub fn layout(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The folder of roots: see [`references`](crate::references).
    pub fn roots(&self) -> PathBuf {
        self.root.join("roots")
    }

    /// Where what is broken is put away.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The folder of uploads that were not finished.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// The list of volumes.
    pub fn volumes_file(&self) -> PathBuf {
        self.root.join("volumes.json")
    }

    /// The directories of volumes, by name.
    pub fn volumes(&self) -> PathBuf {
        self.root.join("volumes")
    }

    /// Digests of files of contexts.
    pub fn known_files(&self) -> PathBuf {
        self.root.join("known-files.json")
    }

    /// Filesystems that commands run over.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// Repositories while they are fetched.
    pub fn repositories(&self) -> PathBuf {
        self.root.join("repositories")
    }

    /// Cache mounts of RUN.
    pub fn cache_mounts(&self) -> PathBuf {
        self.root.join("cache-mounts")
    }

    /// The records of the build cache.
    pub fn cache_file(&self) -> PathBuf {
        self.root.join("cache")
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

fn is_free(locked: Result<(), TryLockError>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Where the root is if `--root` does not say: `$LAYERLAB_ROOT`, `$XDG_DATA_HOME/layerlab`, or `~/.local/share/layerlab`.
///
/// `None` if none of the variables is set. A relative `XDG_DATA_HOME` does not count, as the XDG specification says.
pub fn default_root(environment: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(root) = environment("LAYERLAB_ROOT").filter(|root| !root.is_empty()) {
        return Some(PathBuf::from(root));
    }
    let set = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("layerlab"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn many_use_a_folder_and_one_that_is_alone_makes_the_others_wait() {
        let scratch = Scratch::new();
        let first = State::open(scratch.dir(), || panic!("nobody else is there")).unwrap();
        let second = State::open(scratch.dir(), || panic!("both may be there")).unwrap();
        assert!(!first.alone().unwrap());
        drop(second);
        assert!(first.alone().unwrap());
        waits_for(first, |waits| State::open(scratch.dir(), waits).is_ok());
    }

    #[test]
    fn one_at_a_time_changes_what_is_named() {
        let scratch = Scratch::new();
        let first = State::open(scratch.dir(), || {}).unwrap();
        let second = State::open(scratch.dir(), || {}).unwrap();
        let changing = first.change(|| panic!("nobody else changes anything")).unwrap();
        waits_for(changing, |waits| second.change(waits).is_ok());
    }

    /// Checks that `then` waits until `held` is dropped.
    fn waits_for<T>(held: T, then: impl FnOnce(Box<dyn FnOnce() + Send>) -> bool + Send) {
        let (waits, waiting) = mpsc::channel();
        thread::scope(|scope| {
            let second = scope.spawn(|| then(Box::new(move || waits.send(()).unwrap())));
            waiting.recv().unwrap();
            assert!(!second.is_finished());
            drop(held);
            assert!(second.join().unwrap());
        });
    }

    #[test]
    fn the_default_root_follows_the_xdg_specification() {
        let from = |variables: &[(&str, &str)]| {
            default_root(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            from(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]),
            Some("/d/layerlab".into())
        );
        assert_eq!(
            from(&[("XDG_DATA_HOME", "d"), ("HOME", "/h")]),
            Some("/h/.local/share/layerlab".into())
        );
        assert_eq!(
            from(&[("LAYERLAB_ROOT", "r"), ("XDG_DATA_HOME", "/d")]),
            Some("r".into())
        );
        assert_eq!(from(&[("LAYERLAB_ROOT", "")]), None);
    }
}
