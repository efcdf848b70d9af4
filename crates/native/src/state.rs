//! The folder under `--root`: who may use it, and where things are in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A root folder that this process alone uses, until it is dropped.
#[derive(Debug)]
pub struct State {
    root: PathBuf,
    /// Holds the lock; the system lets go of it even if the process is killed.
    _lock: File,
}

impl State {
    /// Opens the folder, making it if it is missing. If another process uses it, `on_wait` is called once and this waits.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or locked.
    pub fn open(root: &Path, on_wait: impl FnOnce()) -> io::Result<State> {
        fs::create_dir_all(root)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                on_wait();
                lock.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(State {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// The OCI layout that holds all blobs and, in its index, the images.
    pub fn layout(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The records of the build cache.
    pub fn cache_file(&self) -> PathBuf {
        self.root.join("cache.json")
    }
}

/// Where the root is if `--root` does not say: `$XDG_DATA_HOME/layerlab`, or `~/.local/share/layerlab`.
///
/// `None` if neither variable is set. A relative `XDG_DATA_HOME` does not count, as the XDG specification says.
pub fn default_root(environment: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
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
    fn a_second_process_waits_for_the_first() {
        let scratch = Scratch::new();
        let first = State::open(scratch.dir(), || panic!("nobody else is there")).unwrap();
        let (waits, waiting) = mpsc::channel();
        thread::scope(|scope| {
            let second = scope.spawn(|| State::open(scratch.dir(), move || waits.send(()).unwrap()).is_ok());
            waiting.recv().unwrap();
            assert!(!second.is_finished());
            drop(first);
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
        assert_eq!(from(&[]), None);
    }
}
