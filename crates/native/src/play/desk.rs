//! Plans that wait for a person's word, the build that runs, and the private folder of both.

use super::project::Checked;
use messages::NativePlan;
use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// How many plans wait at most; an older one is forgotten.
const MAX_WAITING: usize = 4;
/// How many companions share a root at most.
const MAX_DESKS: usize = 16;

/// What has been planned, and what runs.
pub(super) struct Desk {
    folder: Folder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(NativePlan, Checked)>,
    running: Option<(String, Arc<Notify>)>,
}

/// A folder that this process alone uses; removed when it goes away.
struct Folder {
    path: PathBuf,
    /// Holds the lock; the system lets go of it even if the process is killed.
    _lock: File,
}

/// Why a plan does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GoError {
    /// It was never shown, it was forgotten, or it was used.
    #[error("expected the hash of a plan that was shown and not yet used, found another: ask for the plan again")]
    Unknown,
    /// One build at a time.
    #[error("expected no build, found one that runs: wait for its end or cancel it")]
    Busy,
}

/// The right to be the build that runs; given back when it goes away.
pub(super) struct Turn {
    desk: Arc<Desk>,
    /// Told when the build is to stop.
    pub(super) stop: Arc<Notify>,
}

impl Desk {
    /// A desk in a folder below `root` that is no other companion's.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub(super) fn open(root: &Path) -> io::Result<Desk> {
        Ok(Desk {
            folder: Folder::take(&root.join("play"))?,
            state: Mutex::default(),
        })
    }

    /// Puts a plan down until a person has read it.
    pub(super) fn put(&self, plan: NativePlan, project: Checked) {
        let waiting = &mut self.state().waiting;
        waiting.retain(|(other, _)| other.hash != plan.hash);
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back((plan, project));
    }

    /// Takes the plan with this hash up, once.
    ///
    /// # Errors
    ///
    /// [`GoError`]. A plan that has to wait for a build is not used up.
    pub(super) fn take(self: &Arc<Desk>, hash: &str) -> Result<(Checked, Turn), GoError> {
        let mut state = self.state();
        let at = state
            .waiting
            .iter()
            .position(|(plan, _)| plan.hash == hash)
            .ok_or(GoError::Unknown)?;
        if state.running.is_some() {
            return Err(GoError::Busy);
        }
        let (_, project) = state.waiting.remove(at).expect("it was found there");
        let stop = Arc::new(Notify::new());
        state.running = Some((hash.to_owned(), Arc::clone(&stop)));
        drop(state);
        Ok((
            project,
            Turn {
                desk: Arc::clone(self),
                stop,
            },
        ))
    }

    /// Tells the build of this plan to stop; false if it does not run.
    pub(super) fn stop(&self, hash: &str) -> bool {
        match &self.state().running {
            Some((running, stop)) if running == hash => {
                stop.notify_one();
                true
            }
            _ => false,
        }
    }

    /// Tells whatever build runs to stop.
    pub(super) fn stop_all(&self) {
        if let Some((_, stop)) = &self.state().running {
            stop.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half-done in it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Turn {
    /// Writes a project where the build finds it. It is the same place each time, so that the cache knows the project again.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(super) fn unpack(&self, project: &Checked) -> io::Result<PathBuf> {
        let place = self.desk.folder.path.join("project");
        remove(&place)?;
        private(&place)?;
        project.write(&place)?;
        Ok(place)
    }

    /// Where the build puts its report; nothing is there yet.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(super) fn report(&self) -> io::Result<PathBuf> {
        let place = self.desk.folder.path.join("report.json");
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(place),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.desk.state().running = None;
    }
}

impl Folder {
    /// The first folder with a number that nobody holds. What a companion that was killed has left there is removed.
    fn take(above: &Path) -> io::Result<Folder> {
        fs::create_dir_all(above)?;
        for number in 1..=MAX_DESKS {
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(above.join(format!("{number}.lock")))?;
            match lock.try_lock() {
                Ok(()) => {
                    let path = above.join(number.to_string());
                    remove(&path)?;
                    private(&path)?;
                    return Ok(Folder { path, _lock: lock });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other(format!(
            "expected at most {MAX_DESKS} companions of one root, found more"
        )))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next companion.
        let _ = remove(&self.path);
    }
}

fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use messages::{Options, Project, ProjectFile};
    use std::os::unix::fs::PermissionsExt;

    fn desk(scratch: &Scratch) -> Arc<Desk> {
        Arc::new(Desk::open(scratch.dir()).unwrap())
    }

    fn put(desk: &Desk, hash: &str) {
        let file = ProjectFile {
            path: "Dockerfile".to_owned(),
            mode: 0o644,
            base64: String::new(),
        };
        let options = Options {
            dockerfile: "Dockerfile".to_owned(),
            ..Options::default()
        };
        let project = Checked::new(Project {
            files: vec![file],
            options,
        })
        .unwrap();
        desk.put(
            NativePlan {
                hash: hash.to_owned(),
                ..NativePlan::default()
            },
            project,
        );
    }

    #[test]
    fn a_plan_is_used_once_and_only_under_its_own_hash() {
        let scratch = Scratch::new();
        let desk = desk(&scratch);
        put(&desk, "a");
        assert_eq!(desk.take("b").err(), Some(GoError::Unknown));
        assert!(desk.take("a").is_ok());
        assert_eq!(desk.take("a").err(), Some(GoError::Unknown));
    }

    #[test]
    fn one_build_runs_at_a_time_and_a_plan_that_waits_is_kept() {
        let scratch = Scratch::new();
        let desk = desk(&scratch);
        put(&desk, "a");
        put(&desk, "b");
        let (_, turn) = desk.take("a").ok().unwrap();
        assert_eq!(desk.take("b").err(), Some(GoError::Busy));
        assert!(desk.stop("a"));
        assert!(!desk.stop("b"));
        drop(turn);
        assert!(!desk.stop("a"));
        assert!(desk.take("b").is_ok());
    }

    #[test]
    fn old_plans_are_forgotten() {
        let scratch = Scratch::new();
        let desk = desk(&scratch);
        for number in 0..=MAX_WAITING {
            put(&desk, &number.to_string());
        }
        assert_eq!(desk.take("0").err(), Some(GoError::Unknown));
        assert!(desk.take("1").is_ok());
    }

    #[test]
    fn the_folder_is_private_empty_and_removed() {
        let scratch = Scratch::new();
        scratch.write("play/1/left/over", "x");
        let one = desk(&scratch);
        let other = desk(&scratch);
        let path = one.folder.path.clone();
        assert_ne!(path, other.folder.path);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        put(&one, "a");
        let (project, turn) = one.take("a").ok().unwrap();
        assert!(turn.unpack(&project).unwrap().join("Dockerfile").is_file());
        drop(turn);
        drop(one);
        assert!(!path.exists());
    }
}
