//! The files of a container from outside: an open root, and paths that never lead out of it.

use super::refusals::system;
use super::spec::{Places, volume_place};
use engine::{Container, MountSource, Refusal};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
};
use sandbox::Running;
use std::io;
use std::path::Path;

/// The root of a container, and what is mounted in it if nothing runs there.
#[derive(Debug)]
pub(super) struct Inside {
    root: OwnedFd,
    mounts: Vec<Mounted>,
}

#[derive(Debug)]
struct Mounted {
    target: String,
    place: OwnedFd,
    read_only: bool,
}

/// A path in a container.
#[derive(Debug)]
pub(super) struct Inner<'a> {
    root: BorrowedFd<'a>,
    path: String,
    /// Whether nothing may be written there.
    pub read_only: bool,
}

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Inside {
    /// The files of a container that runs, as its processes see them.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    pub(super) fn of_running(container: &Container, running: &Running) -> Result<Inside, Refusal> {
        let failed = |error: io::Error| system(&format!("look into container {}", container.name), &error);
        let place = format!("/proc/{}/root", running.pid);
        let root = openat(CWD, place, DIRECTORY, Mode::empty()).map_err(|error| failed(error.into()))?;
        // Asked when the root is open: it is this container's and not a later process's.
        sandbox::processes(running).map_err(|error| failed(io::Error::other(error.to_string())))?;
        Ok(Inside {
            root,
            mounts: Vec::new(),
        })
    }

    /// The files of a container that does not run. Its root is mounted nowhere: it is gone when this is dropped.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    pub(super) fn of_stopped(container: &Container, places: &Places) -> Result<Inside, Refusal> {
        let failed = |error: Errno| system(&format!("mount container {}", container.name), &error.into());
        let root = overlay(places).map_err(failed)?;
        let mut mounts = Vec::new();
        for mount in &container.mounts {
            let place = match &mount.source {
                MountSource::Bind(path) => path.into(),
                MountSource::Volume(name) => volume_place(&places.volumes, name),
                MountSource::Tmpfs => continue,
            };
            // A single file is looked at through what is under it.
            if let Ok(place) = openat(CWD, &place, DIRECTORY, Mode::empty()) {
                mounts.push(Mounted {
                    target: mount.target.trim_end_matches('/').to_owned(),
                    place,
                    read_only: mount.read_only,
                });
            }
        }
        // The innermost mount counts.
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.len()));
        Ok(Inside { root, mounts })
    }

    /// Where a path of the container is: in its root or in what is mounted there.
    pub(super) fn at(&self, path: &str) -> Inner<'_> {
        let path = format!("/{}", path.trim_start_matches('/'));
        for mount in &self.mounts {
            let rest = path.strip_prefix(&mount.target);
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                return Inner {
                    root: mount.place.as_fd(),
                    path: format!("/{rest}"),
                    read_only: mount.read_only,
                };
            }
        }
        Inner {
            root: self.root.as_fd(),
            path,
            read_only: false,
        }
    }
}

impl Inner<'_> {
    /// Opens what stands there, without reading it. Links lead to where they lead in the container, never out of it; the last one is
    /// followed with `OFlags::empty()` and not with `OFlags::NOFOLLOW`.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(super) fn open(&self, last: OFlags) -> Result<OwnedFd, Errno> {
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::CLOEXEC | last;
        loop {
            match openat2(self.root, self.path.as_str(), flags, Mode::empty(), within) {
                // Something was renamed on the way.
                Err(Errno::AGAIN) => {}
                opened => return opened,
            }
        }
    }
}

/// The overlay of a container, mounted nowhere.
fn overlay(places: &Places) -> Result<OwnedFd, Errno> {
    let overlay = places.overlay();
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or(Errno::ILSEQ);
    let filesystem = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let set = |key: &str, value: &str| fsconfig_set_string(filesystem.as_fd(), key, value);
    set("source", "overlay")?;
    for layer in &overlay.lower {
        set("lowerdir+", &text(layer)?)?;
    }
    set("upperdir", &text(&overlay.upper)?)?;
    set("workdir", &text(&overlay.work)?)?;
    // As in the sandbox: what a layer says of redirects is not followed.
    for (key, value) in [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")] {
        set(key, value)?;
    }
    if in_user_namespace() {
        fsconfig_set_flag(filesystem.as_fd(), "userxattr")?;
    }
    fsconfig_create(filesystem.as_fd())?;
    fsmount(
        filesystem.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
}

fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<&str> = map.split_whitespace().collect();
    fields != ["0", "0", "4294967295"]
}
